"""Two samples set against each other: the wider of two intervals, and when there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judgement.stats.batches import BatchedSample, Tally, batch_count, batch_of
from harness.judgement.stats.comparisons import (
    difference_of,
    few_episodes,
    quantile_ratio,
    ratio_of,
    share_difference,
    widened,
)
from harness.judgement.stats.statistics import Bounds, Floats

S = 1_000_000_000
NOTHING = "no requests were recorded to compare"
UNDEFINED = "too many requests had no answer: the quantile is undefined"


def tally(n: int, bad: Sequence[int] | int, batches: int = 20) -> Tally:
    """As many requests in each batch; bad ones in each, or one number for all."""
    return Tally(
        n=np.full(batches, n, dtype=np.int64), bad=np.array(np.broadcast_to(bad, batches), dtype=np.int64, copy=True)
    )


def timed(
    values: Sequence[float] | Floats, batches: int = 20, per_batch: int = 100, scale: float = 1.0
) -> BatchedSample:
    """The values in turn, as many in each batch."""
    n = batches * per_batch
    return BatchedSample(
        values=np.resize(np.array(values, dtype=np.float64), n) * scale,
        batch=np.repeat(np.arange(batches), per_batch),
        batches=batches,
    )


def shown(bounds: Bounds) -> tuple[float, ...]:
    """Value and bounds to four places: value, low, high, and those for a FAIL."""
    return tuple(round(x, 4) for x in (bounds.value, bounds.low, bounds.high, bounds.fail_low, bounds.fail_high))


HUNDRED: Floats = np.arange(1.0, 101.0, dtype=np.float64)
"""One to a hundred: the p95 is 95."""
MIXED: Floats = np.asarray(np.arange(100) * 37 % 100 + 1, dtype=np.float64)
"""The same, well mixed."""


# batches -------------------------------------------------------------------------------------------------------


def test_batches_are_twice_as_long_as_the_longest_stall(subtests: pytest.Subtests) -> None:
    """At most 60, at least 20, else none."""
    in_a_minute = ((0, 60), (0.5, 60), (0.6, 50), (1, 30), (1.5, 20), (1.51, 0), (30, 0))
    for stall_s, window_s, count in (*((stall_s, 60, count) for stall_s, count in in_a_minute), (0, 0, 0)):
        with subtests.test(stall_s=stall_s, window_s=window_s):
            assert batch_count(round(stall_s * S), 5 * S, 5 * S + round(window_s * S)) == count


def test_each_time_has_its_batch() -> None:
    """A batch begins with its first moment."""
    at = np.array([10, 14, 15, 19, 20, 29])
    assert batch_of(at, 10, 30, 4).tolist() == [0, 0, 1, 1, 2, 3]
    assert batch_of(np.array([7]), 7, 7, 4).tolist() == [0]


# shares --------------------------------------------------------------------------------------------------------


def test_no_failures_at_all_leave_the_exact_bounds() -> None:
    """0 of 600 against 0 of 5 400: 3.0 failures in 600 may be missed on one side, in 5 400 on the other."""
    bounds = share_difference(tally(30, 0), tally(270, 0), 0.95)
    assert shown(bounds) == (0.0, -0.0006, 0.005, -0.0011, 0.0099)
    assert (bounds.n, bounds.confidence, bounds.why) == (600, 0.95, "")
    assert bounds.method == "difference of shares, independent (Newcombe) and from 20 paired time batches, the wider"


def test_a_skew_widens_the_side_it_lies_on() -> None:
    """Nine bad ones in every fourth batch: upwards by 1.5 times Johnson's correction, downwards not at all."""
    bounds = share_difference(tally(40, [9, 0, 0, 0] * 15, 60), tally(400, 0, 60), 0.95)
    pull = np.tile([0.75, -0.25, -0.25, -0.25], 15) * 9 / 2400
    error = math.sqrt(60 / 59 * float((pull**2).sum()))
    g = 1.1547005 * math.sqrt(60 * 59) / 58
    t = 1.671093
    assert bounds.high - bounds.value == pytest.approx(
        error * (t + 1.5 * g * (1 + 2 * t * t) / (6 * math.sqrt(60))), rel=1e-5
    )
    assert bounds.value - bounds.low == pytest.approx(error * t, rel=1e-5)
    assert bounds.why == ""


