"""Bounds of a quantile whose looks are not independent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judgement.measures import held
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Floats, Timeline
from harness.judgement.stats.quantiles import _rank_low, quantile_in_time
from harness.judgement.stats.statistics import Bounds, quantile_bounds
from harness.model import Op, Outcome


def timeline(n: int, per_s: int = 100) -> Timeline:
    """Looks at an even rate."""
    return Timeline.of(np.arange(n) * (10**9 // per_s), (0, n * (10**9 // per_s)))


def bounded(ms: Floats, limit: float, quantile: float = 0.95) -> Bounds:
    """The bounds at 95 %."""
    return quantile_in_time(ms, timeline(len(ms)), quantile, limit, 0.95)


def usual(n: int = 12_800) -> Floats:
    """20 to 29 ms in turn, and one in a thousand a little more."""
    ms = 20.0 + np.arange(n) % 10
    ms += np.arange(n) / n / 10
    return np.asarray(ms, dtype=np.float64)


def stalled(length: int = 50, height: float = 500.0, n: int = 12_800) -> Floats:
    """With a stall of so many requests in the middle."""
    ms = usual(n)
    ms[n // 2 : n // 2 + length] += np.linspace(height, 0, length)
    return ms


@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_looks_that_seem_independent_have_the_order_statistics(quantile: float) -> None:
    """The same as the exact bounds, value for value; the limit is of no account."""
    ms = usual()[np.arange(12_800) * 7919 % 12_800]
    exact = quantile_bounds(np.sort(ms), quantile, 0.95)
    for limit in (10.0, 29.0, 200.0):
        assert bounded(ms, limit, quantile) == exact


def test_a_healthy_platform_with_one_stall_passes_its_p95() -> None:
    """A stall of half a second hits 50 of 12 800; p95 stays 29 ms, surely below 200 ms."""
    bounds = bounded(stalled(), 200)
    assert held(Op.BELOW, bounds, 200) is Outcome.PASS
    assert bounds.value == pytest.approx(29.1, abs=0.1)
    assert 29 < bounds.high < 200
    assert bounds.clustered
    assert bounds.method.startswith("raw samples; at the limit: share, clustered by time (1 episode, the longest 0.")
    assert "1 episode" in bounds.why


def test_a_p99_with_one_such_stall_cannot_be_told() -> None:
    """4.7 such stalls would be over 1 %, and the displayed bound is over the limit as well."""
    bounds = bounded(stalled(), 200, 0.99)
    assert bounds.value < 30
    assert bounds.high >= 200
    assert held(Op.BELOW, bounds, 200) is Outcome.INCONCLUSIVE


def test_stalls_below_the_limit_are_no_reason_against_a_pass() -> None:
    """Clustered at the quantile, exact at the limit that none reached."""
    ms = stalled(2000, 40)
    bounds = bounded(ms, 200)
    exact = quantile_bounds(np.sort(ms), 0.95, 0.95)
    assert held(Op.BELOW, bounds, 200) is Outcome.PASS
    assert bounds.high > exact.high
    assert bounds.low < exact.low
    assert bounds.method.startswith("raw samples; at the quantile: share, clustered by time (1 episode")
    assert bounds.method.endswith("; exact at the limit")
    assert (bounds.clustered, bounds.why) == (True, "")


def test_nothing_and_too_little_bound_nothing() -> None:
    """No looks, 58 and 59."""
    none = quantile_in_time(np.array([]), timeline(0), 0.95, 200, 0.95)
    assert (math.isnan(none.value), none.low, none.high, none.n) == (True, -math.inf, math.inf, 0)
    assert bounded(usual(58), 200).high == math.inf
    assert bounded(usual(59), 200).high == usual(59).max()


def test_a_share_of_which_next_to_nothing_is_known_leaves_no_rank() -> None:
    """A bound of 2e-308, as clustered shares have it at a confidence of 99.994 %, is no division by zero."""
    share = Bounds(
        value=0.5,
        low=2.3e-308,
        high=1.0,
        fail_low=0.0,
        fail_high=1.0,
        confidence=0.99994,
        n=695,
        method="",
        clustered=True,
    )
    assert _rank_low(695, 0.5, 0.99994, share, share.low) == 0
    assert _rank_low(695, 0.5, 0.99994, share, 0.0) == 0
    assert 0 < _rank_low(695, 0.5, 0.99994, share, 0.45) < 348


def test_where_a_quantile_has_no_upper_bound() -> None:
    """One in ten never answered: there is no p95, and it is over any limit. p100 has a lower bound alone, and is over no limit that nothing reached."""
    ms = usual()
    ms[::10] = math.inf
    bounds = bounded(ms, 200)
    assert (bounds.value, bounds.fail_low, bounds.high) == (math.inf, math.inf, math.inf)
    assert held(Op.BELOW, bounds, 200) is Outcome.FAIL
    bounds = bounded(usual(), 200, 1.0)
    assert bounds.high == math.inf
    assert bounds.low < 200
    assert held(Op.BELOW, bounds, 200) is Outcome.INCONCLUSIVE


def test_many_stalls_bound_a_quantile_from_both_sides() -> None:
    """60 stalls: the bounds are finite, and further out than the exact ones."""
    rng = np.random.default_rng(2)
    ms = usual(60_000)
    for start in np.sort(rng.choice(600, 60, replace=False)) * 100:
        ms[start : start + 50] += np.linspace(500, 0, 50)
    exact = quantile_bounds(np.sort(ms), 0.98, 0.95)
    bounds = bounded(ms, 1000, 0.98)
    assert bounds.fail_low < bounds.low < exact.low < bounds.value < exact.high < bounds.high
    assert bounds.high <= bounds.fail_high < 1000, (
        "equal where the worst third decides: it is the same at any confidence"
    )
    share = share_in_time(timeline(len(ms)).slots(ms > bounds.value), 0.95)
    low = math.floor(60_000 * (1 - (1 - 0.98) * share.value / share.low))
    assert bounds.low == np.sort(ms)[low - 1]


@given(
    st.lists(st.sampled_from([1.0, 2.0, 10.0, 11.0, math.inf]), min_size=1, max_size=300),
    st.sampled_from([0.5, 0.9, 0.95, 1.0]),
    st.sampled_from([1.0, 1.5, 10.0, 12.0]),
)
@settings(max_examples=150)
def test_the_verdict_of_the_quantile_is_that_of_the_share_over_the_limit(
    values: list[float], quantile: float, limit: float
) -> None:
    """Displayed bounds never contradict it, and lie in order around the value."""
    ms = np.array(values)
    bounds = bounded(ms, limit, quantile)
    share = share_in_time(timeline(len(ms)).slots(ms >= limit), 0.95)
    assert (bounds.high < limit) == (share.high < 1 - quantile)
    assert (bounds.fail_low >= limit) == (share.fail_low >= 1 - quantile and share.fail_low > 0)
    assert (bounds.low >= limit) == (share.low >= 1 - quantile and share.low > 0)
    assert bounds.fail_low <= bounds.low
    assert bounds.high <= bounds.fail_high
    assert {bounds.low, bounds.high} <= {*values, math.inf, -math.inf}
