"""A sentence with a phase is judged by the windows of that phase, each experiment by itself, with the proof of fault and restore."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import errors, evidence, failing, measures, p95, plan, samples, window

from harness.judgement import judge
from harness.model import Evidence, Measure, Objective, Outcome, Phase, ReasonKind, Table, after_faults_name, fault_name


def judged(one: Objective, given: Evidence) -> list[Measure]:
    """The measures of one sentence."""
    return measures(judge(plan({"R": one}), given))


AFTER = after_faults_name("everyday")


def run(*, steady: int = 0, fault: int = 0, after: int = 0, experiment: str = "region-loss") -> Evidence:
    """The healthy run and 60 s after its last fault; of so many requests one has failed before, during and after the last fault."""

    def rows(start: float, end: float, every: int) -> Table:
        return failing(samples(start, end), slice(0, None, every)) if every else samples(start, end)

    base = evidence()
    spans = {"everyday/fault-free": (0, 60, "", steady), fault_name(experiment): (160, 200, experiment, fault)}
    changed = {n: window(rows(a, b, every), a, b, x) for n, (a, b, x, every) in spans.items()}
    last = replace(window(rows(200, 260, after), 200, 260), name=AFTER)
    return replace(base, windows={**base.windows, **changed, AFTER: last})


@pytest.mark.parametrize(
    ("phase", "given", "outcome"),
    [
        (Phase.STEADY, run(fault=5), Outcome.PASS),
        (Phase.FAULT, run(), Outcome.PASS),
        (Phase.FAULT, run(fault=5), Outcome.FAIL),
        (Phase.FAULT, run(steady=5, after=5), Outcome.PASS),
        (Phase.RECOVERED, run(fault=5), Outcome.PASS),
        (Phase.RECOVERED, run(after=5), Outcome.FAIL),
    ],
)
def test_only_the_windows_of_the_phase_count(phase: Phase, given: Evidence, outcome: Outcome) -> None:
    """One in five failed, in that phase or in another; the limit is 1 %."""
    experiments = () if phase is Phase.STEADY else ("region-loss",)
    found = judged(errors("1 %", phase=phase, experiments=experiments), given)
    assert [one.outcome for one in found] == [outcome]
    assert found[0].scope.get("experiment", "") == "".join(experiments)


def test_a_pass_needs_the_fault() -> None:
    """Nothing failed, but nothing shows that the fault was in."""
    given = run()
    (attempt,) = given.experiments["region-loss"]
    unseen = replace(attempt, fault=replace(attempt.fault, confirmed_ns=None))
    given = replace(given, experiments={**given.experiments, "region-loss": (unseen,)})
    (found,) = judged(errors("1 %", phase=Phase.FAULT, experiments=("region-loss",)), given)
    assert (found.outcome, found.because.kind) == (Outcome.INCONCLUSIVE, ReasonKind.FAULT)


def test_each_experiment_is_judged_by_itself() -> None:
    """The one that failed is not made up for by the other; of one that has no such window nothing is known."""
    one = errors("1 %", phase=Phase.FAULT, experiments=("pod-loss", "region-loss"))
    assert [m.outcome for m in judged(one, run(fault=5))] == [Outcome.PASS, Outcome.FAIL]
    (unknown,) = judged(errors("1 %", phase=Phase.RECOVERED, experiments=("pod-loss",)), run())
    assert (unknown.outcome, unknown.reason) == (
        Outcome.INCONCLUSIVE,
        "no requests after the recovery of pod-loss were recorded",
    )


def tried_twice(*, first: int, second: int) -> Evidence:
    """The fault of the first attempt was not confirmed; of so many requests one has failed in each."""
    base = run(fault=second)
    (attempt,) = base.experiments["region-loss"]
    unseen = replace(attempt, fault=replace(attempt.fault, confirmed_ns=None))
    counted = replace(base.windows[fault_name("region-loss")], name=fault_name("region-loss", 2))
    other = run(fault=first).windows[fault_name("region-loss")]
    windows = {**base.windows, other.name: other, counted.name: counted}
    return replace(
        base, windows=windows, experiments={**base.experiments, "region-loss": (unseen, replace(attempt, attempt=2))}
    )


def test_an_attempt_whose_fault_was_not_in_makes_no_failure_smaller() -> None:
    """Half of the requests failed under the fault, and none beside it; together it were a quarter."""
    (found,) = judged(errors("30 %", phase=Phase.FAULT, experiments=("region-loss",)), tried_twice(first=0, second=2))
    assert (found.outcome, found.n, found.value) == (Outcome.FAIL, 4000, 0.5)


def test_an_attempt_that_does_not_count_can_fail_what_it_broke() -> None:
    """It was sent, and users failed."""
    found = judged(errors("1 %", phase=Phase.FAULT, experiments=("region-loss",)), tried_twice(first=5, second=0))
    assert [(one.outcome, one.scope.get("attempt")) for one in found] == [(Outcome.FAIL, "1"), (Outcome.PASS, None)]


def test_response_times_know_phases_too() -> None:
    """Slow during the fault, quick before and after it."""
    slow = window(samples(160, 200, latency_ms=900), 160, 200, "region-loss")
    given = replace(run(), windows={**run().windows, fault_name("region-loss"): slow})
    outcomes = {
        phase: {one.outcome for one in judged(p95("200 ms", phase=phase, experiments=("region-loss",)), given)}
        for phase in (Phase.FAULT, Phase.RECOVERED)
    }
    assert outcomes == {Phase.FAULT: {Outcome.FAIL}, Phase.RECOVERED: {Outcome.PASS}}
