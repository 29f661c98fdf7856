"""Shares that swing slowly, or change for good."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct

from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Slots
from harness.judgement.stats.statistics import share_at_least, share_at_most, share_bounds
from harness.judgement.stats.swings import Thirds, changes, margin, most_in_third, slow_swings, thirds


def parts(bad: list[int], n: int = 100) -> Slots:
    """A second a part, with so many requests and these bad ones."""
    return Slots(width_s=1.0, n=np.full(len(bad), n), bad=np.array(bad))


def wave(*, periods: float, parts_of: int = 20) -> Slots:
    """10 bad ones a part on average, 4 more and 4 fewer in so many periods of a cosine."""
    at = (np.arange(parts_of) + 0.5) / parts_of
    return parts([round(10 + 4 * math.cos(2 * math.pi * periods * t)) for t in at])


def test_the_size_is_that_of_the_six_slowest_waves() -> None:
    """As scipy's cosine transform (which doubles each sum) has it: their mean square, twice, over 2000 * 0.1 * 0.9."""
    slots = wave(periods=1)
    assert int(slots.bad.sum()) == 200
    waves = dct(slots.bad - 10.0, type=2)[1:7] / 2
    six, two = slow_swings(slots)
    assert six.size == pytest.approx(2 * float((waves**2).mean()) / 180)
    assert two.size == pytest.approx(2 * float((waves[:2] ** 2).mean()) / 180)
    assert [six.degrees, two.degrees] == [6, 2]


@pytest.mark.parametrize(("periods", "rules"), [(0.5, 2), (1, 2), (3, 1), (4, 0), (9, 0)])
def test_periods_down_to_a_third_of_the_window_are_slow(periods: float, rules: int) -> None:
    """One period or less is slower than the window can show; what swings faster than three is left to the slots."""
    assert len(list(slow_swings(wave(periods=periods)))) == rules


def test_even_counts_do_not_swing() -> None:
    """Failures that come in turn, as many in each part: there is nothing to widen."""
    even = parts([1] * 60)
    assert list(slow_swings(even)) == []
    assert share_in_time(even, 0.95) == share_bounds(60, 6000, 0.95)


@pytest.mark.parametrize(("bad", "rules"), [(6, 0), (7, 2)])
def test_no_more_bad_ones_than_waves_say_nothing_of_them(bad: int, rules: int) -> None:
    """So few failures need the evidence that the table says; of good ones it is the same."""
    early = parts([1] * bad + [0] * (40 - bad))
    assert len(list(slow_swings(early))) == rules
    assert len(list(slow_swings(early.mirrored()))) == rules


def test_fewer_than_twenty_slots_show_no_swings() -> None:
    """They cannot be compared."""
    assert list(slow_swings(parts([50] * 9 + [0] * 10))) == []


def test_a_confidence_of_a_half_has_bounds_too() -> None:
    """There z is 0; the bounds stay around the share."""
    six = next(iter(slow_swings(wave(periods=1))))
    assert 0 < six.at_least(0.5) < 0.1 < six.at_most(0.5) < 1


def test_a_platform_that_got_worse_for_good_is_judged_as_it_is_now() -> None:
    """0.5 % for 36 s, then 2 %: over the window 1.1 %; the last quarter has 30 of 1 500, the last half 55 of 3 000."""
    slots = parts([0, 1] * 18 + [2] * 24)
    found = list(changes(slots, 1.0))
    assert [(one.n, one.bad) for one in found] == [(4500, 59), (3000, 51), (1500, 30)]
    assert found[-1].at_most(0.95) == pytest.approx(share_at_most(30, 1500, 0.95))
    bounds = share_in_time(slots, 0.95)
    assert bounds.value == pytest.approx(66 / 6000)
    assert bounds.high >= share_at_most(30, 1500, 0.95)
    assert bounds.low <= share_at_least(66, 6000, 0.95)


