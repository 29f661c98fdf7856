"""Rule 8 on a record with a stall in it: what a stall hides, or breaks, is never to the good."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judgement_builders import every, ns

from harness.judgement.figures.recovery.recovered import outcome_in, outcome_of, way_back_bounds
from harness.judgement.recovery import Requests, Usual, recovery_of
from harness.judgement.recovery.doubt import unseen_failed
from harness.model import OperationRecovery, Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
AS_BEFORE: Final = Usual(failed=0.001)
PER_S: Final = 25.0
WAYS: Final = ("failed", "hung", "timed out", "one in ten failed", "not recorded")


def asked(end: float, *out: tuple[float, float], one_in: tuple[int, float, float] = (1, 0, 0)) -> Requests:
    """A request each 40 ms, answered in 3 ms; it fails where it was sent in one of `out`, and one in so many from a moment to another."""
    sent = every(0, end, PER_S)
    each, since, until = one_in
    ok = (sent < ns(since)) | (sent >= ns(until)) | (np.arange(len(sent)) % each != 0)
    for start, stop in out:
        ok &= (sent < ns(start)) | (sent >= ns(stop))
    return Requests.of(sent, sent + 3_000_000, ok)


def stalled(requests: Requests, start: float, stop: float, way: str) -> Requests:
    """The requests, where those that were sent in a time failed, hung until it was over (and failed after a second), or are not recorded."""
    sent, done, ok = requests.sent_ns, requests.done_ns, requests.ok
    own = (sent >= ns(start)) & (sent < ns(stop))
    if way == "not recorded":
        return requests.where(~own)
    if way == "failed":
        return Requests.of(sent, done, ok & ~own)
    if way == "one in ten failed":
        return Requests.of(sent, done, ok & ~(own & (np.arange(len(sent)) % 10 == 0)))
    later = np.where(own, np.maximum(done, ns(stop)), done)
    return Requests.of(sent, later, ok & ~(own & (way == "timed out") & (later - sent > ns(1) - ns(0))))


def recovered(
    requests: Requests, *, undone: float | None, until: float, known: float, usual: Usual = AS_BEFORE
) -> OperationRecovery:
    """What rule 8 makes of them, after an action at 0 s."""
    return recovery_of(
        "reads",
        requests,
        sent_ns=ns(0),
        undone_ns=None if undone is None else ns(undone),
        until_ns=ns(until),
        known_ns=ns(known),
        spacing_ms=40,
        usual=usual,
    )


def outcome(seen: OperationRecovery, limit: float) -> Outcome:
    """Of the recovery."""
    return outcome_in(seen, limit, spacing_s=0.04)


def way_outcome(seen: OperationRecovery, limit: float) -> Outcome:
    """Of the way back."""
    _, low, high = way_back_bounds(seen)
    return outcome_of(low, high, limit)


@pytest.mark.parametrize("way", ["failed", "timed out"])
def test_a_stall_after_the_watch_does_not_hide_that_the_service_did_not_stay_as_before(way: str) -> None:
    """Out for 5 s, and one in 25 fails from 12 s, when the watch ends, to 60 s: a stall from 13 to 16 s leaves too few before it to show that."""
    requests = asked(60, (0.2, 5), one_in=(25, 12, 60))
    for seen in (requests, stalled(requests, 13, 16, way)):
        assert outcome(recovered(seen, undone=None, until=12, known=60), 10) is INCONCLUSIVE
    clean = asked(60, (0.2, 5))
    assert outcome(recovered(clean, undone=None, until=12, known=60), 10) is PASS


def test_a_stall_does_not_cut_the_way_back_into_outages_that_are_shorter_than_the_limit() -> None:
    """Undone at 20 s and out from 21 to 22 s; one in 20 fails until 40 s: out for 19 s, and a stall at 30 s divides what failed in two."""
    requests = asked(60, (21, 22), one_in=(20, 22, 40))
    for seen in (requests, stalled(requests, 30, 31, "failed")):
        assert way_outcome(recovered(seen, undone=20, until=50, known=60), 15) is not PASS
    assert way_outcome(recovered(asked(60, (21, 22)), undone=20, until=50, known=60), 15) is PASS


def test_an_outage_that_was_not_recorded_may_have_been_one() -> None:
    """Out for 5 s, and again from 28 to 31 s: beyond 30 s. Without a record of the second one nothing is known; a limit beyond it passes."""
    requests = asked(40, (0.2, 5), (28, 31))
    gone = recovered(stalled(requests, 28, 31, "not recorded"), undone=40, until=40, known=40)
    assert outcome(recovered(requests, undone=40, until=40, known=40), 30) is FAIL
    assert (gone.seconds, gone.latest_s, outcome(gone, 30), outcome(gone, 32)) == (5.003, 31.003, INCONCLUSIVE, PASS)


def test_a_way_back_that_was_not_recorded_may_have_been_out() -> None:
    """Undone at 20 s, without a record from 22 to 30 s."""
    gone = recovered(stalled(asked(60), 22, 30, "not recorded"), undone=20, until=50, known=60)
    assert not gone.way_back
    assert gone.way_longest_s == pytest.approx(8.0, abs=0.05)
    assert [way_outcome(gone, limit) for limit in (7.0, 9.0)] == [INCONCLUSIVE, PASS]


def test_a_gap_of_days_stands_for_so_many_requests_at_most() -> None:
    """Requests a microsecond apart, then none for two days: the gap is filled by ten thousand that failed, not by as many as would have been sent."""
    sent = np.arange(100, dtype=np.int64) * 1_000
    filled = unseen_failed(Requests.of(sent, sent + 500, sent >= 0), (0, 172_800 * 10**9), gap_ns=10**9)
    assert int((~filled.ok).sum()) == pytest.approx(10_000, abs=1)


def test_a_gap_as_planned_hides_nothing() -> None:
    """A quarter of a second without a probe is as planned, and so are three times the planned spacing."""
    seen = recovered(stalled(asked(40, (0.2, 5)), 31, 31.2, "not recorded"), undone=40, until=40, known=40)
    assert (seen.latest_s, outcome(seen, 30)) == (5.003, PASS)


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.sampled_from([0.001, 0.01]), st.sampled_from([0.0, 0.003, 0.01, 0.03, 0.1])),
    st.sampled_from([0.0, 2.0, 5.0, 12.0, 31.0]),
    st.tuples(st.sampled_from([None, 20.0, 34.0]), st.sampled_from([34.0, 38.0]), st.sampled_from([38.0, 40.0, 70.0])),
    st.tuples(st.floats(0, 60), st.floats(0.3, 8), st.sampled_from(WAYS)),
)
@example(889, (0.01, 0.1), 2.0, (20.0, 38.0, 70.0), (35.7, 0.9, "not recorded"))
@example(295, (0.001, 0.03), 0.0, (34.0, 34.0, 70.0), (35.2, 5.0, "failed"))
@example(526, (0.001, 0.03), 12.0, (34.0, 34.0, 70.0), (49.8, 5.1, "timed out"))
@example(1, (0.01, 0.03), 0.0, (20.0, 34.0, 70.0), (48.0, 3.0, "not recorded"))
@example(779, (0.001, 0.01), 5.0, (20.0, 38.0, 40.0), (27.2, 1.0, "one in ten failed"))
@settings(max_examples=150, deadline=None)
def test_no_stall_makes_a_pass(
    seed: int,
    shares: tuple[float, float],
    out_s: float,
    ends: tuple[float | None, float, float],
    stall: tuple[float, float, str],
) -> None:
    """Whatever fails by itself, and whatever becomes of the requests of a time: what was no PASS of a recovery, or of a way back, is none."""
    (undone, until, known), (start, length, way) = ends, stall
    rng, (usual, share) = np.random.default_rng(seed), shares
    sent = every(0, known, PER_S)
    ok = (sent >= ns(out_s)) & (rng.random(len(sent)) >= share)
    requests = Requests.of(sent, sent + 3_000_000, ok)
    as_before = Usual(failed=usual, promised_ms=float(rng.choice([200, 1000])))
    first, then = (
        recovered(one, undone=undone, until=until, known=known, usual=as_before)
        for one in (requests, stalled(requests, start, start + length, way))
    )
    for limit in (2.0, 5.0, 15.0, 30.0):
        assert outcome(then, limit) is not PASS or outcome(first, limit) is PASS
        assert undone is None or way_outcome(then, limit) is not PASS or way_outcome(first, limit) is PASS
