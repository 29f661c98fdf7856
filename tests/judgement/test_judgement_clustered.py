"""Bounds of a share whose looks are not independent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.judgement.measures import held
from harness.judgement.stats.clustered import (
    Pattern,
    after_change,
    by_batches,
    by_episodes,
    episodes_at_most,
    pattern_of,
    share_in_time,
    sum_at_least,
    sum_at_most,
)
from harness.judgement.stats.clusters import Slots, Timeline, episodes_of
from harness.judgement.stats.statistics import share_at_least, share_at_most, share_bounds
from harness.model import Op, Outcome

STALL = dict.fromkeys(range(600, 605), 10)
"""50 of 50 requests in half a second."""


def window(at: dict[int, int], slots: int = 1280, n: int = 10, width_s: float = 0.1, *, usual: int = 0) -> Slots:
    """128 s of 100 requests a second with these bad ones."""
    bad = np.full(slots, usual, dtype=np.int64)
    for slot, count in at.items():
        bad[slot] = count
    return Slots(width_s=width_s, n=np.full(slots, n), bad=bad)


def stalls(count: int, slots: int = 6000, length: int = 5) -> Slots:
    """Windows with so many equal stalls of 50 requests each, evenly apart."""
    apart = slots // count
    return window({i * apart + 50 + j: 10 for i in range(count) for j in range(length)}, slots)


def pattern(slots: Slots) -> Pattern:
    """The pattern that there must be."""
    found = pattern_of(slots)
    assert found is not None
    return found


def test_so_many_episodes_may_be_expected() -> None:
    """3.0 after none, 4.7 after one, 6.3 after two, at 95 %."""
    assert [round(episodes_at_most(count, 0.95), 2) for count in range(4)] == [3.0, 4.74, 6.3, 7.75]
    assert round(episodes_at_most(0, 0.9975), 2) == 5.99


def test_a_sum_of_equal_episodes_has_the_exact_poisson_bounds() -> None:
    """20 episodes of size 3: Garwood's bounds of 20, times 3."""
    assert sum_at_most(60, 20 * 9, 3, 0.95) == pytest.approx(3 * 29.062, rel=1e-4)
    assert sum_at_least(60, 20 * 9, 0.95) == pytest.approx(3 * 13.255, rel=1e-4)
    assert sum_at_most(60, 20 * 9, 3, 0.95) == pytest.approx(3 * episodes_at_most(20, 0.95))
    assert (sum_at_least(0, 0, 0.95), sum_at_least(5, 0, 0.95)) == (0.0, 5)


def test_a_worse_unseen_episode_widens_the_upper_bound() -> None:
    """And unequal ones do."""
    assert sum_at_most(60, 180, 6, 0.95) > sum_at_most(60, 180, 3, 0.95)
    assert sum_at_most(60, 360, 6, 0.95) > sum_at_most(60, 180, 6, 0.95)
    assert sum_at_least(60, 360, 0.95) < sum_at_least(60, 180, 0.95)


def test_looks_that_seem_independent_have_the_exact_bounds() -> None:
    """Six failures far apart, none, or all."""
    for at in ({i * 200: 1 for i in range(6)}, {}, dict.fromkeys(range(1280), 10)):
        slots = window(at)
        assert pattern_of(slots) is None
        assert share_in_time(slots, 0.95) == share_bounds(sum(at.values()), 12_800, 0.95)
    none = share_in_time(Slots(width_s=1.0, n=np.array([0]), bad=np.array([0])), 0.95)
    assert (none.n, none.low, none.high) == (0, 0.0, 1.0)


def test_one_stall_counts_as_many_as_may_be_expected_each_as_bad() -> None:
    """50 of 12 800 in one stall: at most 4.74 such stalls and 3 lone ones; at least 0.05 of one, and by batches none."""
    bounds = share_in_time(window(STALL), 0.95)
    assert bounds.value == 50 / 12_800
    assert bounds.high == pytest.approx(4.7439 * 50 / 12_800 + share_at_most(0, 12_730, 0.95), rel=1e-4)
    assert by_episodes(pattern(window(STALL)), 0.95)[0] == pytest.approx(0.051293 * 50 / 12_800, rel=1e-4)
    assert by_episodes(pattern(window(STALL)), 0.9975)[0] == pytest.approx(0.0025031 * 50 / 12_800, rel=1e-4)
    assert (bounds.low, bounds.fail_low) == (0.0, 0.0)
    assert bounds.fail_high == pytest.approx(8.2120 * 50 / 12_800 + share_at_most(0, 12_730, 0.9975), rel=1e-3)
    assert bounds.clustered
    assert bounds.method == (
        "share, clustered in time (1 episode, the longest 0.7 s): "
        "as many episodes as may be expected, each as bad as the worst (Poisson)"
    )
    assert bounds.why == (
        "they came in time together (1 episode, the longest 0.7 s), and fewer than 15 episodes bear no bound of their own"
    )


