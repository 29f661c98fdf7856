"""The judge: makes a judgement from a recorded run. A figure whose function raises an error is INCONCLUSIVE."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from traceback import walk_tb
from typing import Final, TypeVar

from harness.errors import UsageError
from harness.judgement.decisions.decision import decide
from harness.judgement.decisions.harm import unjudged_harm
from harness.judgement.decisions.verdicts import claim_verdict, parts_first, requirement_verdict
from harness.judgement.figures import FIGURES, spec_in
from harness.judgement.figures.files import experiment_files
from harness.judgement.figures.ledger.loss import ledger_result
from harness.judgement.figures.ledger.pipelines import pipeline_result
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.figures.traffic.stopped import unseen
from harness.judgement.ledger.excuses import account_in
from harness.judgement.measures import Case, inconclusive, measure
from harness.judgement.once import once_a_run
from harness.judgement.receipts.faults.attempts import spared_ns
from harness.judgement.receipts.machine import machine_result, on_this_machine
from harness.judgement.receipts.records.counted import trusted
from harness.judgement.receipts.records.missing import lacking
from harness.judgement.receipts.records.recorded_time import unrecorded
from harness.judgement.receipts.records.rows import not_recorded
from harness.judgement.routes import apart_by_method
from harness.judgement.second_reading import read_again
from harness.judgement.summary.overview import door_results, journey_results, unjudged, window_results
from harness.judgement.summary.summaries import absent, experiment_results, traffic_results, unknown_traffic
from harness.judgement.summary.watchers import watcher_results
from harness.judgement.unread import for_people_only
from harness.judgement.whole import Whole, release_result, voided, whole_of
from harness.model import (
    Claim,
    ClaimVerdict,
    Evidence,
    ExperimentResult,
    Figure,
    Judgement,
    LedgerResult,
    MachineResult,
    Measure,
    Outcome,
    Phase,
    PipelineResult,
    Plan,
    Reason,
    ReasonKind,
    TrafficResult,
    Verdict,
    WatcherResult,
    Window,
    untenable,
)
from harness.model.rounding import rounded

_Made = TypeVar("_Made")
_NOTHING: Final = "no act that the sentence names was planned and recorded"
_CHECK: Final = "add the traffic, experiment or rollout of the sentence to the scenario, then run again"
_UNDER_TRAFFIC: Final = (Basis.TRAFFIC, Basis.EXPERIMENT, Basis.ROLLOUT)
_OURS: Final = "the judge could not compute this figure"
_THEIRS: Final = "correct the function, then judge the run again: `readiness judge RUN`"
_BUG: Final = "this is a bug in the harness: report it and attach the run directory"


def judge(plan: Plan, evidence: Evidence, figures: Mapping[Figure, Spec] = FIGURES) -> Judgement:
    """Judge a recorded run by its plan and its evidence only. Never raises.

    Args:
        plan: plan of the run.
        evidence: evidence of the run.
        figures: all figures that the plan may name; by default the figures of the harness. Another figure is INCONCLUSIVE.
    """
    recorded = evidence
    found = decided(plan, recorded, figures)
    evidence = _seam(lambda: _prepared(plan, recorded), lambda _: recorded)
    return rounded(
        replace(
            found,
            experiments=_experiments(plan, evidence),
            traffic=tuple(result for window in evidence.windows.values() for result in _traffic(plan, window)),
            missing=tuple(f"{item.file}: {item.why}" for item in evidence.missing),
            watchers=_seam(lambda: tuple(watcher_results(evidence)), lambda why: (WatcherResult(name="all", why=why),)),
            ledger=_seam(lambda: ledger_result(plan, evidence), lambda why: LedgerResult(why=why)),
            pipeline=_seam(lambda: pipeline_result(plan, evidence), lambda why: PipelineResult(why=why)),
            windows=_seam(lambda: window_results(evidence), lambda _: ()),
            unjudged=_seam(lambda: unjudged(plan, evidence), lambda _: ()),
            journeys=_seam(lambda: tuple(journey_results(plan, evidence)), lambda _: ()),
            doors=_seam(lambda: tuple(door_results(plan, evidence)), lambda _: ()),
            release=_seam(lambda: release_result(plan, evidence), lambda _: None),
            steady_end=evidence.steady_end,
            for_people=_seam(lambda: for_people_only(evidence), lambda _: ()),
            machine=_seam(lambda: machine_result(plan, evidence), lambda why: MachineResult(ok=False, why=why)),
        )
    )


def decided(plan: Plan, evidence: Evidence, figures: Mapping[Figure, Spec] = FIGURES) -> Judgement:
    """Only the verdicts and the decision, not rounded, without the summaries for reports. Never raises."""
    recorded = evidence
    evidence, whole = _seam(
        lambda: _whole(plan, _prepared(plan, recorded)),
        lambda why: (recorded, Whole(void=Reason(kind=ReasonKind.HARNESS, text=why, hint=_BUG))),
    )
    verdicts = _verdicts(plan, evidence, whole, figures)
    harm, whole = _seam(
        lambda: (unjudged_harm(plan, evidence, verdicts, figures), whole),
        lambda why: ((), replace(whole, blemishes=(*whole.blemishes, _uncounted(why)))),
    )
    decision = decide(plan, verdicts, whole, harm)
    return Judgement(decision=decision, verdicts=verdicts, experiments=(), traffic=(), missing=(), unjudged_harm=harm)


@once_a_run
def _prepared(plan: Plan, evidence: Evidence) -> Evidence:
    """The evidence with routes named by method, with missing and excluded requests of each window, and with watchers that cannot be trusted."""
    counts, spared = not_recorded(evidence), spared_ns(plan, evidence)
    windows = {
        name: replace(window, broken_off=counts.get(name, 0), spared_ns=spared.get(name, 0))
        for name, window in evidence.windows.items()
    }
    return apart_by_method(plan, replace(evidence, windows=windows, watchers=trusted(evidence)))


def _whole(plan: Plan, evidence: Evidence) -> tuple[Evidence, Whole]:
    return evidence, whole_of(plan, evidence)


def _verdicts(plan: Plan, evidence: Evidence, whole: Whole, figures: Mapping[Figure, Spec]) -> tuple[Verdict, ...]:
    """A verdict for each requirement, in the plan's order; derived ones after the parts that they are made of."""
    claims: dict[str, list[Claim]] = {}
    for claim in plan.claims:
        claims.setdefault(claim.requirement, []).append(claim)
    found: dict[str, Verdict] = {}
    for requirement in parts_first(plan.requirements):
        judged = [voided(_claim(plan, evidence, one, found, figures), whole) for one in claims.get(requirement.id, ())]
        found[requirement.id] = requirement_verdict(requirement, judged, plan, evidence)
    return tuple(found[requirement.id] for requirement in plan.requirements)


