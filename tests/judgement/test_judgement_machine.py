"""A machine that is starved while a sandbox is judged proves no failure of its latencies, recoveries and errors."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest
from judgement_builders import (
    check,
    down,
    failing,
    health,
    measures,
    observation,
    p95,
    reads,
    recovery,
    requirement,
    samples,
    share,
    with_experiment,
    with_load,
)
from judgement_builders import evidence as small_run
from judgement_builders import plan as small_plan
from test_judgement_rollouts import BLUE_GREEN, SWITCHED

from harness.judgement import judge
from harness.judgement.receipts.machine import machine_result, starvation, undisturbed
from harness.model import (
    PROBES,
    Check,
    DecisionOutcome,
    Demand,
    DemandKind,
    Evidence,
    Fact,
    Figure,
    Measure,
    Observation,
    Outcome,
    Phase,
    Plan,
    ReasonKind,
    Restore,
    Table,
    WatchSource,
    Words,
)
from harness.model.records.table import CONTROL
from tests.builders import rollout_runs
from tests.builders.core_course import ns
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.builders.recorder import ns as second
from tests.honesty.edits import requests

EVER = [(0, 1 << 62)]


def starved(run: Evidence, share: float, late_ms: float = 80.0) -> Evidence:
    """The run, its probes sent late in this share of the seconds, evenly over the run."""
    ints = dict(run.probes.ints)
    second = ints["due_ns"] // 1_000_000_000
    late = np.where((second * share) % 1 < share, round(late_ms * 1e6), 0)
    return replace(
        run,
        probes=replace(run.probes, ints={**ints, "sent_ns": ints["sent_ns"] + late, "done_ns": ints["done_ns"] + late}),
    )


def seen(at: int) -> Observation:
    """What the kernel said of the machine at this second: work waited for a processor in half of it."""
    return observation("machine.seen", "machine", at, "machine", at_ns=ns(at), waited=0.5)


def slowed(run: Evidence) -> Evidence:
    """Every request took 400 ms more than it did: twice the limit of the p95."""
    return requests(run, lambda rows: replace(rows, ints={**rows.ints, "done_ns": rows.ints["done_ns"] + 400_000_000}))


def outcomes(plan: Plan, run: Evidence, *figures: Figure) -> set[Outcome]:
    """What becomes of the claims of these figures alone."""
    asked = [c.scenario for c in plan.claims if c.objectives and {o.figure for o in c.objectives} <= set(figures)]
    return {claim.outcome for v in judge(plan, run).verdicts for claim in v.claims if claim.scenario in asked}


def test_slow_on_a_starved_machine_is_no_failure() -> None:
    """A fifth of the seconds were late: response times and errors are INCONCLUSIVE with that reason; what passes has passed a harder test."""
    run = starved(slowed(core_evidence()), 0.2)
    assert Outcome.FAIL not in outcomes(core_plan(), run, Figure.RESPONSE_TIME, Figure.ERROR_RATE)
    judgement = judge(core_plan(), run)
    assert judgement.machine is not None
    assert not judgement.machine.ok
    assert any(
        "Not decided: the machine was starved: the watch sent probes over 50 ms late in " in r
        for r in judgement.decision.reasons
    )
    healthy = judge(core_plan(), starved(core_evidence(), 0.2))
    assert healthy.decision.outcome is DecisionOutcome.GO


@pytest.mark.parametrize(("there", "outcome"), [(True, Outcome.INCONCLUSIVE), (False, Outcome.FAIL)])
def test_one_slow_window_is_held_against_the_machine_at_that_time(there: bool, outcome: Outcome) -> None:  # noqa: FBT001 - a value of the table
    """An eighth of one region's answers is slow after the faults alone: a machine that was starved then explains it, one that was starved before does not."""
    run = core_evidence()
    last, first = run.windows["everyday/after-faults"], run.windows["everyday/fault-free"]
    rows = last.samples
    region = rows.words["served_region"].equals("ap-southeast-1")
    slow = replace(
        rows,
        ints={**rows.ints, "done_ns": rows.ints["done_ns"] + 400_000_000 * (region & (np.cumsum(region) % 8 == 0))},
    )
    start_ns = last.start_ns if there else first.start_ns
    ints = dict(run.probes.ints)
    late = np.where((ints["due_ns"] >= start_ns) & (ints["due_ns"] < start_ns + 12_000_000_000), 80_000_000, 0)
    ints |= {"sent_ns": ints["sent_ns"] + late, "done_ns": ints["done_ns"] + late}
    run = replace(
        run, probes=replace(run.probes, ints=ints), windows={**run.windows, last.name: replace(last, samples=slow)}
    )
    assert outcome in outcomes(core_plan(), run, Figure.RESPONSE_TIME)
    assert (Outcome.FAIL in outcomes(core_plan(), run, Figure.RESPONSE_TIME)) is (outcome is Outcome.FAIL)


