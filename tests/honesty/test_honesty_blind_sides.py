"""A healthy run of profile core is GO; edited so that a release manager would call that wrong, it is not, and the row says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pytest

from harness.judgement import judge
from harness.model import (
    JOURNEY_READS,
    ClockStep,
    DecisionOutcome,
    Evidence,
    Judgement,
    Outcome,
    Plan,
    Restore,
    Table,
)
from tests.builders.core_course import ACTS, HEALTHY, KILLED, NEW, SHARES, Act, Course, ns
from tests.builders.core_histories import hit_pod
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.honesty.edits import (
    attempt,
    both,
    changed,
    counted,
    dead,
    due,
    ended_at_the_last_restore,
    not_there,
    one_in,
    probes,
    refused,
    requests,
    slower,
    without_window,
    word,
    writes,
)

GO, NO_GO, UNDECIDED = DecisionOutcome.GO, DecisionOutcome.NO_GO, DecisionOutcome.INCONCLUSIVE
PASS, FAIL, INCONCLUSIVE, NOT_ASSESSED = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_ASSESSED,
)
FIRST_FAULT, END = 128.0, 400.0
FOR_EVER = due(FIRST_FAULT, END + 1, "intended_ns")
PATIENT = Course(acts=(*ACTS[:3], replace(ACTS[3], restored=390.0)), end=480.0)
"""The region was found to be restored only 88 s after the undo was sent."""
TWICE = Course(
    acts=(
        *ACTS[:2],
        Act(
            name="database-primary-loss",
            domain="database",
            sent=206,
            undone=300,
            gone=301,
            restored=310,
            reads=(207, 282),
            writes=(207, 282),
            confirmed=False,
        ),
        *(
            replace(
                act,
                sent=act.sent + 110,
                restored=act.restored + 110,
                undone=(act.undone or 0) + 110,
                gone=(act.gone or 0) + 110,
                reads=act.reads and (act.reads[0] + 110, act.reads[1] + 110),
                writes=act.writes and (act.writes[0] + 110, act.writes[1] + 110),
                attempt=2 if act.domain == "database" else 1,
            )
            for act in ACTS[2:]
        ),
    ),
    end=510.0,
)
"""The first attempt at the database's primary was not confirmed, and users were out for 75 s; the second was in good order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One way in which a GO would be wrong.

    Attributes:
        id: number or letter in the list of blind sides, and what was edited.
        edit: the evidence, edited. plan: the plan, edited.
        decision: of the release. rows: what some requirements come to.
        course: of the run that is edited.
    """

    id: str
    decision: DecisionOutcome
    rows: dict[str, Outcome]
    edit: Callable[[Evidence], Evidence] = lambda run: run
    plan: Callable[[Plan], Plan] = lambda plan: plan
    course: Course = HEALTHY


def all_of(outcome: Outcome) -> dict[str, Outcome]:
    """Every row."""
    return {requirement.id: outcome for requirement in core_plan().requirements}


def parted(at_s: float, ahead_s: float, *, slept: bool) -> Callable[[Evidence], Evidence]:
    """The clocks of the harness's own machine parted: what it measured across that moment took longer, or is joined wrongly."""
    step = ClockStep(from_ns=ns(at_s), until_ns=ns(at_s + 1), ahead_s=ahead_s, slept=slept)
    return lambda run: replace(run, clock_steps=(step,))


def slow_for_ever(run: Evidence) -> Evidence:
    """From the first fault on reads take 0.9 s, writes 1.9 s and the users' requests 7 s more."""
    run = probes(run, lambda rows: slower(rows, due(FIRST_FAULT, END, "due_ns"), 900))
    run = writes(run, lambda rows: slower(rows, FOR_EVER, 1900))
    return requests(run, lambda rows: slower(rows, FOR_EVER, 7000))


def slow_probes(run: Evidence) -> Evidence:
    """The same, but the users' requests are as quick as before."""
    run = probes(run, lambda rows: slower(rows, due(FIRST_FAULT, END, "due_ns"), 1100))
    return writes(run, lambda rows: slower(rows, FOR_EVER, 1900))


def releases(share: float, name: str | None = "0.9.0") -> Callable[[Evidence], Evidence]:
    """A share of the answers names another release, or none."""
    named = both(one_in(share), word("release", "1.0.0"))
    return lambda run: requests(run, lambda rows: changed(rows, named, release=name))


def other_images(run: Evidence) -> Evidence:
    """A region runs another image of one service after the load than before."""
    before, after = run.release_reads
    images = {**after.workloads, "eu-west-1/Deployment/track-service": ("sha256:track-service", "sha256:older")}
    return replace(run, release_reads=(before, replace(after, workloads=images)))