def _uncounted(why: str) -> Reason:
    return Reason(kind=ReasonKind.HARNESS, text=f"harm was not counted: {why}", hint=_BUG)


def _claim(
    plan: Plan, evidence: Evidence, claim: Claim, verdicts: Mapping[str, Verdict], figures: Mapping[Figure, Spec]
) -> ClaimVerdict:
    cases = [Case(plan=plan, evidence=evidence, claim=claim, objective=o, verdicts=verdicts) for o in claim.objectives]
    return claim_verdict(claim, [_measures(case, figures) for case in cases])


def _measures(case: Case, figures: Mapping[Figure, Spec]) -> tuple[Measure, ...]:
    """The measures of one objective; incomplete evidence supports neither PASS nor FAIL."""
    name = case.objective.figure.value
    return _seam(
        lambda: _judged(case, name, figures),
        lambda why: (
            inconclusive(case, name, why, _BUG if why.startswith(_OURS) else _THEIRS, kind=ReasonKind.HARNESS),
        ),
    )


def _judged(case: Case, name: str, figures: Mapping[Figure, Spec]) -> tuple[Measure, ...]:
    try:
        spec = spec_in(figures, case.objective.figure)
    except UsageError as error:
        return (inconclusive(case, name, error.what, error.hint, kind=ReasonKind.SENTENCE),)
    if why := untenable(case.objective, spec.limit):
        hint = f"correct the sentence at {case.objective.at or 'its place'}, then run again"
        return (inconclusive(case, name, why, hint, kind=ReasonKind.SENTENCE),)
    gone = lacking(case.evidence, (*experiment_files(case), *spec.evidence(case)))
    if gone is not None:
        why = f"{gone.file} is missing or incomplete: {gone.why}"
        hint = f"restore {gone.file}, or run again"
        return (inconclusive(case, name, why, hint, kind=ReasonKind.EVIDENCE),)
    found = read_again(case, spec, [(one, _on_this_machine(case, spec, one)) for one in spec.judge(case)])
    found = [
        one if one.outcome is Outcome.FAIL or not one.worst_requests else replace(one, worst_requests=())
        for one in found
    ]
    return (*found, *_untried(case, name), *_unrecorded(case, spec, name, found)) or (
        inconclusive(case, name, _NOTHING, _CHECK),
    )