def test_stalls_that_both_saw_cancel_out() -> None:
    """All requests of fifteen batches failed, of both: the difference is sure, though the shares are not."""
    struck = [1] * 15 + [0] * 5
    bounds = share_difference(tally(40, [40 * x for x in struck]), tally(400, [400 * x for x in struck]), 0.95)
    assert bounds.value == 0
    assert bounds.high < 0.06
    assert bounds.why == ""


def test_a_few_episodes_may_have_been_more_and_are_as_bad_as_the_worst() -> None:
    """One of twenty batches failed wholly: up to 16 such may be due, so a difference of 80 % is not excluded."""
    bounds = share_difference(tally(50, [50] + [0] * 19), tally(400, 0), 0.95)
    assert bounds.value == 0.05
    assert bounds.high == pytest.approx(16.05646 * 50 / 1000, rel=1e-6)
    assert bounds.fail_low < 0
    assert bounds.why == "the differences are clustered in fewer than 15 episodes"


def test_what_cannot_be_compared_has_no_bounds(subtests: pytest.Subtests) -> None:
    """No requests on one side, or fewer than twenty batches."""
    too_long = "the longest stall is too long: the window is shorter than 20 batches of twice its length"
    for first, second, n, why in [
        (tally(0, 0), tally(10, 0), 0, NOTHING),
        (tally(10, 0), tally(0, 0), 0, NOTHING),
        (tally(10, 0, 19), tally(9, 0, 19), 171, too_long),
    ]:
        with subtests.test(why, first=first.total, second=second.total):
            bounds = share_difference(first, second, 0.95)
            assert math.isnan(bounds.value)
            assert {bounds.low, bounds.fail_low} == {-math.inf}
            assert {bounds.high, bounds.fail_high} == {math.inf}
            assert (bounds.n, bounds.why, bounds.confidence) == (n, why, 0.95)


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 20), min_size=20, max_size=30),
    st.integers(0, 200),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_exchanging_the_samples_mirrors_the_interval(bad: list[int], other: int, confidence: float) -> None:
    """What is above from here is below from there; value and bounds are in order."""
    first, second = tally(20, bad, len(bad)), tally(200, other, len(bad))
    there, back = share_difference(first, second, confidence), share_difference(second, first, confidence)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert there.fail_low <= there.low <= there.value <= there.high <= there.fail_high


# episodes ------------------------------------------------------------------------------------------------------


def test_fewer_than_fifteen_batches_far_away_that_make_most_of_the_variance_are_episodes(
    subtests: pytest.Subtests,
) -> None:
    """Over three standard deviations away to either side; the other batches are so many away, and all may vary as is due."""
    for struck, away, batches, others, found in [
        (10, 1.0, 20, -1.0, None),
        (1, 9.3, 60, 0.0, 1),
        (14, 3.1, 60, 0.0, 14),
        (15, 3.1, 60, 0.0, None),
        (10, 2.99, 40, 0.0, None),
        (10, 3.01, 40, 0.0, 10),
        (10, -3.01, 40, 0.0, 10),
        (4, 4.0, 20, 1.9, 4),
        (4, 4.0, 20, 2.2, None),
    ]:
        with subtests.test(struck=struck, away=away, others=others):
            pull = np.r_[np.full(struck, away * 0.1), np.full(batches - struck, others * 0.1)]
            assert few_episodes(pull, np.full(batches, 0.01)) == found
    assert few_episodes(np.zeros(20), np.zeros(20)) is None


# quantiles -----------------------------------------------------------------------------------------------------


def test_the_farther_of_both_distributions_counts() -> None:
    """One sample has a gap above its median, the other below it: the bounds reach over both."""
    above, below = timed([*[1.0] * 51, *[10.0] * 49]), timed([*[0.1] * 49, *[1.0] * 51])
    bounds = quantile_ratio(above, below, 0.5, 0.95)
    assert (bounds.value, bounds.low, bounds.high) == (1.0, 1.0, 10.0)
    bounds = quantile_ratio(below, above, 0.5, 0.95)
    assert (bounds.value, bounds.low, bounds.high) == (1.0, 0.1, 1.0)