def unasked_under_faults(run: Evidence) -> Evidence:
    """Under each fault the journeys never come to one of four routes, which nothing else shows."""
    spans = [due(act.sent, act.restored, "intended_ns") for act in ACTS]
    gone = both(word("name", "play-track"), lambda rows: np.logical_or.reduce([span(rows) for span in spans]))
    return requests(run, lambda rows: rows.where(~gone(rows)))


def unprobed(*doors: str, since: float = 0.0, kept: int = 0) -> Callable[[Evidence], Evidence]:
    """Of regions' own doors there is no probe since a moment, but for a few."""

    def gone(rows: Table) -> Table:
        own = both(word("subject", *doors), due(since, END + 1, "due_ns"))(rows)
        return rows.where(~own | (np.cumsum(own) <= kept))

    return lambda run: probes(run, gone)


def unobserved(*members: str, since: float = 0.0) -> Callable[[Evidence], Evidence]:
    """Of members of the database there is no probe since a moment."""
    gone = both(word("member", *members), due(since, END + 1, "at_ns"))
    return lambda run: replace(run, replicas=run.replicas.where(~gone(run.replicas)))


def cut_at(before: str, after: str, at: float, dead_from: float, dead_until: float) -> Callable[[Evidence], Evidence]:
    """Two windows meet at another moment than the fault or the restore; users get no answer in the part that changed hands."""

    def edit(run: Evidence) -> Evidence:
        run = refused(run, due(dead_from, dead_until, "intended_ns"))
        one, two = run.windows[before], run.windows[after]
        rows = Table.merged(one.samples.schema, [one.samples, two.samples])
        one = replace(one, end_ns=ns(at), samples=rows.between("intended_ns", one.start_ns, ns(at)))
        two = replace(two, start_ns=ns(at), samples=rows.between("intended_ns", ns(at), two.end_ns))
        return replace(run, windows={**run.windows, before: one, after: two})

    return edit


def old_primary(run: Evidence) -> Evidence:
    """A standby was hit, and the pods' history saw it go."""
    standby = "postgres-eu-west-1-1"
    seen = [
        replace(change, name=standby, uid=f"uid-{standby}", region="eu-west-1")
        for change in run.pods
        if change.workload == "postgres"
    ]
    run = replace(run, pods=tuple(sorted([*run.pods, *seen], key=lambda change: change.at_ns)))
    hit = hit_pod(standby, "eu-west-1", "postgres", "database")
    return attempt(run, "database-primary-loss", hit=(hit,))


def one_pod_of_a_region(run: Evidence) -> Evidence:
    """The loss of a region hit one pod of it; no node went."""
    quiet = tuple(change for change in run.nodes if not ns(259) < change.at_ns < ns(310))
    return attempt(replace(run, nodes=quiet), "region-loss", hit=(hit_pod(NEW),))


def stale_endpoints(run: Evidence) -> Evidence:
    """For 20 s after the pod's death 40 % of the requests to its workload end in 502, and name nobody."""
    at = both(due(128.1, 148, "intended_ns"), word("name", "read-track", "create-track", "play-track"), one_in(0.4))
    return requests(
        run,
        lambda rows: changed(
            rows, at, status=502, error="status 502", served_pod=None, served_region=None, release=None
        ),
    )


def read_back(outcome: str) -> Callable[[Evidence], Evidence]:
    """What every read right after its write found."""
    return lambda run: replace(
        run, ledger=replace(run.ledger, reads=changed(run.ledger.reads, one_in(1.1), state=outcome))
    )


def doubled(run: Evidence) -> Evidence:
    """Every row is there twice."""
    final = run.ledger.final
    return replace(run, ledger=counted(replace(run.ledger, final=Table.merged(final.schema, [final, final]))))


def forgotten_plays(run: Evidence) -> Evidence:
    """Every second play was not counted."""
    rows = run.recorded[JOURNEY_READS.name]
    at = both(word("item", "plays"), lambda table: table.ints["id"] % 2 == 0)
    return replace(run, recorded={**run.recorded, JOURNEY_READS.name: changed(rows, at, digest=0)})


def no_return(run: Evidence) -> Evidence:
    """The killed pod never comes back, and nothing more was broken."""
    run = attempt(
        run,
        "pod-loss",
        restore=Restore(ok=False, at_ns=ns(150), why=f"{KILLED} were not restored", missing=(KILLED,)),
    )
    for name in ("node-loss", "database-primary-loss", "region-loss"):
        run = attempt(
            run,
            name,
            ran=False,
            why="the target is not as before pod-loss",
            sent_ns=None,
            confirmed_ns=None,
            undone_ns=None,
            gone_ns=None,
            hit=(),
            restore=Restore(ok=None),
        )
    return replace(run, pods=tuple(change for change in run.pods if change.name != NEW))