def test_a_stall_passes_where_a_few_more_would_and_not_where_they_would_not() -> None:
    """50 slow ones in 12 800: surely below 5 %, not surely below 1 %, and surely neither over."""
    bounds = share_in_time(window(STALL), 0.95)
    assert held(Op.BELOW, bounds, 0.05) is Outcome.PASS
    assert held(Op.BELOW, bounds, 0.01) is Outcome.INCONCLUSIVE
    assert held(Op.BELOW, bounds, 0.003) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("slow", "outcome"), [(slice(60, 64), Outcome.INCONCLUSIVE), (slice(0, 190, 48), Outcome.PASS)]
)
def test_of_few_looks_too_it_is_asked_whether_they_came_together(slow: slice, outcome: Outcome) -> None:
    """190 in a minute, of which 4 are slow: apart they bear a p95, and in one stall they do not."""
    bad = np.zeros(190, dtype=np.bool_)
    bad[slow] = True
    minute = (0, 60_000_000_000)
    bounds = share_in_time(
        Timeline.of(np.linspace(*minute, 190, endpoint=False).astype(np.int64), minute).slots(bad), 0.95
    )
    assert held(Op.BELOW, bounds, 0.05) is outcome


def test_episodes_of_different_size_count_as_the_worst() -> None:
    """Stalls of 50 and of 10: at most 6.3 of 50; at least what 1.2 of them bear."""
    slots = window({**STALL, 200: 10})
    least, most = by_episodes(pattern(slots), 0.95)
    assert most == pytest.approx(6.2958 * 50 / 12_800 + share_at_most(0, 12_700, 0.95), rel=1e-4)
    assert least == pytest.approx(0.09314 * 50 / 12_800, rel=1e-3)


def test_fifteen_equal_episodes_bear_a_bound_and_fourteen_do_not() -> None:
    """The fifteenth narrows the bound; from then on sizes are taken to be known, and the next may be twice as bad."""
    fourteen, fifteen = share_in_time(stalls(14), 0.95), share_in_time(stalls(15), 0.95)
    assert "14 episodes" in fourteen.why
    assert fifteen.why == ""
    assert "sum of episodes (Fay-Feuer)" in fifteen.method
    assert fifteen.high == pytest.approx(sum_at_most(750, 15 * 2500, 100, 0.95) / 60_000)
    assert fifteen.low == pytest.approx(sum_at_least(750, 15 * 2500, 0.95) / 60_000)


def test_batches_count_where_they_are_wider() -> None:
    """40 stalls, all in the first half: by batches that go together they are worth few."""
    slots = window({i * 75 + 50 + j: 10 for i in range(40) for j in range(5)}, 6000)
    bounds = share_in_time(slots, 0.95)
    assert bounds.method.endswith("t interval over 20 batches of 30 s")
    assert (bounds.low, bounds.high) == pytest.approx((0.0, by_batches(pattern(slots), 0.95)[1]))


def test_a_t_interval_over_twenty_batches_by_hand() -> None:
    """Batches of 100 with 4 and 6 bad ones in turn: 5 % ± 1.729 · √(20/19 · 20) / 2000."""
    bad = [4, 6] * 10
    slots = Slots(width_s=5.0, n=np.full(20, 100), bad=np.array(bad))
    found = Pattern(slots=slots, mirrored=False, episodes=episodes_of(slots), effect=1.0)
    half = 1.729133 * np.sqrt(20 / 19 * 20) / 2000
    assert by_batches(found, 0.95) == pytest.approx((0.05 - half, 0.05 + half))


def test_batches_that_go_together_are_worth_fewer() -> None:
    """Ten with 4 and ten with 6: correlation 0.9, worth one; t with one degree of freedom, cut at 0."""
    slots = Slots(width_s=5.0, n=np.full(20, 100), bad=np.array([4] * 10 + [6] * 10))
    found = Pattern(slots=slots, mirrored=False, episodes=episodes_of(slots), effect=1.0)
    together = 17 / 20
    half = 6.313752 * np.sqrt((1 + together) / (1 - together) * 20 / 19 * 20) / 2000
    assert by_batches(found, 0.95) == pytest.approx((0.0, 0.05 + half))
    same = Slots(width_s=5.0, n=np.full(20, 100), bad=np.full(20, 7))
    alike = Pattern(slots=same, mirrored=False, episodes=episodes_of(same), effect=1.0)
    assert by_batches(alike, 0.95) == pytest.approx((0.07, 0.07))