def stalled(batches: Sequence[int], of: int = 40) -> BatchedSample:
    """Values of HUNDRED, a hundred a batch; in these batches all are ten times as slow."""
    sample = timed(HUNDRED, batches=of)
    return replace(sample, values=np.where(np.isin(sample.batch, batches), 10 * sample.values, sample.values))


def test_too_few_stalls_bear_no_ratio() -> None:
    """One of forty batches is slow, in one sample only: the value stands, without bounds."""
    for first, second, value in [(stalled([7]), stalled([]), 98 / 95), (stalled([]), stalled([7]), 95 / 98)]:
        bounds = quantile_ratio(first, second, 0.95, 0.95)
        assert (bounds.low, bounds.high, bounds.n) == (-math.inf, math.inf, 4000)
        assert bounds.value == pytest.approx(value)
        assert bounds.why == "the differences are clustered in fewer than 15 episodes"


def test_a_small_sample_has_no_bounds_at_a_high_quantile() -> None:
    """Of forty values the p95 may be the largest, or beyond it; so far off, the other may be as well."""
    bounds = quantile_ratio(timed(MIXED, per_batch=2), timed(HUNDRED), 0.95, 0.95)
    assert bounds.high == math.inf
    assert bounds.value == pytest.approx(1, abs=0.05)
    assert bounds.low == 0


def test_a_small_sample_has_no_lower_bound_either_at_a_low_quantile() -> None:
    """Of twenty values the lowest tenth may be nought: by nothing a ratio is without bound."""
    small, large = timed(MIXED, per_batch=1), timed(HUNDRED)
    assert quantile_ratio(small, large, 0.05, 0.95).low == 0
    assert quantile_ratio(large, small, 0.05, 0.95).high == math.inf


def test_what_has_no_quantile_has_no_ratio(subtests: pytest.Subtests) -> None:
    """Nothing, or nothing but requests without an answer."""
    unanswered: Floats = np.full(40, math.inf)
    for name, first, second, n, why in [
        ("nothing", HUNDRED[:0], HUNDRED, 0, NOTHING),
        ("to nothing", HUNDRED, HUNDRED[:0], 0, NOTHING),
        ("unanswered", unanswered, HUNDRED, 40, UNDEFINED),
        ("to unanswered", HUNDRED, unanswered, 40, UNDEFINED),
        ("to zero", HUNDRED, np.zeros(40), 40, UNDEFINED),
    ]:
        with subtests.test(name):
            one, other = (
                BatchedSample(values=values, batch=np.arange(len(values)) % 20, batches=20)
                for values in (first, second)
            )
            bounds = quantile_ratio(one, other, 0.95, 0.95)
            assert math.isnan(bounds.value)
            assert (bounds.low, bounds.fail_high, bounds.n, bounds.why) == (-math.inf, math.inf, n, why)


@pytest.mark.parametrize(("batches", "bounded"), [(19, False), (20, True)])
def test_it_takes_twenty_batches(batches: int, bounded: bool) -> None:  # noqa: FBT001
    """Of both samples."""
    bounds = quantile_ratio(timed(HUNDRED, batches=batches), timed(HUNDRED, batches=batches), 0.95, 0.95)
    assert bounds.value == 1
    assert math.isfinite(bounds.high) is bounded
    assert bounds.why.startswith("the longest stall is too long") is not bounded


@settings(max_examples=40)
@given(st.floats(0.1, 10), st.sampled_from([0.5, 0.9, 0.95]))
def test_a_scale_is_the_ratio_and_lies_within_its_bounds(scale: float, quantile: float) -> None:
    """The same values, stretched."""
    bounds = quantile_ratio(timed(HUNDRED, scale=scale), timed(HUNDRED), quantile, 0.95)
    assert bounds.value == pytest.approx(scale)
    assert bounds.fail_low <= bounds.low <= bounds.value <= bounds.high <= bounds.fail_high


# two runs ------------------------------------------------------------------------------------------------------


def figure(value: float, low: float, high: float, **fields: Any) -> Bounds:
    """A figure; at 99.75 % its bounds are twice as far away, as a factor."""
    given: dict[str, Any] = {
        "fail_low": low * low / value if value else low,
        "fail_high": high * high / value if value else high,
        "confidence": 0.95,
        "n": 100,
        "method": "counting",
    }
    return Bounds(value=value, low=low, high=high, **{**given, **fields})