def untied(run: Evidence) -> Evidence:
    """The run recorded that it is of another target."""
    assert run.started is not None
    return replace(run, started=replace(run.started, target="staging", environment="staging"))


Edited = Callable[[Evidence], Evidence]
FAILS: Final[Sequence[tuple[str, Edited, str]]] = [
    (
        "2: every request of the users fails from the first fault on",
        lambda run: refused(run, FOR_EVER),
        "ND-KPI-ERRORS AT-STB-ERRORS AT-STB-RECOVERY",
    ),
    (
        "2: one route fails from the first fault to the last restore",
        lambda run: refused(run, both(due(FIRST_FAULT, 320, "intended_ns"), word("name", "sign-in"))),
        "AT-STB-RECOVERY AT-STB-ERRORS",
    ),
    ("3: everything is slow from the first fault on", slow_for_ever, "ND-KPI-P95 AT-PERF-P95 AT-STB-RECOVERY"),
    (
        "3: reads and writes of the probes are slower than promised from the first fault on",
        slow_probes,
        "AT-STB-RECOVERY",
    ),
    (
        "9: 35 % of one region's answers take 25 s",
        lambda run: requests(
            run, lambda rows: slower(rows, both(word("served_region", "ap-southeast-1"), one_in(0.35)), 25_000)
        ),
        "ND-KPI-P95",
    ),
    (
        "9: one region's own door is dead all the time",
        lambda run: probes(
            run, lambda rows: changed(rows, word("subject", "ap-southeast-1"), status=0, error="refused")
        ),
        "ND-KPI-UPTIME",
    ),
    (
        "9: all errors come from one region",
        lambda run: refused(run, both(word("served_region", "ap-southeast-1"), one_in(0.012))),
        "ND-KPI-ERRORS",
    ),
    (
        "10: it was not steady at the end",
        lambda run: replace(run, steady_end=run.steady_end and replace(run.steady_end, ok=False, why="dead")),
        "DA-GEO-LOSS-PRIMARY",
    ),
    ("11: 40 % of the requests end in 502 by stale endpoints after a pod's death", stale_endpoints, "ND-PH1-DISCOVERY"),
    ("12: every read right after a write is stale", read_back("absent"), "IP-Q-CONSISTENCY"),
    ("12: every row is there twice", doubled, "IP-BP-IDEMPOTENT"),
    (
        "15: each 120th request fails for ever from the first fault on",
        lambda run: refused(run, both(FOR_EVER, lambda rows: np.arange(len(rows)) % 120 == 0)),
        "ND-KPI-ERRORS",
    ),
    (
        "15: the health path is dead from the first fault on",
        lambda run: probes(
            run,
            lambda rows: changed(
                rows,
                both(due(FIRST_FAULT, END, "due_ns"), word("subject", "entry"), word("kind", "health")),
                status=0,
                error="timeout",
            ),
        ),
        "ND-KPI-UPTIME",
    ),
    ("18: every second play is forgotten", forgotten_plays, "IP-BP-IDEMPOTENT ND-RISK-DATALOSS DA-DR-RPO"),
    ("21: a killed pod never comes back", no_return, "ND-PH1-DISCOVERY"),
    ("22: a person did two steps", lambda run: attempt(run, "database-primary-loss", manual_steps=2), "DA-DR-FAILOVER"),
    (
        "a: a region's copy never catches up",
        lambda run: caught_up(
            not_there(run, due(END - 2, END, "intended_ns"), through=("ap-southeast-1",)), never=True
        ),
        "IP-Q-CONSISTENCY",
    ),
]
"""NO-GO, and these rows FAIL."""
OPEN: Final[Sequence[tuple[str, Edited, str]]] = [
    ("2: one route is never requested under any fault", unasked_under_faults, "AT-STB-RECOVERY"),
    ("8: a standby was hit, not the primary", old_primary, "DA-DR-FAILOVER"),
    ("8: one pod of the region was hit", one_pod_of_a_region, "DA-GEO-LOSS-PRIMARY"),
    (
        "8: the pods' history never saw the hit go",
        lambda run: replace(run, pods=tuple(c for c in run.pods if not (c.name == KILLED and c.what == "deleted"))),
        "AT-STB-RECOVERY ND-PH1-DISCOVERY",
    ),
    (
        "13: a region was never read back",
        lambda run: replace(
            run,
            ledger=replace(
                run.ledger,
                final=run.ledger.final.where(~run.ledger.final.words["place"].equals("ap-southeast-1")),
                final_reads=tuple(r for r in run.ledger.final_reads if r.source != "ap-southeast-1"),
            ),
        ),
        "IP-Q-CONSISTENCY",
    ),
    ("19: a minute lies in no window", lambda run: without_window(run, "experiment:region-loss/fault"), ""),
    ("19: there is no window after the faults", lambda run: without_window(run, "everyday/after-faults"), ""),
    ("19: the load ends with the last restore", ended_at_the_last_restore, ""),
    (
        "19: 24 s before a fault are dead and lie in its window",
        cut_at("everyday/fault-free", "experiment:pod-loss/fault", 103, 103.2, 127.8),
        "",
    ),
    (
        "19: 18 s after the last restore are dead and lie in the window of the fault",
        cut_at("experiment:region-loss/fault", "everyday/after-faults", 339, 320.5, 338),
        "",
    ),
]
"""Undecided, and these rows are INCONCLUSIVE."""
CASES = (
    *(Case(id=what, edit=edit, decision=NO_GO, rows=dict.fromkeys(rows.split(), FAIL)) for what, edit, rows in FAILS),
    *(
        Case(id=what, edit=edit, decision=UNDECIDED, rows=dict.fromkeys(rows.split(), INCONCLUSIVE))
        for what, edit, rows in OPEN
    ),
    Case(
        id="1: nothing is answered for 75 s right after the undo",
        course=PATIENT,
        edit=lambda run: dead(run, 302.1, 377),
        decision=NO_GO,
        rows={"DA-GEO-LOSS-PRIMARY": FAIL},
    ),
    Case(
        id="1: writes are out for 40 s when the old primary returns",
        course=replace(PATIENT, acts=(*ACTS[:2], replace(ACTS[2], undone=214.5, gone=215), PATIENT.acts[3])),
        edit=lambda run: dead(run, 216, 253),
        decision=NO_GO,
        rows={"AT-STB-RECOVERY": FAIL},
    ),
    Case(id="4: all answers name another release", edit=releases(1.1), decision=UNDECIDED, rows=all_of(INCONCLUSIVE)),
    Case(id="4: half of the answers do", edit=releases(0.5), decision=UNDECIDED, rows=all_of(INCONCLUSIVE)),
    Case(
        id="4: 99 % of the answers name none", edit=releases(0.99, None), decision=UNDECIDED, rows=all_of(INCONCLUSIVE)
    ),
    Case(id="4: images differ before and after", edit=other_images, decision=UNDECIDED, rows=all_of(INCONCLUSIVE)),
    Case(
        id="4: the version path names another",
        edit=lambda run: replace(
            run, release_reads=tuple(replace(read, version="0.9.0") for read in run.release_reads)
        ),
        decision=UNDECIDED,
        rows=all_of(INCONCLUSIVE),
    ),
    Case(
        id="5: writes of the last 30 s before a pod's loss are gone, where replication is no quorum",
        plan=lambda plan: replace(plan, durability=""),
        edit=lambda run: not_there(run, due(98, 127.9, "intended_ns")),
        decision=NO_GO,
        rows={"ND-RISK-DATALOSS": FAIL},
    ),
    Case(
        id="5: every second write is gone long before any disaster, at scale 1",
        plan=lambda plan: replace(plan, durability="", time_scale=1.0),
        edit=lambda run: replace(
            not_there(run, both(due(0, 120, "intended_ns"), one_in(0.5))),
            started=run.started and replace(run.started, time_scale=1.0),
        ),
        decision=NO_GO,
        rows={"DA-DR-RPO": FAIL, "ND-RISK-DATALOSS": FAIL},
    ),
    Case(
        id="7: an attempt that was not confirmed hurt the users for 75 s, the second was fine",
        course=TWICE,
        decision=NO_GO,
        rows={"DA-DR-FAILOVER": FAIL, "AT-STB-RECOVERY": FAIL},
    ),
    *(
        Case(id=f"9: {what}", edit=edit, decision=UNDECIDED, rows={"ND-KPI-UPTIME": INCONCLUSIVE})
        for what, edit in (
            ("one region's own door was never probed", unprobed("eu-west-1")),
            ("no region's own door was", unprobed(*SHARES)),
            ("one was not since the first fault", unprobed("eu-west-1", since=FIRST_FAULT)),
            ("three probes of it are left", unprobed("eu-west-1", kept=3)),
        )
    ),
    *(
        Case(id=f"9: {what}", edit=edit, decision=UNDECIDED, rows={"DA-DR-REPLICATION": INCONCLUSIVE})
        for what, edit in (
            ("one replica was never observed", unobserved("postgres-eu-west-1-1")),
            ("the old primary was not observed after it was lost", unobserved("postgres-us-east-1-0", since=206)),
        )
    ),
    *(
        Case(
            id=f"clocks: {what} while the database's primary was lost",
            edit=parted(210, ahead_s, slept=slept),
            decision=UNDECIDED,
            rows={"DA-DR-FAILOVER": INCONCLUSIVE, "ND-KPI-P95": PASS, "ND-KPI-ERRORS": PASS},
        )
        for what, ahead_s, slept in (
            ("the machine of the harness slept", 40.0, True),
            ("its wall clock was set back", -3.0, False),
        )
    ),
    Case(
        id="clocks: the machine of the harness slept in the window before the faults",
        edit=parted(60, 40.0, slept=True),
        decision=UNDECIDED,
        rows={"ND-KPI-P95": INCONCLUSIVE, "ND-KPI-ERRORS": INCONCLUSIVE, "DA-DR-FAILOVER": PASS},
    ),
    Case(
        id="clocks: nothing was measured when the machine of the harness slept",
        edit=parted(-60, 40.0, slept=True),
        decision=GO,
        rows={},
    ),
    Case(
        id="20: the sandbox's evidence under a plan for production",
        plan=lambda plan: replace(plan, target="production", environment="production", time_scale=1.0),
        decision=UNDECIDED,
        rows={},
    ),
    Case(id="20: evidence of another target", edit=untied, decision=UNDECIDED, rows=all_of(INCONCLUSIVE)),
    Case(
        id="20: a time scale that makes hours of minutes",
        plan=lambda plan: replace(plan, time_scale=0.01),
        edit=lambda run: replace(run, started=run.started and replace(run.started, time_scale=0.01)),
        decision=UNDECIDED,
        rows={},
    ),
    Case(
        id="a: a region's copy lags by 2 s at its first read and has everything at the next",
        edit=lambda run: caught_up(not_there(run, due(END - 2, END, "intended_ns"), through=("ap-southeast-1",))),
        decision=GO,
        rows=all_of(PASS),
    ),
    Case(
        id="b: two probes in a row fail without any fault",
        edit=lambda run: probes(
            run,
            lambda rows: changed(
                rows,
                both(due(60, 60.04, "due_ns"), word("subject", "entry"), word("kind", "read")),
                status=0,
                error="timeout",
            ),
        ),
        decision=GO,
        rows=all_of(PASS),
    ),
)


