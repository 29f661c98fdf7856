"""Worse evidence, no milder verdict: of shares whose bad requests come in clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import (
    errors,
    evidence,
    failing,
    plan,
    samples,
    verdicts_of,
    window,
)

from harness.judgement.measures import held
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.floors import ONCE_IN, least_share
from harness.judgement.stats.shared import Ids
from harness.model import Op, Outcome, after_faults_name

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
S: Final = 1_000_000_000
N: Final = 6000
AT: Final = np.arange(N, dtype=np.int64) * (S // 50)
TIMELINE: Final = Timeline.of(AT, (0, 120 * S))
JOURNEYS: Final = Timeline.of(
    AT, (0, 120 * S), (Ids(what="journey", number=np.arange(N) % 50 + 50 * (np.arange(N) // 300)),)
)
"""Of the same requests: journeys of six, each a second after the one before."""
CLEAR: Final = 1.5
"""A FAIL that is proven by so much stays one; nearer to the limit chance decides which rule is the widest."""


def bad_in(*spans: tuple[float, float], each: int = 0) -> npt.NDArray[np.bool_]:
    """The requests of two minutes, 50 a second, of which these spans (in s) fail, and one in so many."""
    bad = np.zeros(N, dtype=np.bool_)
    if each:
        bad[each // 2 :: each] = True
    for start, end in spans:
        bad |= (start * S <= AT) & (end * S > AT)
    return bad


def outcome(bad: npt.NDArray[np.bool_], limit: float, timeline: Timeline = TIMELINE) -> Outcome:
    """Of an error rate below the limit."""
    return held(Op.BELOW, share_in_time(timeline.slots(bad), 0.95, claim=True), limit)


@pytest.mark.parametrize(("failing", "expected"), [(4, INCONCLUSIVE), (9, FAIL)])
def test_requests_of_a_few_accounts_are_a_few_failures(failing: int, expected: Outcome) -> None:
    """Of 100 accounts four fail throughout: they are four failures in 100, which does not prove more than 1 %; nine prove it."""
    accounts = np.arange(N) % 100
    timeline = Timeline.of(AT, (0, 120 * S), (Ids(what="account", number=accounts),))
    assert outcome(accounts < failing, 0.01, timeline) is expected


def test_a_rate_that_is_proven_beyond_its_limit_stays_so_with_an_outage_on_top(subtests: pytest.Subtests) -> None:
    """One in 20 fails, 1 % or 2 % is allowed; a journey that meets the outage fails several times, which none does by chance."""
    cases: list[tuple[float, Timeline, list[tuple[float, float]]]] = [
        (0.01, TIMELINE, []),
        (0.01, TIMELINE, [(50.0, 51.7)]),
        (0.01, TIMELINE, [(10.0, 60.0)]),
        (0.01, TIMELINE, [(0.0, 119.0)]),
        (0.01, TIMELINE, [(1.0, 3.0), (70.0, 90.0)]),
        (0.02, JOURNEYS, []),
        (0.02, JOURNEYS, [(50.0, 60.0)]),
        (0.02, JOURNEYS, [(20.0, 24.0), (70.0, 90.0)]),
        (0.02, JOURNEYS, [(0.0, 60.0)]),
    ]
    for limit, timeline, spans in cases:
        with subtests.test(limit=limit, spans=spans):
            assert outcome(bad_in(*spans, each=20), limit, timeline) is FAIL


def test_journeys_that_fail_whole_stay_a_fail_beside_an_outage_and_are_no_more_than_they_were() -> None:
    """Of 1000 journeys each twelfth fails whole: 8 % of requests, by 83 journeys; 4 % is proven and 7 % is not, with an outage or without."""
    whole = np.asarray(JOURNEYS.ids[0].number % 12 == 5, dtype=np.bool_)
    for bad in (whole, whole | bad_in((50, 52)), whole | bad_in((50, 60))):
        assert [outcome(bad, limit, JOURNEYS) for limit in (0.04, 0.07)] == [FAIL, INCONCLUSIVE]


def test_a_minute_without_an_answer_is_a_fail() -> None:
    """Half of the window: 500 times what is allowed, which 1 window in 500 of a platform at its limit has at most."""
    assert outcome(bad_in((30, 90)), 0.001) is FAIL
    assert least_share(TIMELINE.slots(bad_in((30, 90)))) == pytest.approx(0.5 / ONCE_IN)


@pytest.mark.parametrize(
    ("minute", "six", "expected"),
    [
        (slice(0), slice(0), PASS),
        (slice(0), slice(300, 306), INCONCLUSIVE),
        (slice(0), slice(50, 600, 100), FAIL),
        (slice(3000, 9000), slice(0), FAIL),
        (slice(3000, 9000), slice(300, 306), FAIL),
        (slice(3000, 9000), slice(50, 600, 100), FAIL),
    ],
    ids=["healthy", "six in a row", "six apart", "a minute", "a minute and six in a row", "a minute and six apart"],
)
def test_a_minute_without_an_answer_is_no_milder_than_six_failures_in_six_seconds(
    minute: slice, six: slice, expected: Outcome
) -> None:
    """The minute is half of one window, the six are 1 % of a short one after it; 0.1 % is allowed."""
    last = after_faults_name("everyday")
    whole, short = failing(samples(0, 120), minute), failing(samples(120, 126), six)
    windows = {"everyday/fault-free": window(whole, 0, 120), last: replace(window(short, 120, 126), name=last)}
    run = replace(evidence(), windows=windows, experiments={})
    (verdict,) = verdicts_of(plan({"R": errors()}, experiments={}), run).verdicts
    assert verdict.outcome is expected


@pytest.mark.parametrize("start", [0.0, 60.0, 118.3])
def test_a_stall_is_the_same_wherever_it_is(start: float) -> None:
    """1.7 s without an answer, at the begin of a window, in its middle or at its end: not decided."""
    assert outcome(bad_in((start, start + 1.7)), 0.001) is INCONCLUSIVE


@settings(max_examples=200, deadline=None)
@given(data=st.data(), limit=st.sampled_from([0.001, 0.01, 0.05]), timeline=st.sampled_from([TIMELINE, JOURNEYS]))
def test_a_clear_fail_stays_one_whatever_fails_on_top(data: st.DataObject, limit: float, timeline: Timeline) -> None:
    """Requests that fail evenly, proven 1.5 times beyond the limit; then an outage of any length at any time, and lone failures."""
    each = data.draw(st.integers(2, 12)) if limit > 0.01 else data.draw(st.integers(2, 40))
    before = bad_in(each=each)
    if outcome(before, limit * CLEAR * CLEAR, timeline) is not FAIL:
        return
    start, length = data.draw(st.floats(0, 119)), data.draw(st.floats(0.02, 60))
    after = before | bad_in((start, start + length))
    after[data.draw(st.lists(st.integers(0, N - 1), max_size=20))] = True
    assert outcome(after, limit, timeline) is FAIL


@settings(max_examples=100, deadline=None)
@given(
    each=st.integers(2, 40),
    spans=st.lists(st.tuples(st.floats(0, 119), st.floats(0.02, 60)), max_size=3),
    one_in=st.integers(2, 50),
)
def test_a_clear_fail_stays_one_where_requests_that_were_answered_are_removed(
    each: int, spans: list[tuple[float, float]], one_in: int
) -> None:
    """Requests that fail evenly, proven beyond the limit; answered ones are not recorded for a time, or one in so many of them."""
    bad, limit = bad_in(each=each), 0.01
    if outcome(bad, limit * CLEAR * CLEAR, JOURNEYS) is not FAIL:
        return
    gone = bad_in(*((start, start + length) for start, length in spans), each=one_in) & ~bad
    (ids,) = JOURNEYS.ids
    timeline = Timeline.of(AT[~gone], (0, 120 * S), (ids.at(np.flatnonzero(~gone)),))
    assert outcome(bad[~gone], limit, timeline) is FAIL


@settings(max_examples=200, deadline=None)
@given(
    spans=st.lists(st.tuples(st.floats(0, 119), st.floats(0.02, 30)), min_size=1, max_size=4), more=st.integers(0, N)
)
def test_the_floor_never_exceeds_what_was_measured(spans: list[tuple[float, float]], more: int) -> None:
    """It is a lower bound, and no failure more lowers that of one outage."""
    bad = bad_in(*((start, start + length) for start, length in spans))
    bad[more % N] = True
    found = least_share(TIMELINE.slots(bad))
    assert bad.mean() / ONCE_IN <= found <= bad.mean()


def test_two_seconds_of_twelve_are_one_outage_and_not_four() -> None:
    """A member that says no lag for so long, after its restore, proves no p99 beyond its limit; as often all over the window it does."""
    timeline = Timeline.of(np.arange(60, dtype=np.int64) * (S // 5), (0, 12 * S))
    once, often = np.zeros(60, dtype=np.bool_), np.zeros(60, dtype=np.bool_)
    once[20:30] = True
    often[::6] = True
    sure = 0.9997
    assert [least_share(timeline.slots(bad), sure, 1 - sure) >= 0.01 for bad in (once, often)] == [False, True]
