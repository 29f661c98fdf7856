"""The last hour of a soak against the first, windows against each other, and a run against its baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import failing, measures, ns, objective, plan, samples, with_load

from harness.judgement import judge
from harness.judgement.figures.trends.quantile_ratios import ratio_of_quantiles
from harness.judgement.figures.trends.soak import least_requests
from harness.judgement.figures.trends.timed import Times
from harness.model import Baseline, Evidence, Figure, Measure, Objective, Op, Outcome, Per, Quantity, Table

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SOAK = {"soak": Quantity(value=8, unit="h")}
LAST = objective(Figure.LAST_HOUR, Op.BELOW, "1.2", quantile=0.95, per=Per.ROUTE, times=SOAK)
VARIATION = objective(
    Figure.VARIATION, Op.BELOW, "30 %", quantile=0.5, times={"of every": Quantity(value=10, unit="min", scaled=True)}
)
TRAFFIC = {"everyday": replace(plan().traffic["everyday"], journeys_per_s=100.0)}
BASELINE = objective(Figure.BASELINE_FACTOR, Op.BELOW, "1.2", quantile=0.95, per=Per.ROUTE)


def judged(claimed: Objective, run: Evidence, **fields: object) -> list[Measure]:
    """The measures of the objective, under 100 journeys a second."""
    return measures(judge(plan({"R": claimed}, traffic=TRAFFIC, **fields), run))


def slowed(factor: float, start: float, end: float, rows: Table | None = None) -> Table:
    """The requests, those due in a span so many times as slow; 400 a second and latencies that differ."""
    rows = rows or samples(0, 60, per_s=400)
    ints = {name: column.copy() for name, column in rows.ints.items()}
    draw = np.random.default_rng(3).gamma(9, 2.5e6, len(rows)).astype(np.int64)
    own = (rows.ints["intended_ns"] >= ns(start)) & (rows.ints["intended_ns"] < ns(end))
    took = np.where(own, draw * factor, draw).astype(np.int64)
    ints["done_ns"] = rows.ints["intended_ns"] + 1_000_000 + took
    return replace(rows, ints=ints)


def run_of(rows: Table) -> Evidence:
    """The run with these requests; no other window."""
    base = with_load(rows)
    own = replace(base.windows["everyday/fault-free"], journeys_per_s=100.0)
    return replace(base, windows={"everyday/fault-free": own})


def test_a_last_hour_that_is_twice_as_slow_fails() -> None:
    """From the seventh hour on."""
    assert {one.outcome for one in judged(LAST, run_of(slowed(2, 52, 60)))} == {FAIL}


def test_what_prepares_the_first_fault_is_no_part_of_the_soak() -> None:
    """The window goes on until the fault is sent; the last seconds are the harness's own, and slow."""
    rows = slowed(2, 60, 66, samples(0, 66, per_s=400))
    longer = run_of(rows)
    window = replace(longer.windows["everyday/fault-free"], end_ns=ns(66), samples=rows)
    found = judged(LAST, replace(longer, windows={"everyday/fault-free": window}))
    assert all(one.value is not None and 0.8 < one.value < 1.2 for one in found)
    assert "the fault-free window of 60 s" in found[0].reason


def test_an_hour_without_an_answer_tells_nothing() -> None:
    """All of the first hour failed: there is nothing to compare with."""
    rows = slowed(1, 0, 0)
    first = rows.ints["intended_ns"] < ns(8)
    found = judged(LAST, run_of(failing(rows, first, status=0, error="timeout")))
    assert {one.outcome for one in found} == {INCONCLUSIVE}


def test_a_soak_needs_so_many_requests_an_hour_that_equal_hours_are_seen_to_be() -> None:
    """With as many as the plan asks for, three runs in four pass and more; with those of 128 s, not even half."""
    needed, random = least_requests(0.95, 1.2, 0.95), np.random.default_rng(11)
    assert 1300 <= needed <= 1400

    def passes(n: int) -> int:
        hour = (0, 60 * 10**9)
        at_ns = np.linspace(*hour, n, endpoint=False).astype(np.int64)
        times = [(Times(ms=random.exponential(10, n), at_ns=at_ns), hour) for _ in range(120)]
        pairs = zip(times[::2], times[1::2], strict=True)
        return sum(ratio_of_quantiles(0.95, 1.2, now, then, 0.95).high < 1.2 for now, then in pairs)

    assert passes(needed) >= 0.7 * 60
    assert passes(410) <= 0.5 * 60


def test_parts_are_undecided_where_one_is_as_much_slower_as_is_allowed() -> None:
    """The highest of twelve is 30 % over the others: hardly ever PASS, and hardly ever FAIL."""
    random, outcomes = np.random.default_rng(5), []
    for _ in range(20):
        rows = slowed(1, 0, 0)
        draw = random.gamma(9, 2.5e6, len(rows))
        own = (rows.ints["intended_ns"] >= ns(20)) & (rows.ints["intended_ns"] < ns(30))
        took = np.where(own, draw * 1.3, draw).astype(np.int64)
        changed = replace(rows, ints={**rows.ints, "done_ns": rows.ints["intended_ns"] + took})
        [one] = judged(VARIATION, run_of(changed))
        outcomes.append(one.outcome)
    assert outcomes.count(PASS) <= 3
    assert outcomes.count(FAIL) <= 1


def test_windows_that_are_alike_pass_and_one_that_is_twice_as_slow_fails() -> None:
    """Ten minutes are ten seconds here; there are six."""
    [alike] = judged(VARIATION, run_of(slowed(1, 0, 0)))
    assert (alike.outcome, alike.value is not None and alike.value < 0.1) == (PASS, True)
    assert "in 6 parts of 10 s" in alike.reason
    [unlike] = judged(VARIATION, run_of(slowed(2, 20, 30)))
    assert (unlike.outcome, unlike.value is not None and unlike.value > 0.8) == (FAIL, True)


def test_one_part_alone_is_compared_with_nothing() -> None:
    """The window is shorter than two parts."""
    claimed = replace(VARIATION, times={"of every": Quantity(value=50, unit="min", scaled=True)})
    [one] = judged(claimed, run_of(slowed(1, 0, 0)))
    assert (one.outcome, one.reason) == (
        INCONCLUSIVE,
        "the fault-free windows have 1 parts of 50 s, expected at least 2",
    )


def test_a_part_in_which_nobody_was_answered_tells_nothing() -> None:
    """Its median is infinite."""
    rows = slowed(1, 0, 0)
    part = (rows.ints["intended_ns"] >= ns(10)) & (rows.ints["intended_ns"] < ns(20))
    [one] = judged(VARIATION, run_of(failing(rows, part, status=0, error="timeout")))
    assert one.outcome is INCONCLUSIVE


@pytest.mark.parametrize(("factor", "outcome"), [(1.0, PASS), (2.0, FAIL)])
def test_a_run_is_held_against_its_baseline_route_by_route(factor: float, outcome: Outcome) -> None:
    """As quick as before passes 1.2 times, twice as slow fails."""
    then = run_of(slowed(1, 0, 0)).windows["everyday/fault-free"]
    baseline = Baseline(plan=plan(run="run-0", traffic=TRAFFIC), windows={"everyday": then})
    run = replace(run_of(slowed(factor, 0, 60)), baseline=baseline)
    found = judged(BASELINE, run)
    assert len(found) == 4
    assert {one.outcome for one in found} == {outcome}
    assert all(one.scope["baseline"] == "run-0" for one in found)
