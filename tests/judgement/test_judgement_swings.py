"""Shares that swing slowly, or change for good."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct

from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Slots
from harness.judgement.stats.statistics import share_at_least, share_at_most, share_bounds
from harness.judgement.stats.swings import (
    CHANGED_FOR_GOOD,
    change_at,
    swing_effect,
    swing_interval,
    widened_for_change,
    widened_for_swings,
)

QUARTER = 0.25


def parts(bad: list[int], n: int = 100) -> Slots:
    """A second a part, with so many requests and these bad ones."""
    return Slots(width_s=1.0, n=np.full(len(bad), n), bad=np.array(bad))


def wave(*, periods: float, parts_of: int = 20) -> Slots:
    """10 bad ones a part on average, 4 more and 4 fewer in so many periods of a cosine."""
    at = (np.arange(parts_of) + 0.5) / parts_of
    return parts([round(10 + 4 * math.cos(2 * math.pi * periods * t)) for t in at])


def test_the_effect_is_that_of_the_six_slowest_waves() -> None:
    """As scipy's cosine transform (which doubles each sum) has it: their mean square, twice, over 2000 * 0.1 * 0.9."""
    slots = wave(periods=1)
    assert int(slots.bad.sum()) == 200
    waves = dct(slots.bad - 10.0, type=2)[1:7] / 2
    assert swing_effect(slots) == pytest.approx(2 * float((waves**2).mean()) / 180)


@pytest.mark.parametrize(("periods", "seen"), [(0.5, True), (3, True), (4, False), (9, False)])
def test_periods_down_to_a_third_of_the_window_are_slow(periods: float, seen: bool) -> None:  # noqa: FBT001 - a row of the table
    """What swings faster is left to slots and batches."""
    assert (swing_effect(wave(periods=periods)) > 1) is seen


def test_even_counts_do_not_swing() -> None:
    """Failures that come in turn, as many in each part: there is nothing to widen."""
    even = parts([1] * 60)
    assert swing_effect(even) == 1.0
    assert share_in_time(even, 0.95) == share_bounds(60, 6000, 0.95)


@pytest.mark.parametrize(("bad", "seen"), [(6, False), (7, True)])
def test_no_more_bad_ones_than_waves_say_nothing_of_them(bad: int, seen: bool) -> None:  # noqa: FBT001 - a row of the table
    """So the evidence that few failures need is as the table has it; of good ones it is the same."""
    early = parts([1] * bad + [0] * (40 - bad))
    assert (swing_effect(early) > 1) is seen
    assert (swing_effect(early.mirrored()) > 1) is seen


def test_fewer_than_twenty_slots_say_nothing() -> None:
    """They cannot be compared."""
    few = parts([50] * 9 + [0] * 10)
    assert (swing_effect(few), change_at(few, QUARTER)) == (1.0, None)


def test_looks_that_swing_are_worth_fewer_by_korn_and_graubard() -> None:
    """Effect 2, t of 6 degrees 1.9432 and z 1.6449: 200 of 2000 are worth 71.65 of 716.5."""
    times = 2 * (1.9431803 / 1.6448536) ** 2
    low, high = swing_interval(wave(periods=1), 2.0, 0.95)
    k = int(wave(periods=1).bad.sum())
    assert low == pytest.approx(share_at_least(k / times, 2000 / times, 0.95), rel=1e-6)
    assert high == pytest.approx(share_at_most(k / times, 2000 / times, 0.95), rel=1e-6)


def test_a_confidence_of_a_half_has_bounds_too() -> None:
    """There z is nothing; the bounds stay around the share."""
    low, high = swing_interval(wave(periods=1), 2.0, 0.5)
    assert 0 < low < 0.1 < high < 1


def test_what_swings_has_wider_bounds_on_all_sides_and_says_so() -> None:
    """And the value stays."""
    slots = wave(periods=1)
    exact = share_bounds(int(slots.bad.sum()), 2000, 0.95)
    wide = widened_for_swings(exact, slots)
    assert wide.fail_low < min(wide.low, exact.fail_low) <= max(wide.low, exact.fail_low) < exact.low < wide.value
    assert exact.value == wide.value < exact.high < min(wide.high, exact.fail_high)
    assert max(wide.high, exact.fail_high) < wide.fail_high
    assert wide.clustered
    assert (
        wide.method
        == "share with exact bounds of as many looks as slow swings leave (Korn-Graubard), design effect 3.4"
    )


