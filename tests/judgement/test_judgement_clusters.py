"""Counts in slots, the variance test, and episodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import S, ns

from harness.judgement.stats.clusters import Slots, Timeline, design_effect, episodes_of, is_spread


def counts(bad: Sequence[int], n: int = 10, width_s: float = 0.05) -> Slots:
    """Slots of equally many looks with these bad ones."""
    return Slots(width_s=width_s, n=np.full(len(bad), n), bad=np.array(bad, dtype=np.int64))


def with_bad(slots: int, at: dict[int, int], n: int = 10) -> Slots:
    """Slots without bad ones but these."""
    bad = [0] * slots
    for slot, count in at.items():
        bad[slot] = count
    return counts(bad, n)


def test_a_slot_holds_about_ten_looks_and_lasts_at_least_50_ms() -> None:
    """200 a second: 50 ms; 100 a second: 100 ms; 1 000 a second: 50 ms all the same. Of fewer than 200 looks, or of less than a second, it is a twentieth."""
    for rate, width_s, slots in ((200, 0.05, 1200), (100, 0.1, 600), (1000, 0.05, 1200)):
        timeline = Timeline.of(np.arange(60 * rate) * (S // rate), (0, 60 * S))
        assert (timeline.width_s, len(timeline.n)) == (width_s, slots)
    few = Timeline.of(np.array([1, 2, 3]), (0, S))
    assert (few.width_s, len(few.n)) == (0.05, 20)
    rare = Timeline.of(np.arange(100) * ns(0.6), (0, 60 * S))
    assert (rare.width_s, len(rare.n)) == (3, 20)
    short = Timeline.of(np.arange(2000) * 250_000, (0, S // 2))
    assert (short.width_s, len(short.n)) == (0.025, 20)
    none = Timeline.of(np.array([], dtype=np.int64), (0, 0))
    assert none.n.tolist() == [0]


def test_looks_are_counted_where_they_lie_and_at_the_edge_where_they_lie_outside() -> None:
    """The last slot takes the end, the first what came before; order is of no account."""
    at = np.array([ns(9.99), ns(-1), 0, ns(0.05), ns(0.04999), ns(11), ns(10)], dtype=np.int64)
    timeline = Timeline.of(np.concatenate([at, np.arange(2000) * ns(0.005)]), (0, 10 * S))
    slots = timeline.slots(np.concatenate([[True] * 7, [False] * 2000]))
    assert (len(slots.n), slots.n.sum(), slots.seconds) == (200, 2007, 10.0)
    assert {i: k for i, k in enumerate(slots.bad.tolist()) if k} == {0: 3, 1: 1, 199: 3}


def test_slots_are_joined_in_order_and_batches_are_twenty_equal_parts() -> None:
    """Five by two are three, the last one short; 41 slots are 19 parts of two, and one of three."""
    joined = counts([1, 2, 3, 4, 5]).doubled()
    assert (joined.bad.tolist(), joined.n.tolist(), joined.width_s) == ([3, 7, 5], [20, 20, 10], 0.1)
    batches = counts([1] * 41).batches()
    assert (len(batches.n), sorted(batches.bad.tolist())) == (20, [2] * 19 + [3])
    assert batches.width_s == pytest.approx(0.1025)
    assert [len(part.n) for part in counts([0] * 160).lengths()] == [160, 80, 40, 20]
    assert list(counts([0] * 19).lengths()) == []
    assert counts([1, 9]).mirrored().bad.tolist() == [9, 1]


def test_bad_ones_apart_are_not_spread_and_bad_ones_together_are() -> None:
    """Six in 12 000 requests; six in one slot; one alone is nowhere together."""
    assert not is_spread(with_bad(1200, {i * 150: 1 for i in range(6)}))
    assert is_spread(with_bad(1200, {700: 6}))
    assert is_spread(with_bad(1200, {700: 1, 701: 1, 702: 1, 703: 1, 704: 1, 705: 1}))
    assert not is_spread(with_bad(1200, {700: 1}))
    assert not is_spread(with_bad(1200, {}))
    assert not is_spread(counts([10] * 1200))
    assert not is_spread(counts([1, 0, 0, 5] * 4))


def test_as_many_pairs_as_chance_has_are_no_cluster() -> None:
    """Of 30 bad ones in 100 slots 4 pairs share one by chance: 5 are nothing, 11 are."""
    assert not is_spread(with_bad(100, {i * 4: 2 if i < 5 else 1 for i in range(25)}))
    assert is_spread(with_bad(100, {i * 4: 2 if i < 11 else 1 for i in range(19)}))


def test_the_variance_test_seldom_calls_independent_looks_clustered() -> None:
    """At most 5 % of 400 windows, for rare and for usual bad ones."""
    rng = np.random.default_rng(7)
    for share in (0.0005, 0.005, 0.05, 0.6, 0.995):
        called = [is_spread(counts(rng.binomial(10, share, 1200).tolist())) for _ in range(400)]
        assert np.mean(called) <= 0.07, share


def test_the_design_effect_is_how_much_counts_vary_beyond_chance() -> None:
    """Ten of ten in every second slot: 10 times; alternating singles: less than chance, so 1."""
    assert design_effect(counts([10, 0] * 100)) == pytest.approx(10 * 200 / 199)
    assert design_effect(counts([5] * 200)) == 1.0
    assert design_effect(counts([0] * 200)) == 1.0
    assert design_effect(counts([10] * 200)) == 1.0
    slow = ([10] * 32 + [0] * 32) * 10
    assert design_effect(counts(slow)) == pytest.approx(320 * 20 / 19)
    assert design_effect(counts([10, 0] * 9)) == 1.0
    lonely = Slots(width_s=1.0, n=np.array([10] + [0] * 30), bad=np.array([5] + [0] * 30))
    assert design_effect(lonely) == 1.0


def test_a_stall_is_one_episode_of_its_excess() -> None:
    """50 of 50 requests in 0.5 s: one episode, its edges a slot wider on either side."""
    found = episodes_of(with_bad(1200, dict.fromkeys(range(700, 705), 10)))
    assert (found.starts.tolist(), found.ends.tolist(), found.sizes.tolist()) == ([699], [706], [50.0])
    assert found.longest_s == pytest.approx(0.35)
    assert (found.background, found.taken, found.effective, found.worst, len(found)) == (0.0, 7, 1.0, 50.0, 1)
    assert (int(found.rest.n.sum()), int(found.rest.bad.sum())) == (11_930, 0)


def test_an_episode_is_what_the_background_does_not_explain() -> None:
    """1 bad one in every slot, 10 in five of them: nine each beyond the background."""
    slots = counts([10 if 700 <= i < 705 else 1 for i in range(1200)])
    found = episodes_of(slots)
    assert (found.background, found.sizes.tolist()) == (0.1, [pytest.approx(45)])


def test_hot_slots_with_two_others_between_are_one_episode_and_with_five_are_two() -> None:
    """Each hot slot takes its neighbours along: 700 and 705 lie two apart, 700 and 708 five."""
    assert len(episodes_of(with_bad(1200, {700: 10, 705: 10}))) == 1
    assert len(episodes_of(with_bad(1200, {700: 10, 706: 10}))) == 2
    apart = episodes_of(with_bad(1200, {700: 10, 708: 10}))
    assert (apart.starts.tolist(), apart.ends.tolist(), apart.effective) == ([699, 707], [702, 710], 2.0)


def test_too_few_slots_hold_no_episode() -> None:
    """19 slots are fewer than twenty parts."""
    assert len(episodes_of(with_bad(19, {9: 10}))) == 0
    assert len(episodes_of(with_bad(20, {9: 10}))) == 1
    empty = episodes_of(counts([0] * 20, n=0))
    assert (empty.background, len(empty)) == (0.0, 0)


def test_independent_looks_seldom_have_an_episode() -> None:
    """In at most 3 of 300 windows."""
    rng = np.random.default_rng(11)
    for share in (0.0005, 0.05, 0.6):
        found = [len(episodes_of(counts(rng.binomial(10, share, 1200).tolist()))) for _ in range(300)]
        assert sum(1 for count in found if count) <= 6, share


def test_the_background_is_estimated_ten_times_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is then still hot is background."""
    monkeypatch.setattr("harness.judgement.stats.clusters.ROUNDS", 0)
    assert len(episodes_of(with_bad(1200, {700: 10}))) == 0