def test_a_change_needs_five_failures_and_three_clusters_on_one_side() -> None:
    """Four failures in the last quarter say nothing, five do; five in clusters of two are two and a half."""
    four, five = parts([0] * 50 + [1] * 4 + [0] * 6), parts([0] * 50 + [1] * 5 + [0] * 5)
    assert list(changes(four, 1.0)) == []
    assert list(changes(five, 2.0)) == []
    assert [one.n for one in changes(five, 1.0)] == [3000, 1500]


def test_a_change_for_the_better_must_be_plain() -> None:
    """Ten failures of which two came in the second half may be chance, and a FAIL stays one; of twenty it is not."""
    assert list(changes(parts([0, 1, 1, 0, 0] * 4 + [0] * 8 + [1] + [0] * 6 + [1] + [0] * 4), 1.0)) == []
    plain = list(changes(parts([1] * 18 + [0] * 16 + [1, 1] + [0] * 4), 1.0))
    assert [(one.n, one.bad) for one in plain] == [(2000, 2)]


def test_thirds_that_the_exact_bounds_allow_for_say_nothing() -> None:
    """Three failures of 6 000, one in each third: 4.5 are fewer than the 7.75 that chance allows for; and so are six."""
    for bad in ([1] + [0] * 19, [1, *[0] * 9] * 2):
        slots = parts(bad * 3)
        exact = share_bounds(int(slots.bad.sum()), 6000, 0.95)
        assert list(thirds(slots, exact)) == []
        assert share_in_time(slots, 0.95, claim=True) == exact


@pytest.mark.parametrize(("bad", "says"), [(6, False), (7, True)])
def test_six_bad_ones_do_not_show_how_a_third_is(bad: int, says: bool) -> None:  # noqa: FBT001 - a column of the table
    """All of them in the first third: of few the other bounds decide."""
    slots = parts([1] * bad + [0] * (60 - bad))
    assert bool(list(thirds(slots, share_bounds(bad, 6000, 0.95)))) is says


@pytest.mark.parametrize(("bad", "times"), [(0, 1.5), (1, 1.5), (20, 1.5), (25, 1.4), (40, 1.27), (4000, 1.27)])
def test_the_margin_falls_where_chance_varies_a_third_less(bad: int, times: float) -> None:
    """It never falls so fast that a bad request more would make less of the third."""
    assert margin(bad) == pytest.approx(times)
    assert bad * margin(bad) < (bad + 1) * margin(bad + 1)


def test_a_change_that_chance_may_make_keeps_a_fail_away_and_no_pass() -> None:
    """30 of 81 in the last quarter are there by chance in one window of a hundred: not surely a change; 45 are."""
    for last, telling in ((30, False), (45, True)):
        slots = parts(
            [1] * (81 - last)
            + [0] * (60 - 81 + last)
            + [last // 20] * (20 - last % 20)
            + [last // 20 + 1] * (last % 20)
        )
        assert list(changes(slots, 1.0))[-1].telling is telling


@pytest.mark.parametrize(
    ("n", "share", "most"), [(17_970, 0.001, 3), (18_000, 0.001, 4), (6000, 0.05, 79), (600, 0.001, 0)]
)
def test_what_a_third_may_have(n: int, share: float, most: int) -> None:
    """With its margin it is below the limit still; one more is not."""
    assert most_in_third(n, share) == most
    worst, more = (
        Thirds(rule="", n=n, bad=9, squares=9, next_size=1, best=0, worst=k / (n / 3)) for k in (most, most + 1)
    )
    assert worst.at_most(0.95) < share <= more.at_most(0.95)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=80))
@settings(max_examples=100)
def test_both_only_ever_widen(bad: list[int]) -> None:
    """Whatever came when: the bounds for independent requests lie inside."""
    slots = parts(bad, n=20)
    exact = share_bounds(sum(bad), 20 * len(bad), 0.95)
    wide = share_in_time(slots, 0.95)
    claim = share_in_time(slots, 0.95, claim=True)
    assert claim.low <= wide.low
    assert wide.high <= claim.high
    assert -1e-12 <= wide.fail_low <= wide.low <= exact.low + 1e-12
    assert exact.high - 1e-12 <= wide.high <= wide.fail_high <= 1 + 1e-12