def test_a_change_for_good_is_found_where_it_was() -> None:
    """Half a percent for 36 s, then 2 %: the share since then is 2 %."""
    assert change_at(parts([0, 1] * 18 + [2] * 24), QUARTER) == 36


def test_a_change_later_than_a_quarter_before_the_end_is_an_episode() -> None:
    """Of 60 parts the last 15 are a quarter; the split stays before them, wherever the change was."""
    assert change_at(parts([0, 1] * 22 + [0] + [3] * 15), QUARTER) == 45
    late = change_at(parts([0, 1] * 25 + [3] * 10), QUARTER)
    assert late is None or late <= 45


def test_one_stall_however_bad_is_no_change() -> None:
    """It goes by ranks: 100 of 100 in one part are one part."""
    assert change_at(parts([0] * 50 + [100] + [0] * 9), QUARTER) is None


def test_parts_that_are_all_alike_or_empty_do_not_change() -> None:
    """Nobody looked, or nothing failed, or everything."""
    assert change_at(parts([0] * 60), QUARTER) is None
    assert change_at(parts([100] * 60), QUARTER) is None
    assert (
        change_at(Slots(width_s=1.0, n=np.zeros(60, dtype=np.int64), bad=np.zeros(60, dtype=np.int64)), QUARTER) is None
    )


def test_a_change_of_some_failures_is_told_though_most_parts_have_none() -> None:
    """Ties are corrected for: 8 of 20 later parts with a failure, none of 40 earlier ones."""
    assert change_at(parts([0] * 40 + [0, 0, 1, 0, 1] * 4), QUARTER) is not None
    assert change_at(parts([0] * 40 + [1] * 2 + [0] * 18), QUARTER) is None


def test_a_platform_that_got_worse_for_good_is_judged_as_it_is_now() -> None:
    """0.5 % for 36 s, then 2 %: over the window 1.1 %, now 2 % of 2400, at most 2.56 %; before 1.39 % was the bound."""
    slots = parts([0, 1] * 18 + [2] * 24)
    bounds = widened_for_change(share_bounds(66, 6000, 0.95), slots, QUARTER)
    assert share_in_time(slots, 0.95).high >= bounds.high
    assert bounds.value == pytest.approx(66 / 6000)
    assert bounds.high == pytest.approx(share_at_most(48, 2400, 0.95))
    assert bounds.fail_high == pytest.approx(share_at_most(48, 2400, 0.9975))
    assert bounds.low <= share_at_least(66, 6000, 0.95)
    assert bounds.why == CHANGED_FOR_GOOD
    assert bounds.method.endswith(
        ", or exact bounds since it changed 36 s into the window where those are wider (Pettitt)"
    )


def test_a_change_within_the_bounds_changes_nothing() -> None:
    """Bounds that hold what came after are as they were, and say nothing of it."""
    slots = parts([0, 1] * 18 + [2] * 24)
    wide = replace(share_bounds(66, 6000, 0.95), low=0.001, high=0.1)
    assert widened_for_change(wide, slots, QUARTER) is wide


@given(st.lists(st.integers(0, 20), min_size=1, max_size=80))
@settings(max_examples=100, deadline=None)
def test_both_only_ever_widen(bad: list[int]) -> None:
    """Whatever came when: the bounds for independent looks lie inside."""
    slots = parts(bad, n=20)
    exact = share_bounds(sum(bad), 20 * len(bad), 0.95)
    wide = widened_for_change(widened_for_swings(exact, slots), slots, QUARTER)
    assert 0 <= wide.fail_low <= wide.low <= exact.low
    assert exact.high <= wide.high <= wide.fail_high <= 1
    assert (wide.fail_low, -wide.fail_high) <= (exact.fail_low, -exact.fail_high)