def _on_this_machine(case: Case, spec: Spec, found: Measure) -> Measure:
    """The measure; a figure of time is INCONCLUSIVE if the machine disturbed it. A FAIL for harm to written data stays."""
    by_clocks = spec.clocked and bool(case.evidence.clock_steps)
    if not (spec.timed or by_clocks) or (spec.judges and found.outcome is Outcome.FAIL):
        return found
    spans = spec.moments(case, found) if spec.moments else None
    return on_this_machine(case, found, spans, timed=spec.timed, anytime=spec.basis is Basis.CHECK)


def _untried(case: Case, name: str) -> Iterable[Measure]:
    """One NOT ASSESSED measure for each experiment that the claim names and this run did not include: without it the requirement cannot pass."""
    for what in case.objective.scope.missing_experiments:
        hint = f"add an experiment for {what}, or narrow the Then sentence"
        reason = Reason(kind=ReasonKind.NOT_TRIED, text=f"{what}: not tried in this run", hint=hint)
        yield measure(case, name, Outcome.NOT_ASSESSED, reason)


def _unrecorded(case: Case, spec: Spec, name: str, found: Iterable[Measure]) -> Iterable[Measure]:
    """One INCONCLUSIVE measure if the load was stopped early, or time of the traffic has no window: a figure cannot pass, as nothing is known of that time."""
    objective = case.objective
    if spec.basis not in _UNDER_TRAFFIC or any(one.outcome is Outcome.FAIL for one in found):
        return
    reasons = [*unseen(case)]
    if spec.basis is Basis.TRAFFIC and objective.scope.phase is Phase.STEADY:
        reasons += unrecorded(case.plan, case.evidence, objective.scope.traffic)
    if reasons:
        why = "; ".join(one.text for one in reasons)
        yield inconclusive(case, name, why, reasons[0].hint, kind=reasons[0].kind)


def _experiments(plan: Plan, evidence: Evidence) -> tuple[ExperimentResult, ...]:
    names = (*plan.experiments, *(name for name in evidence.experiments if name not in plan.experiments))

    def described() -> tuple[ExperimentResult, ...]:
        account = account_in(plan, evidence)
        return tuple(result for name in names for result in experiment_results(plan, evidence, name, account))

    return _seam(described, lambda why: tuple(absent(name, "", why) for name in names))


def _traffic(plan: Plan, window: Window) -> tuple[TrafficResult, ...]:
    return _seam(lambda: tuple(traffic_results(plan, window)), lambda why: (unknown_traffic(window, why),))


def _seam(make: Callable[[], _Made], otherwise: Callable[[str], _Made]) -> _Made:
    """The judge's exception boundary: an error affects one result, which reports it."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - the judge's seam: a figure may be of any package, and no other may suffer
        return otherwise(f"{_where(error)}: {type(error).__name__}: {error}")


def _where(error: BaseException) -> str:
    """Whose function raised an error: that of a package or a project is named with its file and line."""
    frames = [(frame, line) for frame, line in walk_tb(error.__traceback__) if _is_foreign(frame.f_globals["__name__"])]
    if not frames:
        return _OURS
    frame, line = frames[-1]
    file = frame.f_code.co_filename.rpartition("/")[2]
    return f"{file}:{line}: `{frame.f_code.co_name}` raised an error"


def _is_foreign(module: str) -> bool:
    root = module.partition(".")[0]
    return root not in {"harness", "numpy"} and root not in sys.stdlib_module_names