@given(st.lists(st.integers(0, 10), min_size=20, max_size=120))
@settings(max_examples=60)
def test_episodes_and_rest_are_the_whole(bad: list[int]) -> None:
    """Sizes and what the background explains make up all bad ones; episodes lie apart and in order."""
    slots = counts(bad)
    found = episodes_of(slots)
    assert found.sizes.sum() + found.background * slots.n.sum() == pytest.approx(sum(bad))
    assert (found.starts[1:] > found.ends[:-1]).all()
    assert (found.ends > found.starts).all()
    assert found.taken == int((found.rest.n == 0).sum())


def test_an_episode_lasts_from_the_good_request_before_it_to_the_one_after(subtests: pytest.Subtests) -> None:
    """Ten requests a second, five of them bad; every other one; at the begin and at the end of the window; none."""
    cases: list[tuple[Sequence[int], int, int, float]] = [
        (range(300, 305), 30, 31, 0.6),
        (range(300, 305, 2), 29, 32, 0.6),
        (range(5), 0, 1, 0.5),
        (range(595, 600), 59, 60, 0.6),
        ((), 30, 31, 0),
    ]
    for bad, start, end, seconds in cases:
        with subtests.test(bad=bad):
            wrong = np.zeros(600, dtype=np.bool_)
            wrong[list(bad)] = True
            slots = Timeline.of(np.arange(600) * (S // 10), (0, 60 * S)).slots(wrong)
            assert slots.lasting is not None
            assert slots.lasting(start, end) == pytest.approx(seconds)


def test_an_episode_of_a_joined_window_does_not_reach_into_the_other() -> None:
    """The last request of the first window and the first of the second are bad; between them is an hour."""
    wrong = np.zeros(1200, dtype=np.bool_)
    wrong[599:601] = True
    hour, at = 3600 * S, np.arange(600) * (S // 10)
    slots = Timeline.joined([(at, (0, 60 * S)), (at + hour, (hour, hour + 60 * S))]).slots(wrong)
    assert slots.lasting is not None
    assert [slots.lasting(59, 60), slots.lasting(60, 61)] == pytest.approx([0.2, 0.1])


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=200, max_size=200), st.integers(0, 199), st.integers(0, 18), st.integers(1, 19))
def test_one_more_bad_request_makes_no_episode_shorter(bad: list[bool], more: int, start: int, length: int) -> None:
    """Neither in it nor beside it."""
    timeline = Timeline.of(np.arange(200) * (S // 10), (0, 20 * S))
    worse = np.array(bad)
    worse[more] = True
    before, after = timeline.slots(np.array(bad)).lasting, timeline.slots(worse).lasting
    assert before is not None
    assert after is not None
    assert after(start, min(start + length, 20)) >= before(start, min(start + length, 20))
