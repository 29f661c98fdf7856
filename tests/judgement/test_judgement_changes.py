"""What differs between runs that were judged: nothing is worse that is not proven."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.judgement.summary.changes import compared, figure_change, trends
from harness.model.judged.past import Change, FigureChange, PastFigure, PastRow
from tests.builders.past import latency, p95, past


def change(before: float, after: float, **more: object) -> FigureChange:
    """Of one figure."""
    return figure_change("SHOP-P95", latency(before, **more), latency(after, **more))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (100.0, 100.0, Change.UNPROVEN),
        (100.0, 106.0, Change.UNPROVEN),  # each within 5 %: together within 7 %
        (100.0, 108.0, Change.WORSE),
        (108.0, 100.0, Change.BETTER),
    ],
)
def test_a_response_time_is_worse_only_where_the_bounds_of_the_ratio_prove_it(
    before: float, after: float, expected: Change
) -> None:
    """Both are known to 5 % at 99.75 %."""
    found = change(before, after)
    assert (found.change, found.of, found.confidence) == (expected, "ratio", 0.9975)
    assert found.value == pytest.approx(after / before)


def test_more_is_better_of_what_has_a_least() -> None:
    """An uptime that falls is worse; shares are compared by their difference, also where one is 0."""
    share = {
        "unit": "ratio",
        "op": "is at least",
        "low": 0.9988,
        "high": 0.9992,
        "fail_low": 0.9986,
        "fail_high": 0.9994,
    }
    fallen = {**share, "low": 0.996, "high": 0.998, "fail_low": 0.9955, "fail_high": 0.9985}
    found = figure_change("UP", latency(0.999, **share), latency(0.997, **fallen))
    assert (found.change, found.of) == (Change.WORSE, "difference")
    assert found.value == pytest.approx(-0.002)
    none = {"unit": "ratio", "low": 0.0, "high": 0.0005, "fail_low": 0.0, "fail_high": 0.001}
    some = {**none, "low": 0.008, "high": 0.012, "fail_low": 0.007, "fail_high": 0.014}
    assert figure_change("E", latency(0.0, **none), latency(0.01, **some)).change is Change.WORSE
    assert figure_change("E", latency(0.0, **none), latency(0.0, **none)).change is Change.UNPROVEN


def test_of_a_share_held_within_limits_neither_way_is_better() -> None:
    """60 % ± 5 points."""
    share = {"unit": "ratio", "op": "is within", "fail_low": 0.59, "fail_high": 0.61}
    other = {**share, "fail_low": 0.62, "fail_high": 0.64}
    assert figure_change("S", latency(0.60, **share), latency(0.63, **other)).change is Change.DIFFERENT


@pytest.mark.parametrize("more", [{"fail_low": None, "fail_high": None}, {"confidence": None}])
def test_a_figure_without_bounds_is_not_tested(more: dict[str, object]) -> None:
    """An older run did not record them."""
    for found in (
        figure_change("X", latency(1.0, **more), latency(500.0)),
        figure_change("X", latency(1.0), latency(500.0, **more)),
    ):
        assert found.change is Change.UNTESTED
        assert "no 99.75 % bounds" in found.why


def recovery(value: float | None, low: float, high: float | None) -> PastFigure:
    """A recovery that was observed once, between its bounds."""
    return PastFigure(
        name="recovery of reads", verdict="PASS", value=value, unit="s", op="is below", limit="15 s", low=low, high=high
    )


@pytest.mark.parametrize(
    ("before", "after", "expected", "bounds"),
    [
        (recovery(2.0, 1.9, 2.1), recovery(2.1, 2.0, 2.2), Change.UNPROVEN, (-0.1, 0.3)),
        (recovery(2.0, 1.9, 2.1), recovery(4.5, 4.4, 4.6), Change.WORSE, (2.3, 2.7)),
        (recovery(4.5, 4.4, 4.6), recovery(2.0, 1.9, 2.1), Change.BETTER, (-2.7, -2.3)),
        (recovery(2.0, 1.9, 2.1), recovery(None, 15.0, None), Change.WORSE, (12.9, None)),
        (recovery(None, 15.0, None), recovery(2.0, 1.9, 2.1), Change.BETTER, (None, -12.9)),
        (recovery(None, 15.0, None), recovery(None, 20.0, None), Change.UNPROVEN, (None, None)),
    ],
)
def test_recoveries_are_compared_by_the_bounds_of_both_observations(
    before: PastFigure, after: PastFigure, expected: Change, bounds: tuple[float | None, float | None]
) -> None:
    """Also of a service that did not come back while it was observed; no confidence is claimed for one observation each."""
    found = figure_change("SHOP-RESTART", before, after)
    assert (found.change, found.confidence, found.why) == (expected, None, "observed once in each run")
    assert (found.low, found.high) == tuple(None if one is None else pytest.approx(one) for one in bounds)


def test_other_units_are_not_compared() -> None:
    """The sentence was changed."""
    found = figure_change("X", latency(1.0, unit="s"), latency(500.0))
    assert (found.change, found.why) == (Change.UNTESTED, "the units differ: s and ms")
    assert figure_change("X", latency(1.0, unit=""), latency(500.0)).why == "the units differ: none and ms"
    assert figure_change("X", latency(1.0), latency(500.0, unit="")).why == "the units differ: ms and none"


def test_a_bound_on_one_side_proves_that_side() -> None:
    """Unknown above, far over the other below."""
    found = figure_change("X", latency(100.0), latency(300.0, fail_high=None, high=None))
    assert (found.change, found.high) == (Change.WORSE, None)


SIDES = st.floats(min_value=0.01, max_value=1e6)


@given(value=SIDES, other=SIDES, low=st.floats(0.1, 1), high=st.floats(1, 10))
def test_a_difference_and_its_opposite_are_proven_alike(value: float, other: float, low: float, high: float) -> None:
    """What is worse one way is better the other way, whatever the figures."""
    first = latency(value, fail_low=value * low, fail_high=value * high)
    second = latency(other, fail_low=other * low, fail_high=other * high)
    there, back = figure_change("X", first, second), figure_change("X", second, first)
    assume(all(bound is None or abs(bound - 1) > 1e-9 for bound in (there.low, there.high)))
    opposite = {Change.WORSE: Change.BETTER, Change.BETTER: Change.WORSE}
    assert back.change is opposite.get(there.change, there.change)


def test_two_runs_differ_in_verdicts_rows_and_inputs() -> None:
    """PASS to FAIL, a row that is new, one that is gone, files that were edited."""
    gone, new = PastRow(id="GONE-1", verdict="PASS"), PastRow(id="NEW-1", verdict="NOT_ASSESSED", reason="no means")
    failed = PastRow(id="SHOP-P95", verdict="FAIL", reason="too slow", measures=p95(230).measures)
    before = past("a", p95(100), gone, inputs={"kpi.feature": "1", "old.yaml": "2", "same.yaml": "3"})
    after = past("b", failed, new, inputs={"kpi.feature": "9", "new.yaml": "2", "same.yaml": "3"})
    found = compared(before, after)
    assert [(row.id, row.before, row.after, row.reason) for row in found.rows] == [
        ("SHOP-P95", "PASS", "FAIL", "too slow"),
        ("NEW-1", "", "NOT_ASSESSED", "no means"),
        ("GONE-1", "PASS", "", ""),
    ]
    assert found.inputs == ("changed kpi.feature", "new new.yaml", "gone old.yaml")
    assert [one.change for one in found.figures] == [Change.WORSE]


def test_figures_of_different_targets_are_not_compared() -> None:
    """Another target, environment or time scale is no regression."""
    found = compared(past("a", p95(100)), past("b", p95(300), target="staging"))
    assert found.figures == ()
    assert found.why_not == (
        "the runs have different targets: sandbox (sandbox, time scale 60) and staging (sandbox, time scale 60)"
    )


def test_the_worst_changes_come_first() -> None:
    """Worse, better, then what is not proven."""
    rows = [PastRow(id=f"R-{n}", verdict="PASS", measures=(latency(100),)) for n in range(3)]
    later = [PastRow(id=f"R-{n}", verdict="PASS", measures=(latency(v),)) for n, v in enumerate((100, 50, 200))]
    found = compared(past("a", *rows), past("b", *later))
    assert [one.requirement for one in found.figures] == ["R-2", "R-1", "R-0"]


def test_a_trend_has_a_point_a_run_of_its_series() -> None:
    """Runs of another target are no part of it; a figure that the latest run lacks has none."""
    runs = [past("a", p95(100)), past("x", p95(900), target="other"), past("b", p95(101)), past("c", p95(150))]
    (trend,) = trends(runs)
    assert [(point.run, point.figure.value) for point in trend.points] == [("a", 100), ("b", 101), ("c", 150)]
    assert trend.change is not None
    assert trend.change.change is Change.WORSE
    assert trends([*runs, past("d")]) == ()
    assert trends([]) == ()


def test_a_single_run_has_points_and_no_change() -> None:
    """There is nothing to compare with; a figure without bounds has no trend."""
    (trend,) = trends([past("a", p95(100))])
    assert (len(trend.points), trend.change) == (1, None)
    assert trends([past("a", p95(100, low=None, high=None))]) == ()
