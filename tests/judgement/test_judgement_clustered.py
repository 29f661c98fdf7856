"""Bounds of a share whose looks are not independent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaincinv

from harness.errors import UsageError
from harness.judgement.measures import held
from harness.judgement.stats.clustered import (
    share_in_time,
)
from harness.judgement.stats.clusters import Slots, Timeline, design_effect
from harness.judgement.stats.shared import Ids
from harness.judgement.stats.statistics import share_at_least, share_at_most, share_bounds
from harness.model import Op, Outcome

S = 1_000_000_000
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


def test_one_stall_counts_with_one_to_come_that_is_five_times_as_bad() -> None:
    """50 of 12 800 in one stall: sizes of 50 and of 250 are worth 1.38 of 216.7; at least, 50 of a size of 50."""
    bounds = share_in_time(window(STALL), 0.95)
    assert bounds.value == 50 / 12_800
    size = (50**2 + 250**2) / 300
    assert bounds.high == pytest.approx(float(betaincinv(300 / size, 12_750 / size, 0.95)))
    assert 15.5 * 50 / 12_800 < bounds.high < 16.2 * 50 / 12_800
    assert bounds.low <= share_at_least(1, 12_800 / 50, 0.95)
    assert bounds.clustered
    assert bounds.method == (
        "share, clustered by time (1 episode, the longest 0.7 s): "
        "exact binomial bounds (Clopper-Pearson) for an effective count of 1"
    )
    assert bounds.why == (
        "bad samples are clustered by time (1 episode, the longest 0.7 s), and with fewer than 15 clusters the next may be 5 times as large"
    )


@pytest.mark.parametrize(("count", "next_size"), [(6, 30), (12, 5 * 16.25 * 0.42), (40, 100)])
def test_the_next_stall_is_as_long_as_five_with_as_many_requests_as_are_usual(count: int, next_size: float) -> None:
    """0.4 s in 200 s of 16 requests a second: six of them are fewer than usual; twelve are by chance; forty are no chance, and half of them counts."""
    usual = np.delete(np.arange(3250) * (200 * S // 3250), np.arange(1625, 1631))
    stall = 100 * S + np.linspace(0.02, 0.36, count) * S
    at = np.concatenate([usual, stall]).astype(np.int64)
    bad = np.arange(len(at)) >= len(usual)
    bounds = share_in_time(Timeline.of(at, (0, 200 * S)).slots(bad), 0.95)
    size = (count**2 + next_size**2) / (count + next_size)
    assert bounds.high == pytest.approx(
        float(betaincinv((count + next_size) / size, len(usual) / size, 0.95)), rel=0.03
    )


def test_two_neighbours_in_a_whole_window_show_no_larger_cluster() -> None:
    """A healthy platform of 0.1 %: one pair among 12 800 requests passes as one cluster of two with one to come; three in a row are an episode."""
    pair = share_in_time(window({600: 2}), 0.95, claim=True)
    assert pair.high == pytest.approx(2 * share_at_most(1, 12_800, 0.95), rel=0.01)
    assert (pair.high < 0.001, pair.why) == (True, "")
    assert share_in_time(window({600: 3}), 0.95, claim=True).high > 0.001


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


def test_the_next_may_be_worse_than_the_worst_of_any_number() -> None:
    """Each further stall of the same size raises the upper bound; from 15 on nothing more is said of it."""
    bounds = [share_in_time(stalls(count), 0.95) for count in (1, 2, 5, 14, 15, 30)]
    assert [one.high for one in bounds] == sorted(one.high for one in bounds)
    assert [bool(one.why) for one in bounds] == [True, True, True, True, False, False]
    squares = 15 * 50**2 + 250**2
    size = squares / 1000
    assert bounds[4].high == pytest.approx(float(betaincinv(1000 / size, 59_250 / size, 0.95)))


def test_journeys_that_fail_whole_are_one_each() -> None:
    """Six failures evenly apart are six; of one journey of six they are one, and the next one is no longer than six."""
    at, whole = np.arange(12_000) * 10_000_000, np.zeros(12_000, dtype=np.bool_)
    whole[1000:7000:1000] = True
    own = np.arange(12_000) % 2000 + 1
    worker = np.zeros(12_000, dtype=np.int64)
    apart = share_in_time(Timeline.of(at, (0, 120 * 10**9)).slots(whole), 0.95)
    assert apart == share_bounds(6, 12_000, 0.95)
    own[whole] = 2001
    timeline = Timeline.of(at, (0, 120 * 10**9), (Ids.of("journey", own, worker),))
    together = share_in_time(timeline.slots(whole), 0.95)
    assert together.high == pytest.approx(share_at_most(1, 12_000 / 6, 0.95), rel=0.01)
    assert together.method.startswith("share, clustered by journey (1 with several): ")
    assert together.low < apart.low


def test_failures_on_one_connection_by_chance_are_no_cluster() -> None:
    """Of 300 failures on 16 connections there are about as many each; unknown connections are left out."""
    rng = np.random.default_rng(3)
    at, worker = np.arange(12_000) * 10_000_000, np.zeros(12_000, dtype=np.int64)
    bad = np.zeros(12_000, dtype=np.bool_)
    bad[::40] = True
    for own in (rng.integers(1, 17, 12_000), np.zeros(12_000, dtype=np.int64)):
        timeline = Timeline.of(at, (0, 120 * 10**9), (Ids.of("connection", own, worker),))
        assert share_in_time(timeline.slots(bad), 0.95) == share_bounds(300, 12_000, 0.95)


def test_connections_are_told_apart_by_worker_and_number() -> None:
    """Two workers with the same numbers, near each other or far apart."""
    for far in (0, 10**15):
        ids = Ids.of("connection", np.array([1 + far, 2, 1 + far, 0, 2]), np.array([4, 4, 5, 5, 4]))
        assert ids.number[3] == -1
        assert len(set(ids.number[[0, 1, 2]].tolist())) == 3
        assert ids.number[1] == ids.number[4]
        shared = ids.shared(np.array([False, True, False, True, True]))
        assert sorted(zip(shared.n.tolist(), shared.bad.tolist(), strict=True)) == [(1, 0), (1, 0), (2, 2)]


def test_no_journey_belongs_to_two_windows() -> None:
    """The same numbers in two windows are different journeys; some of the requests keep theirs."""
    one = Ids.of("journey", np.array([1, 1, 0, 2]), np.zeros(4, dtype=np.int64))
    (both,) = Ids.joined([(one,), (one.at(np.array([0, 2, 3])),)])
    assert both.number.tolist() == [1, 1, -1, 2, 4, -1, 5]
    assert Ids.joined([(), ()]) == ()


def test_spread_without_episodes_is_worth_fewer_looks() -> None:
    """Two of ten bad in every second second: an effective sample size, by the design effect."""
    slots = window({i: 2 for i in range(1280) if i // 10 % 2})
    effect = design_effect(slots)
    assert effect > 1.5
    bounds = share_in_time(slots, 0.95)
    assert bounds.low == pytest.approx(share_at_least(1280 / effect, 12_800 / effect, 0.95))
    assert bounds.high == pytest.approx(share_at_most(1280 / effect, 12_800 / effect, 0.95))
    assert bounds.method.startswith("share, clustered by time (design effect ")
    assert bounds.why == ""


def test_what_lasts_to_the_end_is_how_it_is_now() -> None:
    """Slow from the middle on: at least what the whole says, at most what the second half says."""
    slots = window(dict.fromkeys(range(640, 1280), 10))
    bounds = share_in_time(slots, 0.95)
    assert bounds.low == pytest.approx(share_at_least(6400, 12_800, 0.95))
    assert bounds.high == 1.0
    assert bounds.fail_low == pytest.approx(share_at_least(6400, 12_800, 0.9975))
    assert bounds.method.startswith("share, clustered by a change at 64 s")
    assert bounds.why == "the share of bad samples may have changed during the window, which widens its bounds"
    assert held(Op.BELOW, bounds, 0.05) is Outcome.FAIL


@pytest.mark.parametrize(
    ("bad", "changed"), [((960, 1280), True), ((961, 1280), False), ((500, 1100), False), ((0, 321), True)]
)
def test_a_change_for_good_lasts_over_a_quarter_of_the_window(bad: tuple[int, int], changed: bool) -> None:  # noqa: FBT001 - a row of the table
    """The last 321 of 1 280 slots, the one before included, are one; 320 are a stall; 600 that end are a stall as well."""
    bounds = share_in_time(window(dict.fromkeys(range(*bad), 10)), 0.95)
    assert bounds.method.startswith("share, clustered by a change") is changed


@pytest.mark.parametrize("first", [0, 640])
def test_a_claim_takes_what_lasts_to_the_end_for_one_episode(first: int) -> None:
    """Slow for half of the window, first or last: how often that comes one window does not show, so it neither passes nor fails."""
    bounds = share_in_time(window(dict.fromkeys(range(first, first + 640), 10)), 0.95, claim=True)
    assert bounds.low < 0.05
    assert bounds.fail_low == pytest.approx(0.5 / 200)  # whatever the outages, 1 window in 200 has as many
    assert bounds.high > 0.5
    assert held(Op.BELOW, bounds, 0.05) is Outcome.INCONCLUSIVE


def test_a_phase_longer_than_a_quarter_passes_no_more_than_a_shorter_one() -> None:
    """One in ten slow in the last 23 % or 27 % of the window, one in 200 before, limit 20 %: as one episode neither is known to come seldom."""
    for slots in (294, 346):
        found = window({**dict.fromkeys(range(0, 1280, 20), 1), **dict.fromkeys(range(1280 - slots, 1280), 1)})
        assert held(Op.BELOW, share_in_time(found, 0.95, claim=True), 0.2) is Outcome.INCONCLUSIVE


def test_an_outage_of_most_of_a_window_is_one_episode_of_a_claim() -> None:
    """All fails in the last 74 % of the window, and so 14 % of its best third: how often that comes the window does not show."""
    bounds = share_in_time(window(dict.fromkeys(range(330, 1280), 10)), 0.95, claim=True)
    assert held(Op.BELOW, bounds, 0.05) is Outcome.INCONCLUSIVE


def test_all_that_fails_all_the_time_is_claimed_to_fail() -> None:
    """No third of it is better."""
    for usual, limit in ((10, 0.05), (5, 0.05), (1, 0.05)):
        assert held(Op.BELOW, share_in_time(window({}, usual=usual), 0.95, claim=True), limit) is Outcome.FAIL


def test_only_figures_are_held_against_bounds() -> None:
    """Within what, nobody said."""
    bounds = share_bounds(5, 10, 0.95)
    with pytest.raises(UsageError, match="cannot be judged by 'is within'"):
        held(Op.WITHIN, bounds, 0.5)
    with pytest.raises(UsageError, match="cannot be judged by 'holds'"):
        held(Op.HOLDS, bounds, 0.5)


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
ROUNDING = 1e-12


@given(failures, st.data())
@settings(max_examples=60)
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
    exact = share_at_most(k, n, 0.95) - ROUNDING
    assert share_at_most(sum(more), n, 0.95) >= exact
    assert after.high >= exact


@given(failures, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_the_samples_is_of_no_account(bad: list[bool], random: object) -> None:
    """The same looks in another order are the same bounds."""
    at, wrong = np.arange(len(bad)) * 10_000_000, np.array(bad)
    order = np.random.default_rng(sum(bad)).permutation(len(bad))
    span = (0, len(bad) * 10_000_000)
    one = share_in_time(Timeline.of(at, span).slots(wrong), 0.95)
    assert share_in_time(Timeline.of(at[order], span).slots(wrong[order]), 0.95) == one


@given(failures)
@settings(max_examples=60)
def test_bounds_lie_around_the_share_and_the_surer_ones_further_out(bad: list[bool]) -> None:
    """And never nearer than the exact ones."""
    timeline = Timeline.of(np.arange(len(bad)) * 10_000_000, (0, len(bad) * 10_000_000))
    bounds = share_in_time(timeline.slots(np.array(bad)), 0.95)
    exact = share_bounds(sum(bad), len(bad), 0.95)
    assert 0 <= bounds.fail_low <= bounds.low <= exact.low + 1e-12
    assert exact.high - 1e-12 <= bounds.high <= bounds.fail_high <= 1