def test_batches_must_be_longer_than_the_longest_episode_and_none_empty() -> None:
    """128 s make batches of 6.4 s: a stall of 6.2 s fits, one of 6.4 s does not; nor do 19 slots, nor a silent batch."""
    assert pattern(window(dict.fromkeys(range(600, 660), 10))).batch_s == pytest.approx(6.4)
    assert pattern(window(dict.fromkeys(range(600, 662), 10))).batch_s is None
    silent = window(STALL)
    silent.n[128:256] = 0
    assert pattern(silent).batch_s is None
    short = window({}, slots=19)
    assert Pattern(slots=short, mirrored=False, episodes=episodes_of(short), effect=1.0).batch_s is None


def test_spread_without_episodes_is_worth_fewer_looks() -> None:
    """Ten of ten bad in every second second: an effective sample size, by the design effect."""
    slots = window({i: 2 for i in range(1280) if i // 10 % 2}, usual=0)
    found = pattern(slots)
    assert len(found.episodes) == 0
    assert found.effect > 1.5
    k, n = 1280, 12_800
    assert by_episodes(found, 0.95) == (
        share_at_least(k / found.effect, n / found.effect, 0.95),
        share_at_most(k / found.effect, n / found.effect, 0.95),
    )
    bounds = share_in_time(slots, 0.95)
    assert bounds.method.startswith("share, clustered in time (design effect ")
    assert bounds.method.endswith("exact binomial bounds of as many independent looks as these are worth")
    assert bounds.why == ""


def test_what_lasts_to_the_end_is_how_it_is_now() -> None:
    """Slow from the middle on: at least what the whole says, at most what the second half says."""
    slots = window(dict.fromkeys(range(640, 1280), 10))
    bounds = share_in_time(slots, 0.95)
    assert bounds.low == pytest.approx(share_at_least(6400, 12_800, 0.95))
    assert bounds.high == 1.0
    assert bounds.fail_low == pytest.approx(share_at_least(6400, 12_800, 0.9975))
    assert bounds.method.endswith("exact bounds of the whole window and of what came after the change")
    assert bounds.why == "the share changed within the window, and for good"
    assert held(Op.BELOW, bounds, 0.05) is Outcome.FAIL


def test_a_change_for_good_lasts_over_a_quarter_of_the_window() -> None:
    """The last 321 of 1 280 slots, the one before included, are one; 320 are a stall; 600 that end are one as well."""
    assert pattern(window(dict.fromkeys(range(960, 1280), 10))).changed
    assert not pattern(window(dict.fromkeys(range(961, 1280), 10))).changed
    assert not pattern(window(dict.fromkeys(range(500, 1100), 10))).changed


def test_a_platform_that_came_to_itself_may_be_well_now() -> None:
    """Slow for the first 60 %, good ever since: nobody can tell."""
    slots = window(dict.fromkeys(range(768), 10))
    found = pattern(slots)
    assert (found.mirrored, found.changed) == (True, True)
    low, high = after_change(found, 0.95)
    assert (low, high) == pytest.approx((share_at_least(5120, 12_800, 0.95), 1.0))
    bounds = share_in_time(slots, 0.95)
    assert (bounds.low, bounds.high) == pytest.approx((0.0, 1 - low))


def test_what_takes_less_of_the_time_is_the_episode() -> None:
    """A region that serves 6 of 10 and is gone for 3 s: an episode of answers by others, and bounds on both sides of 60 %."""
    slots = window(dict.fromkeys(range(600, 630), 0), usual=6)
    found = pattern(slots)
    assert (found.mirrored, len(found.episodes)) == (True, 1)
    assert found.episodes.sizes.tolist() == [pytest.approx(180)]
    bounds = share_in_time(slots, 0.95)
    assert bounds.value == pytest.approx(7500 / 12_800)
    assert bounds.low == pytest.approx(0.6 - 4.7439 * 180 / 12_800, abs=0.012)
    assert bounds.high == pytest.approx(0.6, abs=0.012)
    busy = window(dict.fromkeys(range(600, 630), 10), usual=4)
    assert not pattern(busy).mirrored


def test_only_figures_are_held_against_bounds() -> None:
    """Within what, nobody said."""
    bounds = share_bounds(5, 10, 0.95)
    with pytest.raises(UsageError, match="cannot be judged by 'is within'"):
        held(Op.WITHIN, bounds, 0.5)
    with pytest.raises(UsageError, match="cannot be judged by 'holds'"):
        held(Op.HOLDS, bounds, 0.5)


@pytest.mark.parametrize(("share", "outcome"), [(0.0, Outcome.PASS), (0.005, Outcome.FAIL), (1.0, Outcome.FAIL)])
def test_releases_of_the_sandbox_are_told_apart(share: float, outcome: Outcome) -> None:
    """12 800 requests: healthy below 0.1 %, 0.5 % failing at random and all failing are not."""
    rng = np.random.default_rng(5)
    verdicts = [
        held(Op.BELOW, share_in_time(window(dict(enumerate(rng.binomial(10, share, 1280).tolist()))), 0.95), 0.001)
        for _ in range(100)
    ]
    assert verdicts.count(outcome) >= 97


def test_stalls_are_covered_where_binomial_bounds_are_not() -> None:
    """2 s each 20 s for 300 s at 200/s, truth 10 %: of 300 draws the bounds hold 93 %, exact ones about 60 %."""
    rng = np.random.default_rng(13)
    held_by, plain = [0, 0], 0
    for _ in range(300):
        bad = np.zeros(6000, dtype=np.int64)
        n = rng.poisson(10, 6000)
        for start in np.cumsum(rng.exponential(18, 40) + 2) - 60:
            first, last = (int(min(max(t, 0), 300) / 0.05) for t in (start, start + 2))
            bad[first:last] = n[first:last]
        slots = Slots(width_s=0.05, n=n, bad=bad)
        bounds = share_in_time(slots, 0.95)
        held_by = [held_by[0] + (bounds.low <= 0.1), held_by[1] + (bounds.high >= 0.1)]
        plain += share_at_most(int(bad.sum()), int(n.sum()), 0.95) >= 0.1
    assert min(held_by) >= 0.93 * 300
    assert plain <= 0.7 * 300


failures = st.lists(st.booleans(), min_size=60, max_size=400)


@given(failures, st.data())
@settings(max_examples=60, deadline=None)
def test_an_added_failure_never_turns_a_fail_into_a_pass(bad: list[bool], data: st.DataObject) -> None:
    """Wherever it comes, and whatever it does to the pattern; nor does it improve the exact bound."""
    at = np.arange(len(bad)) * 10_000_000
    more = [*bad]
    more[data.draw(st.integers(0, len(bad) - 1))] = True
    timeline = Timeline.of(at, (0, len(bad) * 10_000_000))
    before, after = (share_in_time(timeline.slots(np.array(one)), 0.95) for one in (bad, more))
    for limit in (0.001, 0.01, 0.05, 0.2, 0.5):
        one, other = held(Op.BELOW, before, limit), held(Op.BELOW, after, limit)
        assert (one, other) != (Outcome.FAIL, Outcome.PASS)
    k, n = sum(bad), len(bad)
    assert share_at_most(sum(more), n, 0.95) >= share_at_most(k, n, 0.95)
    assert after.high >= share_at_most(k, n, 0.95)


@given(failures, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_samples_is_of_no_account(bad: list[bool], random: object) -> None:
    """The same looks in another order are the same bounds."""
    at, wrong = np.arange(len(bad)) * 10_000_000, np.array(bad)
    order = np.random.default_rng(sum(bad)).permutation(len(bad))
    span = (0, len(bad) * 10_000_000)
    one = share_in_time(Timeline.of(at, span).slots(wrong), 0.95)
    assert share_in_time(Timeline.of(at[order], span).slots(wrong[order]), 0.95) == one


@given(failures)
@settings(max_examples=60, deadline=None)
def test_bounds_lie_around_the_share_and_the_surer_ones_further_out(bad: list[bool]) -> None:
    """And never nearer than the exact ones."""
    timeline = Timeline.of(np.arange(len(bad)) * 10_000_000, (0, len(bad) * 10_000_000))
    bounds = share_in_time(timeline.slots(np.array(bad)), 0.95)
    exact = share_bounds(sum(bad), len(bad), 0.95)
    assert 0 <= bounds.fail_low <= bounds.low <= exact.low + 1e-12
    assert exact.high - 1e-12 <= bounds.high <= bounds.fail_high <= 1