def caught_up(run: Evidence, *, never: bool = False) -> Evidence:
    """The run with one more read of the region, 10 s after the last: it finds what the database has, or again not all."""
    last = max(run.ledger.final_reads, key=lambda read: read.round)
    number, at_ns = last.round + 1, last.at_ns + 12 * 10**9
    final = run.ledger.final
    like = next(r.round for r in run.ledger.final_reads if r.source == "ap-southeast-1") if never else last.round
    rows = final.where(final.ints["round"] == like)
    again = changed(rows, one_in(1.1), round=number, seen_ns=at_ns, place="ap-southeast-1")
    read = replace(last, round=number, at_ns=at_ns, source="ap-southeast-1", rows=len(again))
    ledger = replace(
        run.ledger,
        final=Table.merged(final.schema, [final, again]),
        final_reads=(*run.ledger.final_reads, read),
    )
    return replace(run, ledger=ledger)


def judged(case: Case) -> Judgement:
    """The judgement of the edited run."""
    return judge(case.plan(core_plan()), case.edit(core_evidence(case.course)))


@pytest.mark.parametrize("course", [HEALTHY, PATIENT], ids=["as usual", "restored late"])
def test_the_run_that_is_edited_is_a_go(course: Course) -> None:
    """Nothing is edited: every row passes."""
    judgement = judge(core_plan(), core_evidence(course))
    assert judgement.decision.outcome is GO, judgement.decision.reasons
    assert {verdict.requirement: verdict.outcome for verdict in judgement.verdicts} == all_of(PASS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_no_go_for_what_a_release_manager_would_stop(case: Case) -> None:
    """The decision, and the rows that say why."""
    judgement = judged(case)
    found = {verdict.requirement: verdict.outcome for verdict in judgement.verdicts}
    said = {verdict.requirement: verdict.reason for verdict in judgement.verdicts}
    assert {name: found.get(name) for name in case.rows} == case.rows, {name: said.get(name) for name in case.rows}
    assert judgement.decision.outcome is case.decision, judgement.decision.reasons
