"""What a part of the evidence proves on its own, and windows that are joined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgement_builders import S, ns

from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Slots, Timeline, episodes_of
from harness.judgement.stats.guards import guard_confidence, proven_excess, proven_worse
from harness.judgement.stats.statistics import share_at_least
from harness.model import Op


def evenly(bad: int, n: int = 6000, slots: int = 600) -> Slots:
    """A minute of requests whose bad ones are as far apart as can be."""
    at = np.zeros(slots, dtype=np.int64)
    np.add.at(at, np.linspace(0, slots - 1, bad).astype(np.int64), 1)
    return Slots(width_s=0.1, n=np.full(slots, n // slots), bad=at)


def test_guards_share_one_budget_of_error() -> None:
    """One guard is judged at 99.75 %, ten at 99.975 % each."""
    assert [guard_confidence(guards) for guards in (0, 1, 10)] == pytest.approx([0.9975, 0.9975, 0.99975])


def test_a_share_is_proven_beyond_its_limit_where_even_its_lower_bound_is() -> None:
    """60 of 6 000 are surely over 0.5 %, not surely over 0.7 %, and with a thousand guards not over 0.55 %."""
    slots = evenly(60)
    assert proven_excess(slots, 0.005, 1) == pytest.approx(share_at_least(60, 6000, 0.9975) / 0.005)
    assert proven_excess(slots, 0.007, 1) is None
    assert proven_excess(slots, share_at_least(60, 6000, 0.9975), 1) is not None
    assert proven_excess(slots, share_at_least(60, 6000, 0.9975), 1000) is None


def test_each_comparison_has_its_own_side() -> None:
    """1 % is under 2 % and over 0.5 %, so it is beyond 3 % within 0.5 points, and not beyond 1 % within 0.5 points."""
    slots = evenly(60)
    assert proven_excess(slots, 0.02, 1, Op.AT_LEAST) is not None
    assert proven_excess(slots, 0.005, 1, Op.AT_LEAST) is None
    assert proven_excess(slots, 0.01, 1, Op.WITHIN, 0.005) is None
    assert proven_excess(slots, 0.03, 1, Op.WITHIN, 0.005) is not None
    assert proven_excess(slots, 0.002, 1, Op.WITHIN, 0.001) is not None


def drawn(rng: np.random.Generator, n: int, share: float) -> Slots:
    """A window of a second with so many answers at any moment, each of a region by chance."""
    at = np.sort(rng.integers(0, S, n))
    return Timeline.of(at, (0, S)).slots(rng.random(n) < share)


@pytest.mark.parametrize(("share", "tolerance"), [(0.6, 0.05), (0.65, 0.05), (0.3, 0.05), (0.1, 0.05), (0.15, 0.05)])
def test_a_second_of_a_platform_within_its_share_fails_as_rarely_as_any_window(share: float, tolerance: float) -> None:
    """100 answers, 400 draws, at the declared share and at its very edge: at most 0.25 % by one guard alone, and less by each of five."""
    rng = np.random.default_rng(11)
    limit = {0.65: 0.6, 0.15: 0.1}.get(share, share)
    failed = [proven_excess(drawn(rng, 100, share), limit, 1, Op.WITHIN, tolerance) is not None for _ in range(400)]
    assert sum(failed) <= 4  # of 400 where one is to be expected: more comes by chance in 0.4 % of such tests


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 12])
def test_a_handful_of_answers_proves_no_share(n: int) -> None:
    """A region at the edge of 10 % ± 5 points: counts that a guard takes for proof come in at most 0.25 % of windows."""
    at = np.linspace(0, S - 1, n).astype(np.int64)
    proof = [
        math.comb(n, k) * 0.15**k * 0.85 ** (n - k)
        for k in range(n + 1)
        if proven_excess(Timeline.of(at, (0, S)).slots(np.arange(n) < k), 0.1, 1, Op.WITHIN, 0.05) is not None
    ]
    assert sum(proof) <= 0.0025


def test_nothing_proves_nothing() -> None:
    """A route without requests is no proof, nor is a window without them a worse one."""
    nothing = Slots(width_s=0.1, n=np.zeros(600, dtype=np.int64), bad=np.zeros(600, dtype=np.int64))
    assert proven_excess(nothing, 0.0, 1) is None
    assert not proven_worse(evenly(0), nothing).proven
    assert not proven_worse(nothing, evenly(60)).proven
    assert proven_worse(nothing, evenly(60)).least == -math.inf


def test_one_stall_proves_nothing_and_a_window_that_fails_throughout_does() -> None:
    """100 bad ones in a second may never come again; 6 000 of 6 000 are how it is."""
    stall = evenly(0)
    stall.bad[300:310] = 10
    assert proven_excess(stall, 0.001, 1) is None
    assert not proven_worse(evenly(0), stall).proven
    assert proven_excess(evenly(0).mirrored(), 0.001, 100) is not None


def test_after_is_worse_than_before_only_where_chance_hardly_made_the_difference() -> None:
    """6 before and 60 after are worse; 6 and 12 are not proven; the difference is shown with its least."""
    worse = proven_worse(evenly(6), evenly(60))
    assert worse.proven
    assert worse.difference == pytest.approx(0.009)
    assert 0.004 < worse.least < 0.009
    assert not proven_worse(evenly(6), evenly(12)).proven
    assert not proven_worse(evenly(60), evenly(6)).proven


def test_windows_are_joined_end_to_end_and_no_slot_holds_both() -> None:
    """10.02 s and 5 s of 100 a second: 101 slots of 0.1 s and 50."""
    first, second = np.arange(0, ns(10.02), ns(0.01)), np.arange(ns(100), ns(105), ns(0.01))
    timeline = Timeline.joined([(first, (0, ns(10.02))), (second, (ns(100), ns(105)))])
    assert (timeline.width_s, len(timeline.n), timeline.parts) == (0.1, 151, (0, 101))
    assert (timeline.n[100], timeline.n[101], int(timeline.n.sum())) == (2, 10, 1502)
    assert (timeline.slot[0], timeline.slot[1001], timeline.slot[1002]) == (0, 100, 101)


def test_an_episode_ends_where_a_joined_window_does() -> None:
    """Ten bad slots on either side of the seam are two episodes of 100, and not one of 200."""
    bad = np.zeros(1200, dtype=np.int64)
    bad[590:610] = 10
    one = Slots(width_s=0.1, n=np.full(1200, 10), bad=bad)
    assert [round(size) for size in episodes_of(one).sizes] == [200]
    two = Slots(width_s=0.1, n=np.full(1200, 10), bad=bad, parts=(0, 600))
    assert [round(size) for size in episodes_of(two).sizes] == [100, 100]
    assert episodes_of(two).longest_s == pytest.approx(1.1)


def test_batches_and_longer_slots_hold_one_window_each() -> None:
    """41 slots of which 21 come from the second window: neither a pair nor a batch holds both."""
    slots = Slots(width_s=1.0, n=np.ones(41, dtype=np.int64), bad=np.arange(41), parts=(0, 21))
    assert slots.doubled().n.tolist() == [2] * 10 + [1] + [2] * 10
    assert slots.doubled().parts == (0, 11)
    assert slots.batches().bad.cumsum().tolist()[9] == sum(range(21))
    assert slots.after(30).parts == (0,)
    assert slots.after(10).parts == (0, 11)


@given(
    st.lists(st.integers(0, 60 * S - 1), min_size=1, max_size=60),
    st.lists(st.booleans(), min_size=60, max_size=60),
    st.integers(0, 2),
)
def test_a_window_of_nothing_changes_nothing(times: list[int], bad: list[bool], where: int) -> None:
    """Joined before, after or between, and in any order of the times within a slot."""
    at, which = np.array(times), np.array(bad[: len(times)])
    nothing = (np.zeros(0, dtype=np.int64), (0, 0))
    windows = [(at, (0, 60 * S)), (at, (0, 60 * S))]
    both = np.concatenate([which, which])
    plain = Timeline.joined(windows).slots(both)
    with_nothing = Timeline.joined([*windows[:where], nothing, *windows[where:]]).slots(both)
    backwards = Timeline.joined([(at[::-1], span) for _, span in windows]).slots(both[::-1])
    assert share_in_time(plain, 0.95) == share_in_time(with_nothing, 0.95) == share_in_time(backwards, 0.95)