def test_the_ratio_of_two_figures_adds_their_doubts_as_variances() -> None:
    """By a factor of e³ and of e⁴ makes e⁵, each to its side."""
    e = math.e
    bounds = ratio_of(figure(10, 10 / e**3, 10 * e**6), figure(5, 5 / e**8, 5 * e**4, n=70))
    assert (bounds.value, bounds.n, bounds.confidence, bounds.why) == (2, 70, 0.95, "")
    assert (bounds.low, bounds.high) == pytest.approx((2 / e**5, 2 * e**10))
    assert (bounds.fail_low, bounds.fail_high) == pytest.approx((2 / e**10, 2 * e**20))
    assert bounds.method == "ratio of two figures (Zou and Donner), by counting"


@pytest.mark.parametrize(
    "sample",
    [timed(HUNDRED, batches=19), BatchedSample(values=HUNDRED[:0], batch=np.arange(0), batches=20), stalled([7])],
)
def test_too_few_batches_or_episodes_widen_nothing(sample: BatchedSample) -> None:
    """Nor does no request at all."""
    exact = figure(50, 49.5, 50.5)
    assert widened(exact, sample, 0.95) == exact


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        (figure(2, 1, math.inf), figure(1, 1, 1), 1, math.inf),
        (figure(2, -math.inf, 4), figure(1, 1, 1), 0, 4),
        (figure(2, 2, 2), figure(1, -math.inf, 2), 1, math.inf),
        (figure(2, 2, 2), figure(1, 0.5, math.inf), 0, 4),
        (figure(2, 0, 2), figure(1, 1, 1), 0, 2),
        (figure(2, 2, 2), figure(1, 1e-320, 1), 2, math.inf),
    ],
)
def test_an_unbounded_figure_makes_an_unbounded_ratio(first: Bounds, second: Bounds, low: float, high: float) -> None:
    """To its own side."""
    bounds = ratio_of(first, second)
    assert (bounds.low, bounds.high) == pytest.approx((low, high))


def test_what_is_no_positive_figure_has_no_ratio(subtests: pytest.Subtests) -> None:
    """On either side."""
    for value in (0.0, math.inf, math.nan, -1.0):
        for n, why in ((0, NOTHING), (5, UNDEFINED)):
            with subtests.test(why, value=value):
                for bounds in (
                    ratio_of(figure(value, 0, 0, n=n), figure(1, 1, 1)),
                    ratio_of(figure(1, 1, 1), figure(value, 0, 0, n=n)),
                ):
                    assert math.isnan(bounds.value)
                    assert (bounds.low, bounds.high, bounds.n, bounds.why) == (-math.inf, math.inf, n, why)


def exactly(value: float, low: float, high: float) -> Bounds:
    """A figure with these bounds at 95 %, and bounds twice as far at 99.75 %."""
    return Bounds(
        value=value,
        low=low,
        high=high,
        fail_low=value - 2 * (value - low),
        fail_high=value + 2 * (high - value),
        confidence=0.95,
        n=70,
        method="given",
    )


def test_the_difference_of_two_shares_from_their_bounds_is_newcombes() -> None:
    """His first example: 56 of 70 less 48 of 80, from Wilson's bounds of each, is 0.2, 0.0524 to 0.3339."""
    first, second = exactly(0.8, 0.69183, 0.87695), exactly(0.6, 0.49045, 0.70039)
    assert shown(difference_of(first, second))[:3] == (0.2, 0.0524, 0.3339)
    there, back = difference_of(first, second), difference_of(second, first)
    assert (back.low, back.high, back.fail_low) == pytest.approx((-there.high, -there.low, -there.fail_high))
    assert there.fail_low == pytest.approx(0.2 - 2 * (0.2 - there.low))


def test_a_difference_from_a_figure_without_a_bound_has_none_on_that_side() -> None:
    """And a figure that is unknown has no difference."""
    open_above = replace(exactly(1.0, 0.5, 1.5), high=math.inf, fail_high=math.inf)
    found = difference_of(open_above, exactly(1.0, 0.5, 1.5))
    assert (found.high, found.fail_high) == (math.inf, math.inf)
    assert math.isfinite(found.low)
    unknown = difference_of(replace(open_above, value=math.nan), exactly(1.0, 0.5, 1.5))
    assert (unknown.low, unknown.high) == (-math.inf, math.inf)