@pytest.mark.parametrize(("late", "doubted"), [(5, False), (6, True)])
def test_late_seconds_that_a_quiet_machine_has_by_chance_leave_a_failure_alone(late: int, doubted: bool) -> None:  # noqa: FBT001 - a value of the table
    """Of 64 s a machine to itself has 5 late ones in one of 30 spans, 6 in one of 100; those 15 s around the 48 s count as well."""
    run = core_evidence()
    start_ns = (run.windows["everyday/fault-free"].start_ns // 1_000_000_000 + 1) * 1_000_000_000
    ints = dict(run.probes.ints)
    until_ns = start_ns + late * 1_000_000_000
    sent = np.where((ints["due_ns"] >= start_ns) & (ints["due_ns"] < until_ns), 80_000_000, 0)
    run = replace(run, probes=replace(run.probes, ints={**ints, "sent_ns": ints["sent_ns"] + sent}))
    assert (starvation(core_plan(), run, [(start_ns, start_ns + 48_000_000_000)]) is not None) is doubted


def controlled(run: Evidence, *, late: range = range(0), silent: str = "", **had: Any) -> Evidence:
    """The run with the control of three nodes asked twice a second, over 50 ms in these seconds, and who had the processors in each."""
    rows = [
        {
            "due_ns": ns(at),
            "sent_ns": ns(at),
            "done_ns": ns(at) + (120_000_000 if int(at) in late else 3_000_000),
            "status": 0 if node == silent else 200,
            "subject": node,
            "error": "timeout" if node == silent else None,
        }
        for at in np.arange(0, 400, 0.5)
        for node in ("one", "two", "three")
    ]
    fields = {"target": 0.25, "harness": 0.15, "others": 0.02, "yielding": 0.0, **had}
    seen = (observation("machine.seen", "machine", at, "machine", at_ns=ns(at), **fields) for at in range(1, 400))
    return replace(
        run,
        recorded={CONTROL.name: Table.of(CONTROL, rows)},
        observations=(*run.observations, *seen, counted_control(len(rows))),
        watchers={**run.watchers, CONTROL.name: WatchSource(name=CONTROL.name, spacing_ms=500, closed=True)},
    )


def counted_control(probes: int) -> Observation:
    """The receipt of the watcher of the control: how many probes it made."""
    return observation("watch.closed", CONTROL.name, 400, "watch", probes=probes)


EACH: Final = range(400)
BEGIN: Final = 5
"""A second in the first window of the run."""


def test_a_machine_is_starved_where_the_control_suffers_while_processors_are_scarce(subtests: pytest.Subtests) -> None:
    """A control that is late by itself accuses the release; what others take and nobody feels excuses nothing, and programs that yield take nothing."""
    cases: list[tuple[range, dict[str, Any], bool]] = [
        (range(0), {}, True),
        (EACH, {}, True),
        (EACH, {"target": 0.8}, True),
        (EACH, {"others": 0.5}, False),
        (EACH, {"others": 0.5, "yielding": 0.48}, True),
        (EACH, {"others": 0.5, "yielding": 0.3}, False),
        (EACH, {"stalled": 0.8}, False),
        (EACH, {"target": 0.55, "harness": 0.4}, False),
        (EACH, {"target": 0.5, "harness": 0.4}, True),
        (range(0), {"others": 0.9}, True),
        (range(100, 102), {"others": 0.5}, True),
        (range(100, 106), {"others": 0.5}, False),
    ]
    for late, had, ok in cases:
        with subtests.test(late=late, had=had):
            run = controlled(core_evidence(), late=late, **had)
            machine = machine_result(core_plan(), run)
            assert machine is not None
            assert machine.ok is ok, machine.why


def test_a_release_that_burns_the_processors_by_itself_fails() -> None:
    """It had 80 % of them, the control was late in every second, and nobody else had any: the sentence says so."""
    run = controlled(slowed(core_evidence()), late=EACH, target=0.8)
    machine = machine_result(core_plan(), run)
    assert machine is not None
    assert (
        machine.why
        == "the control service, which only answers, took over 50 ms in 400 of 400 s (processors were scarce in 0 of these 400 s)"
    )
    assert (machine.target_share, machine.harness_share, machine.others_share) == pytest.approx((0.8, 0.15, 0.02))
    assert Outcome.FAIL in outcomes(core_plan(), run, Figure.RESPONSE_TIME)


@pytest.mark.parametrize(("scarce", "outcome"), [(20, Outcome.FAIL), (120, Outcome.INCONCLUSIVE)])
def test_a_few_seconds_of_other_programs_do_not_excuse_a_control_that_the_release_made_slow(
    scarce: int, outcome: Outcome
) -> None:
    """The control was late in each of 400 seconds; others had the processors in one of twenty of them, or in almost a third."""
    run = controlled(slowed(core_evidence()), late=EACH, target=0.8)
    run = with_others(run, range(1, 400, 400 // scarce))
    assert outcome in outcomes(core_plan(), run, Figure.RESPONSE_TIME)


@pytest.mark.parametrize(("small", "outcome"), [(80, Outcome.FAIL), (133, Outcome.INCONCLUSIVE)])
def test_a_machine_that_was_too_small_excuses_a_release_that_found_it_so_most_of_the_time(
    small: int, outcome: Outcome
) -> None:
    """The control was late in each of 400 seconds; harness and release needed almost all processors in 160 or in 266 of them, and nobody else had any."""
    run = controlled(slowed(core_evidence()), late=EACH, target=0.55, harness=0.2)
    run = with_share(run, range(1, 400, 400 // small), harness=0.4)
    found = outcomes(core_plan(), run, Figure.RESPONSE_TIME)
    assert outcome in found
    assert (Outcome.FAIL in found) is (outcome is Outcome.FAIL)


def test_a_control_whose_node_is_lost_tells_nothing() -> None:
    """One of three answers nothing all the time: that is the fault's. Where none answers, the machine was starved."""
    lost = controlled(core_evidence(), silent="two", others=0.5)
    machine = machine_result(core_plan(), lost)
    assert machine is not None
    assert machine.ok, machine.why
    rows = lost.recorded[CONTROL.name]
    every = replace(rows, words={**rows.words, "error": Words.of(["timeout"] * len(rows))})
    machine = machine_result(core_plan(), replace(lost, recorded={CONTROL.name: every}))
    assert machine is not None
    assert not machine.ok


def test_a_service_beside_the_harness_has_a_receipt_that_decides_nothing() -> None:
    """Its machine was read, as it is of every loopback address. Of production nothing is excused, whoever waited."""
    plan = replace(core_plan(), environment="staging")
    read = replace(core_evidence(), observations=(*core_evidence().observations, *map(seen, range(1, 400))))
    (quiet, late) = (machine_result(plan, run) for run in (read, starved(read, 0.2)))
    assert quiet is not None
    assert late is not None
    assert (quiet.ok, late.ok, late.waited_share) == (True, False, 0.5)
    assert late.why.startswith("the machine was starved: the watch sent probes over 50 ms late in ")
    assert starvation(plan, starved(read, 0.2), EVER) is None
    doubt = starvation(core_plan(), starved(read, 0.2), EVER)
    assert doubt is not None
    assert doubt.text == late.why


def late_in(run: Evidence, start: float, end: float) -> Evidence:
    """The run, its probes sent 80 ms late in this time."""
    ints = dict(run.probes.ints)
    late = np.where((ints["due_ns"] >= second(start)) & (ints["due_ns"] < second(end)), 80_000_000, 0)
    ints |= {"sent_ns": ints["sent_ns"] + late, "done_ns": ints["done_ns"] + late}
    return replace(run, probes=replace(run.probes, ints=ints))


def one(asked: Plan, run: Evidence) -> set[tuple[Outcome, ReasonKind]]:
    """Outcomes and kinds of the measures that are no PASS."""
    found = measures(judge(asked, run))
    return {(m.outcome, m.because.kind) for m in found if m.outcome is not Outcome.PASS}


STARVED = {(Outcome.INCONCLUSIVE, ReasonKind.MACHINE)}
MISSED = {(Outcome.FAIL, ReasonKind.NOT_AS_EXPECTED)}


@pytest.mark.parametrize(("late", "found"), [((0, 0), MISSED), ((100, 110), STARVED), ((50, 85), MISSED)])
def test_what_follows_a_recovery_asks_the_seconds_after_it(
    late: tuple[int, int], found: set[tuple[Outcome, ReasonKind]]
) -> None:
    """Too slow from the restore at 100 s on: a machine that was starved under the fault before explains nothing of it."""
    run = small_run()
    fault = run.windows["experiment:pod-loss/fault"]
    under = replace(fault, end_ns=second(100), samples=fault.samples.between("intended_ns", second(60), second(100)))
    after = replace(
        fault,
        name="experiment:pod-loss/after",
        phase=Phase.STEADY,
        start_ns=second(100),
        end_ns=second(110),
        samples=samples(100, 110, latency_ms=450.0),
    )
    (attempt,) = run.experiments["pod-loss"]
    attempt = replace(attempt, restore=replace(attempt.restore, at_ns=second(100)), observed_until_ns=second(100))
    run = with_experiment([attempt], replace(run, windows={**run.windows, under.name: under, after.name: after}))
    asked = small_plan({"R": p95("400 ms", phase=Phase.RECOVERED, experiments=("pod-loss",))})
    assert one(asked, late_in(run, *late)) == found


@pytest.mark.parametrize(
    ("params", "late", "found"),
    [
        ({"limit": "1 %"}, (90, 110), STARVED),
        ({"within": "5 s"}, (90, 110), STARVED),
        ({"limit": "1 %"}, (50, 70), MISSED),
        ({"class": "personal"}, (90, 110), MISSED),
    ],
    ids=["a share of requests", "a time limit", "starved before", "no matter of time"],
)
def test_a_check_of_a_share_or_a_time_asks_the_seconds_around_it(
    params: dict[str, str], late: tuple[int, int], found: set[tuple[Outcome, ReasonKind]]
) -> None:
    """Read at 100 s, and not as expected."""
    demand = Demand(kind=DemandKind.CHECK, name="others-unharmed", params=params)
    fact = Fact(subject="others", expected="served", observed="503", ok=False, attempts=1, at_ns=second(100))
    sentence = check(check=demand.name, params=params)
    asked = small_plan({"R": sentence})
    asked = replace(
        asked,
        claims=tuple(replace(each, demands=(demand.key,)) for each in asked.claims),
        demands=(demand.key,),
        demand={demand.key: demand},
    )
    run = replace(small_run(), checks={demand.key: Check(demand=demand.key, facts=(fact,))})
    assert one(asked, late_in(run, *late)) == found


@pytest.mark.parametrize(("late", "starved"), [((0, 0), False), ((110, 130), True), ((146, 162), False)])
def test_a_measure_of_another_attempt_asks_the_seconds_of_that_one(late: tuple[int, int], starved: bool) -> None:  # noqa: FBT001
    """The first attempt at 111 s did harm; a starved machine excuses it where it was starved then, not in the second attempt."""
    run = small_run()
    (counted,) = run.experiments["database-loss"]
    first = replace(counted.fault, sent_ns=second(111), confirmed_ns=None, undone_ns=second(127))
    then = replace(counted.fault, sent_ns=second(135), confirmed_ns=second(136), undone_ns=second(145))
    attempts = [
        replace(
            counted,
            fault=first,
            observed_from_ns=second(110),
            observed_until_ns=second(130),
            restore=Restore(ok=True, at_ns=second(130)),
        ),
        replace(counted, attempt=2, fault=then, observed_from_ns=second(134)),
    ]
    run = replace(run, probes=down(Table.merged(PROBES, [reads(), health()]), 112.0, 126.0))
    run = with_experiment(attempts, run)
    asked = small_plan({"R": recovery("10 s", "database-loss", operations=("reads",), traffic=None)})
    planned = replace(asked.experiments["database-loss"], hold_s=0)
    asked = replace(asked, experiments={**asked.experiments, "database-loss": planned})
    found = one(asked, late_in(run, *late))
    assert ((Outcome.INCONCLUSIVE, ReasonKind.MACHINE) in found) is starved


@pytest.mark.parametrize(("late", "found"), [((74, 83), MISSED), ((74, 90), STARVED)])
def test_a_time_that_is_far_over_its_limit_is_not_excused_by_a_few_starved_seconds(
    late: tuple[int, int], found: set[tuple[Outcome, ReasonKind]]
) -> None:
    """Reads were down for 27 s of at most 1 s: 9 starved seconds and 15 s after them are less than what is over it, 16 and 15 s are not."""
    run = small_run()
    run = replace(run, probes=down(Table.merged(PROBES, [reads(), health()]), 72.0, 98.0))
    asked = small_plan({"R": recovery("1 s", "pod-loss", operations=("reads",), traffic=None)})
    assert one(asked, late_in(run, *late)) == found


@pytest.mark.parametrize(
    ("scarce", "found"),
    [(range(30, 140), STARVED), (range(30, 140, 4), MISSED), (range(200, 300), MISSED), (range(0), MISSED)],
    ids=["all the time", "half of the time", "at another time", "never"],
)
def test_a_length_of_time_is_in_doubt_where_the_machine_was_too_small_and_no_control_was_late(
    scarce: range, found: set[tuple[Outcome, ReasonKind]]
) -> None:
    """Reads were down for 27 s of at most 1 s; harness and release needed almost all processors, and the control, which only answers, got its turn."""
    run = controlled(small_run())
    run = with_share(run, scarce, harness=0.45, target=0.5)
    run = replace(run, probes=down(Table.merged(PROBES, [reads(), health()]), 172.0, 198.0))
    asked = small_plan({"R": recovery("1 s", "region-loss", operations=("reads",), traffic=None)})
    assert one(asked, run) == found


@pytest.mark.parametrize(("harness", "found"), [(0.45, STARVED), (0.3, MISSED)])
def test_a_release_that_fills_the_machine_by_itself_makes_no_length_of_time_doubtful(
    harness: float, found: set[tuple[Outcome, ReasonKind]]
) -> None:
    """It had more than it takes where it is healthy: what is left of that is not scarce."""
    run = with_share(controlled(small_run()), range(400), harness=harness, target=0.65)
    run = replace(run, probes=down(Table.merged(PROBES, [reads(), health()]), 172.0, 198.0))
    asked = small_plan({"R": recovery("1 s", "region-loss", operations=("reads",), traffic=None)})
    assert one(asked, run) == found


def test_a_share_is_made_of_time_too() -> None:
    """A region that is late is left out by the balancer."""
    rows = samples(0, 60)
    named = rows.words["served_region"].text()
    words = Words.of(["eu-west-1" if i % 3 == 0 else name for i, name in enumerate(named)])
    run = with_load(replace(rows, words={**rows.words, "served_region": words}))
    assert one(small_plan({"R": share()}), run) == MISSED
    assert one(small_plan({"R": share()}), late_in(run, 0, 60)) == STARVED


@pytest.mark.parametrize(
    ("late", "outcome"), [((0, 0), Outcome.FAIL), ((10, 71), Outcome.INCONCLUSIVE), ((0, 10), Outcome.INCONCLUSIVE)]
)
def test_a_figure_of_a_rollout_asks_the_seconds_of_the_rollout(late: tuple[int, int], outcome: Outcome) -> None:
    """A fifth of the users met the old release 11.5 s after the switch: a machine that was starved then, or just before, excuses it."""

    def old(row: dict[str, Any]) -> None:
        if 15 <= row["at"] < 26.5 and row["step"] == "2" and rollout_runs.rank(row["user"]) < 0.2:
            row["release"] = rollout_runs.OLD

    parts = rollout_runs.COLOURS
    told = rollout_runs.history(parts, back=45.0)
    run = rollout_runs.evidence(rollout_runs.rows(parts, back=45.0, spoil=old), told, parts=parts, back=45.0)
    asked = rollout_runs.planned(rollout_runs.objective_of(SWITCHED), BLUE_GREEN, environment="sandbox")
    asked = replace(asked, requirements=(requirement("ROW-1"),))
    run = late_in(replace(run, probes=reads(0, 71.0)), *late)
    assert {m.outcome for m in measures(judge(asked, run))} == {outcome}


def times(run: Evidence) -> tuple[Measure, ...]:
    """The measures of response time."""
    plan = core_plan()
    claims = [claim for verdict in judge(plan, run).verdicts for claim in verdict.claims]
    return tuple(one for claim in claims for of in claim.measures for one in of if one.name.startswith("response"))


def starved_from(run: Evidence, at: float, seconds: int) -> Evidence:
    """Other programs starved the machine for so long, from so many seconds after the beginning of the first window on."""
    begin = round((run.windows["everyday/fault-free"].start_ns - ns(0)) / second(1) + at)
    return controlled(run, late=range(begin, begin + seconds), others=0.5)


@pytest.mark.parametrize(("seconds", "outcome"), [(0, Outcome.FAIL), (8, Outcome.FAIL), (400, Outcome.INCONCLUSIVE)])
def test_a_release_that_is_slow_while_the_control_is_not_has_failed(seconds: int, outcome: Outcome) -> None:
    """Requests that met no starved second, nor the 15 s after one, are as slow as the others: what the control does not suffer is the release's."""
    found = {one.outcome for one in times(starved_from(slowed(core_evidence()), 5, seconds))}
    assert outcome in found
    assert (Outcome.FAIL in found) is (outcome is Outcome.FAIL)


def slowed_in(run: Evidence, at: float, seconds: float) -> Evidence:
    """Requests due in this time, in seconds after the beginning of the first window, took 400 ms more."""
    begin_ns = run.windows["everyday/fault-free"].start_ns + second(at)

    def later(rows: Table) -> Table:
        due_ns = rows.ints["intended_ns"]
        slow = (due_ns >= begin_ns) & (due_ns < begin_ns + second(seconds))
        return replace(rows, ints={**rows.ints, "done_ns": rows.ints["done_ns"] + 400_000_000 * slow})

    return requests(run, later)


@pytest.mark.parametrize(
    ("slow", "starved", "had", "passes"),
    [
        (5, 6, {"others": 0.5}, True),  # other programs took the processors, and the control suffered as the users did
        (5, 0, {"others": 0.5}, False),  # the control did not suffer
        (5, 6, {"target": 0.8}, False),  # the release burned the processors by itself
        (5, 6, {"target": 0.6, "harness": 0.4}, False),  # the machine is too small, maybe for what this release uses
        (5, 6, {"stalled": 0.8}, False),  # disks were busy, maybe by this release
        (20, 6, {"others": 0.5}, False),  # the release stayed slow when the starved time was over
        (30, 31, {"others": 0.5}, False),  # more than a tenth would be left out
        (5, 6, {"target": 0.8, "others": 0.12}, False),  # the release took 80 %, and others 12 %
        (5, 6, {"target": 0.3, "others": 0.12}, True),  # the release took no more than its own
    ],
)
def test_a_few_starved_seconds_leave_a_healthy_release_its_pass(
    slow: float,
    starved: int,
    had: dict[str, Any],
    passes: bool,  # noqa: FBT001 - a value of the table
) -> None:
    """What is undecided with them is a PASS without them, and says so; in no other case is it one."""
    run = core_evidence()
    begin = round((run.windows["everyday/fault-free"].start_ns - ns(0)) / second(1) + 5)
    run = controlled(slowed_in(run, 5, slow), late=range(begin, begin + starved), **had)
    found = times(run)
    assert ({one.outcome for one in found} == {Outcome.PASS}) is passes
    assert any(one.reason.endswith("in which the machine was starved") for one in found) is passes


def sparsely_starved(run: Evidence) -> Evidence:
    """Other programs starved the machine in one second of eleven."""
    late = range(3, 400, 11)
    return with_others(controlled(run, late=late), {at + 1 for at in late})


def with_others(run: Evidence, at: Container[int]) -> Evidence:
    """The run; by the readings of the machine at these seconds other programs had half of the processors."""
    return with_share(run, at, others=0.5)


def with_share(run: Evidence, at: Container[int], **had: float) -> Evidence:
    """The run; by the readings of the machine at these seconds these had so much of the processors."""
    then = {ns(one) for one in range(400) if one in at}
    return replace(
        run,
        observations=tuple(
            replace(one, fields={**one.fields, **had}) if one.fields.get("at_ns") in then else one
            for one in run.observations
        ),
    )


def waiting(run: Evidence, each: int, seconds: float) -> Evidence:
    """One request of so many took so many seconds more."""

    def longer(rows: Table) -> Table:
        slow = np.arange(len(rows)) % each == 0
        return replace(rows, ints={**rows.ints, "done_ns": rows.ints["done_ns"] + second(seconds) * slow})

    return requests(run, longer)


@pytest.mark.parametrize("seconds", [0.4, 0.9, 3, 12, 60])
def test_a_request_that_waits_longer_is_not_excused_by_the_starved_seconds_that_it_meets(seconds: float) -> None:
    """One request of 21 is slow, whenever it was due: those that wait for 12 s each meet one of the starved seconds, which are one of eleven."""
    found = times(sparsely_starved(waiting(core_evidence(), 21, seconds)))
    assert {one.outcome for one in found if "200 ms" in one.limit} <= {Outcome.INCONCLUSIVE, Outcome.FAIL}
    assert any("200 ms" in one.limit for one in found)


@pytest.mark.parametrize("seconds", [0.4, 20, 61, 200])
def test_a_release_that_is_slow_while_the_control_is_well_fails_however_long_it_takes(seconds: float) -> None:
    """The machine was starved for one second of fifty: requests that took 61 s all met one."""
    late = range(20, 400, 50)
    found = times(controlled(waiting(core_evidence(), 1, seconds), late=late, others=0.5))
    assert Outcome.FAIL in {one.outcome for one in found}


def errors_of(run: Evidence) -> set[Outcome]:
    """What becomes of the claims of an error rate."""
    return outcomes(core_plan(), run, Figure.ERROR_RATE)


@pytest.mark.parametrize("starved", [0, 6])
def test_a_control_that_is_late_explains_no_request_that_failed(starved: int) -> None:
    """Every request of 5 s was answered with status 500; the control took 120 ms, and other programs had half of the processors."""
    run = core_evidence()
    begin_ns = run.windows["everyday/fault-free"].start_ns + second(5)

    def broken(rows: Table) -> Table:
        due_ns = rows.ints["intended_ns"]
        return failing(rows, (due_ns >= begin_ns) & (due_ns < begin_ns + second(5)), status=500, error="status 500")

    begin = round((begin_ns - ns(0)) / second(1))
    assert Outcome.PASS not in errors_of(
        controlled(requests(run, broken), late=range(begin, begin + starved), others=0.5)
    )


def test_a_failure_that_a_starved_machine_excuses_is_never_a_pass() -> None:
    """One request of 40 is slow, and in each starved second, one of eleven, every one: proven beyond 5 %, and less than 5 % without those seconds."""
    run = waiting(core_evidence(), 40, 0.4)
    for at in range(3, 400, 11):
        run = slowed_in(run, (ns(at) - run.windows["everyday/fault-free"].start_ns) / second(1), 1.0)
    found = {one.outcome for one in times(sparsely_starved(run)) if "200 ms" in one.limit}
    assert found == {Outcome.INCONCLUSIVE}


def test_a_release_whose_database_has_the_processors_in_the_slow_seconds_is_not_excused_by_others_who_always_have_some() -> (
    None
):
    """Others take 12 % all the time; in the slow seconds the sandbox took 60 % in place of 15 %, the control was late, and so were the users."""
    run = controlled(slowed_in(core_evidence(), BEGIN, 5), late=range(BEGIN, BEGIN + 6), others=0.12)
    slow = {ns(at) for at in range(BEGIN, BEGIN + 8)}
    busy = tuple(
        replace(one, fields={**one.fields, "harness": 0.6}) if one.fields.get("at_ns") in slow else one
        for one in run.observations
    )
    assert not not_passed(run)
    assert not_passed(replace(run, observations=busy))


def not_passed(run: Evidence) -> bool:
    """Whether a response time of the run is no PASS."""
    return any(one.outcome is not Outcome.PASS for one in times(run))


def test_a_reading_of_the_machine_speaks_of_no_second_whose_own_reading_is_gone() -> None:
    """The control and the users were slow for 5 s, and others had the processors a second later: the readings between are removed."""
    run = with_others(controlled(slowed_in(core_evidence(), BEGIN, 5), late=range(BEGIN, BEGIN + 6)), {BEGIN + 7})
    gone = {ns(at) for at in range(BEGIN + 1, BEGIN + 7)}
    kept = tuple(one for one in run.observations if one.fields.get("at_ns") not in gone or one.kind != "machine.seen")
    assert len(run.observations) - len(kept) == 6
    assert not_passed(run)
    assert not_passed(replace(run, observations=kept))


@pytest.mark.parametrize("gone", ["answers in time", "the end of the watch"])
def test_a_control_whose_record_is_not_complete_leaves_nothing_out(gone: str) -> None:
    """One of six probes a second was late, which is no late control; without the others it would be one."""
    run = controlled(slowed_in(core_evidence(), BEGIN, 5), late=range(BEGIN, BEGIN + 6), others=0.5)
    rows = run.recorded[CONTROL.name]
    if gone == "the end of the watch":
        assert not not_passed(run)
        watch = replace(run.watchers[CONTROL.name], closed=False)
        assert not_passed(replace(run, watchers={**run.watchers, CONTROL.name: watch}))
        return
    late = np.flatnonzero(rows.ints["done_ns"] - rows.ints["due_ns"] > second(0.05))
    quick = np.isin(np.arange(len(rows)), late[np.arange(len(late)) % 6 > 0])
    rows = replace(
        rows, ints={**rows.ints, "done_ns": np.where(quick, rows.ints["due_ns"] + 3_000_000, rows.ints["done_ns"])}
    )
    for kept in (rows, rows.where(~quick)):
        assert not_passed(replace(run, recorded={CONTROL.name: kept}))


def test_without_a_control_nothing_is_left_out() -> None:
    """A watch that was late says nothing of the seconds in which it was not."""
    assert undisturbed(core_plan(), starved(slowed(core_evidence()), 0.2)) is None
