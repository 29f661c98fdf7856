"""A machine that is starved while a sandbox is judged proves nothing of its latencies, recoveries and errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.judgement import judge
from harness.judgement.receipts.machine import machine_result
from harness.model import DecisionOutcome, Evidence, Figure, Observation, Outcome, Plan
from tests.builders.core_course import ns
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.honesty.edits import requests


def starved(run: Evidence, share: float, late_ms: float = 80.0) -> Evidence:
    """The run, its probes sent late in this share of the seconds, evenly over the run."""
    ints = dict(run.probes.ints)
    second = ints["due_ns"] // 1_000_000_000
    late = np.where((second * share) % 1 < share, round(late_ms * 1e6), 0)
    return replace(
        run,
        probes=replace(run.probes, ints={**ints, "sent_ns": ints["sent_ns"] + late, "done_ns": ints["done_ns"] + late}),
    )


def slowed(run: Evidence) -> Evidence:
    """Every request took 400 ms more than it did: twice the limit of the p95."""
    return requests(run, lambda rows: replace(rows, ints={**rows.ints, "done_ns": rows.ints["done_ns"] + 400_000_000}))


def outcomes(plan: Plan, run: Evidence, *figures: Figure) -> set[Outcome]:
    """What becomes of the claims of these figures alone."""
    asked = [c.scenario for c in plan.claims if c.objectives and {o.figure for o in c.objectives} <= set(figures)]
    return {claim.outcome for v in judge(plan, run).verdicts for claim in v.claims if claim.scenario in asked}


def test_slow_on_a_quiet_machine_is_a_failure() -> None:
    """A release that is too slow there is too slow; as many late seconds as a run to itself has change nothing."""
    assert Outcome.FAIL in outcomes(core_plan(), slowed(core_evidence()), Figure.RESPONSE_TIME)
    assert Outcome.FAIL in outcomes(core_plan(), starved(slowed(core_evidence()), 0.028), Figure.RESPONSE_TIME)


def test_slow_on_a_starved_machine_is_neither_pass_nor_fail() -> None:
    """A fifth of the seconds were late: response times and errors are INCONCLUSIVE with that reason, and no GO is said."""
    run = starved(slowed(core_evidence()), 0.2)
    assert outcomes(core_plan(), run, Figure.RESPONSE_TIME, Figure.ERROR_RATE) == {Outcome.INCONCLUSIVE}
    judgement = judge(core_plan(), run)
    assert judgement.machine is not None
    assert not judgement.machine.ok
    assert any(
        "but the machine was starved: the watch sent probes over 50 ms late in " in r
        for r in judgement.decision.reasons
    )
    healthy = judge(core_plan(), starved(core_evidence(), 0.2))
    assert healthy.decision.outcome is DecisionOutcome.INCONCLUSIVE


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
    late = np.where((ints["due_ns"] >= start_ns) & (ints["due_ns"] < start_ns + 6_000_000_000), 80_000_000, 0)
    ints |= {"sent_ns": ints["sent_ns"] + late, "done_ns": ints["done_ns"] + late}
    run = replace(
        run, probes=replace(run.probes, ints=ints), windows={**run.windows, last.name: replace(last, samples=slow)}
    )
    assert outcome in outcomes(core_plan(), run, Figure.RESPONSE_TIME)
    assert (Outcome.FAIL in outcomes(core_plan(), run, Figure.RESPONSE_TIME)) is (outcome is Outcome.FAIL)


@pytest.mark.parametrize(
    ("late", "passing", "failing"), [(2, True, True), (3, True, False), (5, True, False), (6, False, False)]
)
def test_late_seconds_that_a_quiet_machine_has_by_chance_leave_a_pass_alone(
    late: int,
    passing: bool,  # noqa: FBT001 - a value of the table
    failing: bool,  # noqa: FBT001 - a value of the table
) -> None:
    """Of 48 s a machine to itself has 3 late ones in 15 of 100 spans, 6 in one of 400; a FAIL is excused by 3."""
    run = core_evidence()
    start_ns = (run.windows["everyday/fault-free"].start_ns // 1_000_000_000 + 1) * 1_000_000_000
    ints = dict(run.probes.ints)
    until_ns = start_ns + late * 1_000_000_000
    sent = np.where((ints["due_ns"] >= start_ns) & (ints["due_ns"] < until_ns), 80_000_000, 0)
    run = replace(run, probes=replace(run.probes, ints={**ints, "sent_ns": ints["sent_ns"] + sent}))
    found = [
        machine_result(core_plan(), run, [(start_ns, start_ns + 48_000_000_000)], excusing=excusing)
        for excusing in (False, True)
    ]
    assert [one.ok for one in found if one] == [passing, failing]


def test_what_is_no_matter_of_time_is_judged_all_the_same() -> None:
    """Losses, copies and checks are what they are."""
    assert outcomes(core_plan(), starved(core_evidence(), 0.2), Figure.LOST_WRITES, Figure.COPIES) == {Outcome.PASS}


def test_processor_time_that_others_took_is_starvation_too() -> None:
    """A tenth of it was stolen in every second, and no probe was late."""

    def seen(at: int, stolen: float | None) -> Observation:
        fields = {"at_ns": ns(at), "waited": 0.3, "stolen": stolen}
        return Observation(
            source="machine",
            seq=at,
            clock="boot",
            mono_ns=ns(at),
            wall="",
            kind="machine.seen",
            subject="machine",
            fields=fields,
        )

    run = core_evidence()
    for stolen, ok in ((0.1, False), (0.01, True), (None, True)):
        told = replace(run, observations=(*run.observations, *(seen(at, stolen) for at in range(1, 400))))
        machine = machine_result(core_plan(), told)
        assert machine is not None
        assert machine.ok is ok
        assert (machine.waited_share, machine.stolen_share) == pytest.approx((0.3, stolen))


@pytest.mark.parametrize(
    ("queued", "every", "ok"), [(0.5, 1, True), (0.8, 1, False), (0.8, 10, False), (0.8, 30, True)]
)
def test_a_target_that_waits_for_a_processor_is_starved_however_punctual_the_watch_is(
    queued: float,
    every: int,
    ok: bool,  # noqa: FBT001 - a value of the table
) -> None:
    """Half of the time is what two busy cores cost; four fifths in a second of ten are not."""

    def seen(at: int) -> Observation:
        fields = {"at_ns": ns(at), "queued": queued if at % every == 0 else 0.5}
        return Observation(
            source="machine",
            seq=at,
            clock="boot",
            mono_ns=ns(at),
            wall="",
            kind="machine.seen",
            subject="machine",
            fields=fields,
        )

    run = core_evidence()
    told = replace(run, observations=(*run.observations, *(seen(at) for at in range(1, 400))))
    machine = machine_result(core_plan(), told)
    assert machine is not None
    assert machine.ok is ok
    assert ok or "the target waited for over 70 % of the time in which it needed a processor" in machine.why
    assert outcomes(core_plan(), told, Figure.RESPONSE_TIME) == {Outcome.PASS}, "it has passed a harder test"
    assert (Outcome.FAIL in outcomes(core_plan(), slowed(told), Figure.RESPONSE_TIME)) is ok


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_target_elsewhere_has_a_machine_of_its_own(environment: str) -> None:
    """How late our probes are says nothing of it."""
    plan = replace(core_plan(), environment=environment)
    assert machine_result(plan, starved(core_evidence(), 0.2)) is None
