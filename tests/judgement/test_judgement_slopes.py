"""Slopes: what the interval is, what widens it, and what it is robust to."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judgement.stats.slopes import Slope, slope_bounds

NOISE = np.array(
    [0.3, -1.3, 0.7, 1.1, -0.4, -0.9, 0.2, 0.5, -1.6, 1.4, -0.2, 0.8, -0.6, 0.1, 1.0, -1.1, -0.3, 0.6, -0.7, 0.9]
)
"""Twenty values that look independent."""
T20 = np.arange(20) / 20
Floats = npt.NDArray[np.float64]


def found(values: Floats, confidence: float = 0.95) -> Slope:
    """The slope of values at 0, 1 / n, 2 / n and so on."""
    return slope_bounds(np.arange(len(values)) / len(values), np.asarray(values, dtype=np.float64), confidence)


def test_equal_values_do_not_grow() -> None:
    """No growth, and none is possible."""
    slope = found(np.full(20, 5.0))
    assert (slope.bounds.value, slope.bounds.low, slope.bounds.high, slope.alike) == (0, 0, 0, 0)


def test_more_confidence_is_a_wider_interval() -> None:
    """The bound of a PASS at 99 % lies outside that at 95 %."""
    wide, narrow = found(NOISE, 0.99).bounds, found(NOISE, 0.95).bounds
    assert wide.low < narrow.low < narrow.high < wide.high
    assert (wide.fail_low, wide.fail_high) == (narrow.fail_low, narrow.fail_high)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, math.inf, 2.0, 3.0], [1.0, 2.0, math.nan]])
def test_too_few_or_infinite_values_have_no_bounds(values: list[float]) -> None:
    """Two values have a slope and no interval; an infinite one has none."""
    slope = found(np.array(values))
    bounds = slope.bounds
    assert math.isnan(bounds.value)
    assert (bounds.low, bounds.high, bounds.fail_low, bounds.fail_high) == (-math.inf, math.inf, -math.inf, math.inf)
    assert (bounds.n, bounds.confidence, bounds.method) == (len(values), 0.95, "Theil-Sen slope of time batches")
    assert (slope.jump, slope.alike) == (None, 0.0)


def test_three_values_have_a_slope_that_nothing_bounds() -> None:
    """The fewest that count."""
    bounds = found(np.array([0.0, 1.0, 2.0])).bounds
    assert bounds.value == pytest.approx(3.0)
    assert (bounds.low, bounds.high) == (-math.inf, math.inf)


def test_outliers_do_not_move_the_slope() -> None:
    """Three of twenty values are off by a thousand."""
    values = NOISE + 10 * T20
    values[[3, 9, 16]] += 1000
    assert found(values).bounds.value == pytest.approx(10, abs=2)
    assert found(values).bounds.high < 30


def test_a_small_jump_is_neither_told_nor_taken_for_growth() -> None:
    """Two standard deviations: the line fits as well, but the interval holds nought."""
    slope = found(NOISE + 2 * (T20 >= 0.5))
    assert slope.jump is None
    assert slope.bounds.low < 0


def test_the_line_has_to_be_much_worse_than_a_jump_to_be_ruled_out_and_a_jump_less_so() -> None:
    """Five standard deviations: jumps two places off are ruled out already, else the interval would reach 13.6."""
    bounds = found(NOISE + 5 * (T20 >= 0.5)).bounds
    assert (bounds.low, bounds.high) == pytest.approx((-3.2, 6.0))
    assert (bounds.fail_low, bounds.fail_high) == pytest.approx((-4.75, 8.3333), abs=1e-4)


@pytest.mark.parametrize(
    ("n", "at", "told"),
    [(20, 3, 4), (20, 4, 4), (20, 16, 16), (20, 17, 16), (40, 5, 6), (40, 6, 6), (40, 34, 34), (40, 35, 34)],
)
def test_a_jump_is_looked_for_where_four_values_and_15_percent_are_on_each_side(n: int, at: int, told: int) -> None:
    """Of forty values six; nearer to an edge it is told at the nearest place."""
    assert found(np.tile(NOISE, n // 20) + 40 * (np.arange(n) >= at)).jump == told


def test_values_can_be_so_alike_that_nothing_is_bounded() -> None:
    """A slow swing: 0.9, more cannot be told from growth, and what sixty values are worth bounds little."""
    slope = found(np.sin(np.arange(60) / 6))
    assert slope.alike == 0.9
    assert "worth 3.16 independent ones" in slope.bounds.method
    assert slope.bounds.fail_low == -math.inf


@settings(max_examples=40)
@given(
    st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=8, max_size=30),
    st.floats(-50, 50),
    st.floats(0.1, 10),
)
def test_shift_and_scale(values: list[float], shift: float, scale: float) -> None:
    """A slope does not see where the values begin, and grows as they do; its bounds are in order."""
    plain, moved = found(np.array(values)).bounds, found(np.array(values) * scale + shift).bounds
    assert plain.fail_low <= plain.low <= plain.value <= plain.high <= plain.fail_high
    if all(map(math.isfinite, (plain.low, plain.high))) and len(set(values)) == len(values):
        assert moved.value == pytest.approx(plain.value * scale, rel=1e-6, abs=1e-6)


@settings(max_examples=40)
@given(st.lists(st.floats(-100, 100).map(lambda x: round(x, 2)), min_size=8, max_size=24, unique=True))
def test_time_backwards_is_growth_backwards(values: list[float]) -> None:
    """The mirrored series has the mirrored slope."""
    forth, back = found(np.array(values)).bounds, found(-np.array(values)).bounds
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))


@pytest.mark.parametrize(("growth", "inside"), [(1.0, True), (60.0, False)])
def test_known_growth_is_covered(growth: float, inside: bool) -> None:  # noqa: FBT001
    """The bounds hold the growth that was put in, and not three units at sixty."""
    bounds = found(np.tile(NOISE, 2) + growth * np.arange(40) / 40).bounds
    assert bounds.low <= growth <= bounds.high
    assert (bounds.low <= 3 <= bounds.high) is inside
