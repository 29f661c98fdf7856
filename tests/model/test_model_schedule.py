"""A rate over time, and a trace: how many are due when."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.model import ArrivalTrace, RateCurve

STEPS = RateCurve(points=((0, 10), (10, 10), (10, 20), (20, 0)))


def test_journeys_offered_are_the_area_below_the_rate() -> None:
    """10/s for 10 s, a jump to 20/s, down to nothing in 10 s more."""
    assert [STEPS.offered(at) for at in (-1, 0, 5, 10, 15, 20, 99)] == [0, 0, 50, 100, 175, 200, 200]
    assert [STEPS.rate_at(at) for at in (0, 5, 10, 15, 20, 99)] == [10, 10, 20, 10, 0, 0]
    assert STEPS.peak_per_s == 20
    assert [STEPS.when(journeys) for journeys in (0, 50, 100, 175, 200)] == [0, 5, 10, 15, 20]
    assert math.isinf(STEPS.when(200.1))


def test_the_first_and_the_last_rate_hold() -> None:
    """A curve that says something of seconds 5 to 6 only."""
    curve = RateCurve(points=((5, 2), (6, 4)))
    assert [curve.offered(at) for at in (5, 6, 8)] == [10, 13, 21]
    assert [curve.when(journeys) for journeys in (4, 13, 21)] == [2, 6, 8]


@given(
    points=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=8).map(
        lambda found: tuple(sorted(found, key=lambda point: point[0]))
    ),
    share=st.floats(0.001, 0.999),
)
def test_when_is_the_inverse_of_offered(points: tuple[tuple[float, float], ...], share: float) -> None:
    """Whatever the curve."""
    if max(rate for _, rate in points) < 0.01:
        return
    curve = RateCurve(points=points)
    journeys = share * curve.offered(200)
    if journeys > 1e-6:
        assert curve.offered(curve.when(journeys)) == pytest.approx(journeys, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "points",
    [(), ((0, -1),), ((0, math.nan),), ((math.inf, 1),), ((-1, 1),), ((5, 1), (4, 1)), ((0, 0), (9, 0))],
)
def test_what_is_no_rate_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    """Nothing, negative, no number, backwards, nobody ever."""
    with pytest.raises(UsageError):
        RateCurve(points=points)


def test_a_trace_starts_over_a_mean_gap_after_its_end() -> None:
    """Arrivals at 1, 2 and 5 ns: the gaps are 2 on average, so it repeats each 7."""
    trace = ArrivalTrace(offsets_ns=(1, 2, 5))
    assert trace.period_ns == 7
    assert [trace.due_ns(number) for number in range(5)] == [1, 2, 5, 8, 9]
    assert [trace.offered(until) for until in (-1, 0, 1, 2, 3, 6, 8, 9, 14)] == [0, 0, 0, 1, 2, 3, 3, 4, 6]


@pytest.mark.parametrize("offsets", [(), (1,), (1, 1), (2, 1), (-1, 2)])
def test_what_is_no_trace_is_refused(offsets: tuple[int, ...]) -> None:
    """Nothing, one moment, backwards, negative."""
    with pytest.raises(UsageError):
        ArrivalTrace(offsets_ns=offsets)
