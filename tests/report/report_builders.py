"""Runs to report on: a release that goes, one that does not, and a run that recorded nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from report_evidence import evidence
from report_measures import HINT, healthy, measure, response, share
from report_plan import BROKEN, ROUTES, TITLES, ns, plan

from harness.judgement.measures import because
from harness.model import (
    ClaimVerdict,
    Decision,
    DecisionOutcome,
    DecisionReason,
    DoorResult,
    Evidence,
    ExperimentResult,
    FailedProbeShares,
    JourneyResult,
    Judgement,
    LedgerResult,
    Measure,
    NotAssessable,
    OperationRecovery,
    Outcome,
    Phase,
    PipelineResult,
    Plan,
    Reason,
    ReasonKind,
    ReleaseResult,
    Steady,
    TrafficResult,
    Verdict,
    WatcherResult,
    WindowResult,
    Worker,
)

Run: TypeAlias = tuple[Plan, Evidence, Judgement]


def _worst(measures: Sequence[Measure]) -> Outcome:
    order = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED, Outcome.PASS)
    return next((o for o in order if any(m.outcome is o for m in measures)), Outcome.INCONCLUSIVE)


def verdict(given: Plan, requirement: str, measures: Sequence[Measure]) -> Verdict:
    """One claim's verdict, and the requirement's."""
    claim = next(c for c in given.claims if c.requirement == requirement)
    outcome = _worst(measures)
    telling = next(m for m in measures if m.outcome is outcome)
    own = ClaimVerdict(
        scenario=claim.scenario,
        requirement=requirement,
        outcome=outcome,
        because=telling.because,
        measures=(tuple(measures),),
    )
    return Verdict(requirement=requirement, outcome=outcome, because=telling.because, claims=(own,))


def _operation(name: str, operation: str) -> OperationRecovery:
    broken = BROKEN[name]
    outages = getattr(broken, operation)
    seconds = outages[-1][1] if outages else 0.0
    stalls = ((0.5, 1.2),) if operation == "reads" and broken.domain == "region" else ()
    way_back = (
        ((broken.until - 9.0, broken.until - 5.0),) if (broken.domain, operation) == ("database", "writes") else ()
    )
    return OperationRecovery(
        operation=operation,
        seconds=seconds,
        resolution_s=0.05,
        observed_s=broken.until,
        outages=outages,
        stalls=stalls,
        way_back=way_back,
        way_back_s=12.0 if way_back else 0.0,
        way_back_resolution_s=0.05,
    )


def _users(name: str) -> dict[str, OperationRecovery]:
    """Each route and each serving region, as its users measured it."""
    reads = _operation(name, "reads")
    return {group: replace(reads, operation=group) for group in ("route read-track", "region us-east-1")}


def _failed_probes(name: str, operation: str) -> FailedProbeShares:
    away = sum(end - start for start, end in getattr(BROKEN[name], operation))
    under = away / BROKEN[name].until
    return FailedProbeShares(operation=operation, null_run=0.0001, under_fault=under, difference=under - 0.0001)


def _at_the_door(name: str) -> dict[str, OperationRecovery]:
    """The region that was lost came back when the fault was undone, as it must."""
    if BROKEN[name].domain != "region":
        return {}
    why = "hit by the fault itself"
    return {
        "us-east-1": OperationRecovery(
            operation="reads",
            seconds=None,
            resolution_s=0.1,
            observed_s=62,
            on_heal=True,
            outages=((0.05, 31.4),),
            why=why,
        )
    }


def experiment_result(name: str) -> ExperimentResult:
    """An experiment of which all receipts are complete."""
    broken = BROKEN[name]
    return ExperimentResult(
        name=name,
        domain=broken.domain,
        attempt=1,
        verdict=Outcome.PASS,
        reason="its receipts are ok",
        hit=tuple(hit.name for hit in broken.hit),
        sent=True,
        confirmed_after_s=0.4,
        seen_by_client_after_s=min((s for s, _ in (*broken.reads, *broken.writes)), default=None),
        restore_ok=True,
        restored_after_s=broken.until - 2,
        reads=_operation(name, "reads"),
        writes=_operation(name, "writes"),
        writes_acknowledged=round((broken.until + 4) * 30 * 0.7),
        writes_lost=0,
        writes_unsure=3,
        loss_window_s=None,
        share={"us-east-1 before": 0.604, "us-east-1 during": 0.31, "eu-west-1 before": 0.3, "eu-west-1 during": 0.58},
        errors={"status 503": 512},
        writes_recovered=2,
        reads_checked=140,
        reads_stale=1,
        failed_probes=tuple(_failed_probes(name, operation) for operation in ("reads", "writes")),
        regions=_at_the_door(name),
        users=_users(name),
        users_thin={"route create-track": 0.8},
    )


def _traffic(experiment: str, route: str, n: int, p95: float) -> TrafficResult:
    return TrafficResult(
        name="everyday",
        window=f"experiment:{experiment}/fault" if experiment else "everyday/fault-free",
        experiment=experiment,
        route=route,
        offered_rps=25 if route else 100,
        achieved_rps=25.03 if route else 100.1,
        n=n,
        errors=3 if not experiment else 512,
        p50_ms=18.1,
        p95_ms=p95,
        p99_ms=p95 * 1.6,
        lag_ms_p99=0.61,
        valid=True,
        why="",
        lag_limit_ms=20.0,
        warm_up_s=None if experiment else 10.02,
        workers=() if route else GENERATORS,
    )


GENERATORS = (
    Worker(id=0, rows=60_000, closed=True, cpu=0.412, gc_ms=3.1, loop_ms=4.7),
    Worker(id=1, rows=59_874, closed=True, cpu=0.397, gc_ms=2.8, loop_ms=3.9, offset_ns=1_800_000, residual_ns=140_000),
)
LEDGER = LedgerResult(
    attempted=10_651,
    acknowledged=9_312,
    lost=0,
    wrong=0,
    missing={"database": 0, "us-east-1": 0},
    recovered=9,
    unsure=14,
    unexpected=0,
    twice=0,
    reads=1862,
    stale=3,
)
PIPELINE = PipelineResult(
    sent=1780, accepted=1771, lost=0, twice=0, wrong=0, unsure=2, visible_p50_s=0.041, visible_p95_s=0.187
)


IMAGES = {
    "us-east-1/Deployment/api-gateway": ("sha256:11aa",),
    "us-east-1/StatefulSet/postgres": ("sha256:22bb",),
}


def windows() -> tuple[WindowResult, ...]:
    """Fault-free, then under and after each fault, in order of time."""
    found = [
        WindowResult(
            name="everyday/fault-free",
            traffic="everyday",
            phase=Phase.STEADY.value,
            experiment="",
            start_s=0.0,
            end_s=128.0,
            n=12816,
            errors=3,
        )
    ]
    for number, name in enumerate(BROKEN):
        start = 128.0 + 60 * number
        for part, phase, n, errors, at in (("fault", Phase.FAULT, 5200, 512, 0), ("after", Phase.STEADY, 800, 0, 52)):
            found.append(
                WindowResult(
                    name=f"experiment:{name}/{part}",
                    traffic="everyday",
                    phase=phase.value,
                    experiment=name,
                    start_s=start + at,
                    end_s=start + (52 if part == "fault" else 60),
                    n=n,
                    errors=errors,
                )
            )
    return tuple(found)


def doors() -> tuple[DoorResult, ...]:
    """One door without a failure, one that was out twice."""
    return (
        DoorResult(region="eu-west-1", n=8400, failed=0, down_s=0.0, watched_s=420.0, longest_s=0.0),
        DoorResult(
            region="us-east-1",
            n=8400,
            failed=7,
            down_s=0.35,
            watched_s=420.0,
            longest_s=0.2,
            worst="experiment:pod-loss/after",
        ),
    )


def watchers() -> tuple[WatcherResult, ...]:
    """Who watched: all but one without a gap."""
    seen = {
        "entry": (20.0, 17_800, 31.0, 0.0, ""),
        "regions us-east-1": (50.0, 7_120, 74.0, 0.0, ""),
        "regions eu-west-1": (50.0, 6_980, 812.0, 0.812, ""),
        "ledger": (33.3, 10_651, 51.0, 0.0, ""),
        "replicas postgres-eu-west-1-0": (200.0, 1_780, 260.0, 0.0, ""),
        "pipeline": (200.0, 1_780, 214.0, 0.0, ""),
    }
    found = tuple(
        WatcherResult(
            name=name,
            spacing_ms=spacing,
            n=n,
            first_ns=ns(24.6),
            last_ns=ns(380.1),
            longest_gap_ms=gap,
            blind_s=blind,
            closed=not why,
            why=why,
        )
        for name, (spacing, n, gap, blind, why) in seen.items()
    )
    pods = WatcherResult(
        name="pods",
        spacing_ms=0,
        n=24,
        first_ns=ns(165),
        last_ns=ns(350),
        longest_gap_ms=None,
        blind_s=0,
        closed=False,
        why="its file has no end",
    )
    return (*found, pods)


def judgement(given: Plan, verdicts: Mapping[str, Sequence[Measure]], outcome: DecisionOutcome) -> Judgement:
    """A judgement: `verdicts` replaces the healthy measures of some requirements."""
    every = [verdict(given, key, verdicts.get(key) or healthy(key)) for key in TITLES]
    passed = sum(v.outcome is Outcome.PASS for v in every)
    return Judgement(
        decision=Decision(
            outcome=outcome,
            headline=f"{outcome.value} for sandbox · profile core · {given.release} · {passed} passed",
            because=(),
            score=passed / len(every),
        ),
        verdicts=tuple(every),
        experiments=tuple(experiment_result(name) for name in BROKEN),
        traffic=(
            _traffic("", "", 12816, 47.3),
            *(_traffic("", route, 3204, 38.0 + 3 * i) for i, route in enumerate(ROUTES)),
            *(_traffic(name, "", 5200, 900.0) for name in BROKEN),
        ),
        missing=(),
        watchers=watchers(),
        ledger=LEDGER,
        pipeline=PIPELINE,
        windows=windows(),
        doors=doors(),
        journeys=(JourneyResult(traffic="everyday", n=4272, troubled=9, limit_ms=500.0),),
        release=ReleaseResult(
            planned=given.release,
            observed={given.release: 33_616},
            unnamed=41,
            before=IMAGES,
            after=IMAGES,
            verified=True,
            why=f"33616 answers, 2 workloads before and after are {given.release}",
        ),
        steady_end=Steady(ok=True, at_ns=ns(380)),
    )


def go() -> Run:
    """Release 1.0.0 is fine."""
    given = plan(release="1.0.0")
    return given, evidence(), judgement(given, {}, DecisionOutcome.GO)


def no_go() -> Run:
    """Release slow: one route is over its limit, an error rate cannot be told, one check could not have failed."""
    lack = because(Outcome.NOT_ASSESSED, "not here", "use a cluster", kind=ReasonKind.NO_MEANS)
    given = replace(plan(), not_assessable=(NotAssessable(requirement="DA-NET-POLICY", because=lack),))
    late = [response("ND-KPI-P95", r, 38.0 + 3 * i, 200) for i, r in enumerate(ROUTES)]
    late[2] = response(
        "ND-KPI-P95",
        "read-track",
        268.4,
        200,
        outcome=Outcome.FAIL,
        reason="response time p95 of read-track is 268.4 ms (at least 260.3 ms with 99.75 % confidence, n 3204), expected below 200 ms;"
        " by region that served: us-east-1 44.1 ms, eu-west-1 291 ms, ap-southeast-1 46.2 ms",
        hint=HINT.format("ND-KPI-P95"),
    )
    unsure = share(
        "ND-KPI-ERRORS",
        "error rate",
        {"traffic": "everyday", "phase": "in the steady state"},
        0.00078,
        limit="0.1 %",
        scaled_limit=0.001,
        n_needed=21000,
        outcome=Outcome.INCONCLUSIVE,
        reason="error rate of all routes together (10 of 12816 requests) is 0.07803 % (between 0.0373 % and 0.119 %), expected below 0.1 %."
        " Not decided: 12816 requests are too few to decide, about 21000 at this rate would prove PASS",
        hint="lengthen the load (`for` in loadtests/everyday.yaml) until about 21000 requests are recorded, then run again",
    )
    unasked = measure(
        "DA-NET-POLICY",
        "network-policy",
        {},
        op="holds",
        limit="1",
        outcome=Outcome.NOT_ASSESSED,
        reason="it could not fail here: the network back-end of this target cannot refuse a connection",
        hint="run on a target whose network enforces NetworkPolicy",
    )
    verdicts = {"ND-KPI-P95": late, "ND-KPI-ERRORS": [unsure], "DA-NET-POLICY": [unasked]}
    found = judgement(given, verdicts, DecisionOutcome.NO_GO)
    reasons = tuple(
        DecisionReason(requirement=key, outcome=v.outcome, because=v.because)
        for key in verdicts
        for v in found.verdicts
        if v.requirement == key
    )
    headline = "NO-GO for sandbox · profile core · slow · 1 failed · 1 inconclusive · 20 passed · 1 not assessed"
    return given, evidence(), replace(found, decision=replace(found.decision, headline=headline, because=reasons))


def nothing() -> Run:
    """A run that recorded nothing: every requirement is INCONCLUSIVE and every experiment left no record."""
    given, gone = plan(), "manifest.json: is gone"
    why = because(
        Outcome.INCONCLUSIVE, "there is no fault-free window of everyday", "run again", kind=ReasonKind.NO_RECORD
    )
    undecided: dict[str, Any] = {"outcome": Outcome.INCONCLUSIVE, "because": why}
    whole = judgement(given, {}, DecisionOutcome.INCONCLUSIVE)
    verdicts = tuple(
        replace(one, **undecided, claims=tuple(replace(claim, **undecided, measures=((),)) for claim in one.claims))
        for one in whole.verdicts
    )
    decision = Decision(
        outcome=DecisionOutcome.INCONCLUSIVE,
        headline="INCONCLUSIVE for sandbox",
        because=(DecisionReason(because=Reason(kind=ReasonKind.EVIDENCE, text=gone)),),
        score=0.0,
    )
    absent = tuple(
        replace(
            one,
            attempt=0,
            verdict=Outcome.INCONCLUSIVE,
            reason="it left no record",
            hit=(),
            sent=False,
            reads=None,
            writes=None,
            failed_probes=(),
            regions={},
            users={},
            users_thin={},
        )
        for one in whole.experiments
    )
    judged = Judgement(decision=decision, verdicts=verdicts, experiments=absent, traffic=(), missing=(gone,))
    return given, Evidence(complete=False), judged


def decided(run: Run, **changes: Any) -> Run:
    """A run with another decision."""
    given, seen, judged = run
    return given, seen, replace(judged, decision=replace(judged.decision, **changes))


def first_verdict(run: Run, **changes: Any) -> Run:
    """A run with another verdict of its first requirement, which is ND-KPI-P95."""
    given, seen, judged = run
    first, *others = judged.verdicts
    return given, seen, replace(judged, verdicts=(replace(first, **changes), *others))


def repeated(run: Run, n: int) -> Run:
    """A run with `n` requirements: those of another one over and over, each with an id, a scenario and a title of its own."""
    given, seen, judged = run
    claims = {claim.requirement: claim for claim in given.claims}
    verdicts = {verdict.requirement: verdict for verdict in judged.verdicts}
    requirements, copies, found = [], [], []
    for number in range(n):
        requirement = given.requirements[number % len(given.requirements)]
        name = f"{requirement.id}-{number}"
        claim, made = claims[requirement.id], verdicts[requirement.id]
        own = replace(claim.scenario, name=f"{claim.scenario.name} {number}")
        requirements.append(replace(requirement, id=name, title=f"{requirement.title} {number}"))
        copies.append(replace(claim, requirement=name, scenario=own))
        said = tuple(replace(one, requirement=name, scenario=own) for one in made.claims)
        found.append(replace(made, requirement=name, claims=said))
    plan_of_many = replace(given, requirements=tuple(requirements), claims=tuple(copies))
    return plan_of_many, seen, replace(judged, verdicts=tuple(found))
