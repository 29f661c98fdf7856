"""Rule 8 on looks alone: outages, what ends them, and what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import down, every, ns, reads, with_ints, writes

from harness.judgement import is_steady, recovered_at
from harness.judgement.recovery import Requests, Usual, recovery_of, served_in
from harness.model import OperationRecovery

USUAL = Usual(failed=0.001)
"""One of a thousand requests fails as before: of 1000, a lone failure is noise, and two in a row are not."""


def looks(end: float, *out: tuple[float, float], per_s: float = 20.0) -> Requests:
    """Looks answered in 3 ms from 0 on, failed where they were sent in one of `out`."""
    sent = every(0, end, per_s)
    ok = np.ones(len(sent), dtype=np.bool_)
    for start, stop in out:
        ok &= ~((sent >= ns(start)) & (sent < ns(stop)))
    return Requests.of(sent, sent + 3_000_000, ok)


def recovered(
    seen: Requests, *, sent: float = 10, undone: float | None = None, until: float = 60, usual: Usual = USUAL
) -> OperationRecovery:
    """What rule 8 makes of them."""
    return recovery_of(
        "reads",
        seen,
        sent_ns=ns(sent),
        undone_ns=None if undone is None else ns(undone),
        until_ns=ns(until),
        spacing_ms=50,
        usual=usual,
    )


def out(*spans: tuple[float, float], per_s: float = 20.0, **given: Any) -> OperationRecovery:
    """What it makes of looks that failed in these spans."""
    return recovered(looks(60, *spans, per_s=per_s), **given)


def test_what_is_an_outage_and_when_it_ends(subtests: pytest.Subtests) -> None:
    """The action is sent at 10 s; the first answer of five good seconds ends an outage, give or take one look and one answer."""
    lone = "no outage: 1 of 1000 requests failed, which chance explains with a usual share of 0.1 %"
    no_end = "380 of 400 requests failed, and no 5 s of successful requests followed while the fault was active"
    pair, rare = (20, 20.04), Usual(failed=0.0005)
    cases: list[tuple[str, OperationRecovery, dict[str, Any]]] = [
        (
            "out for 3 s",
            out((11, 14)),
            {"seconds": 4.003, "resolution_s": 0.053, "outages": ((1.0, 4.003),), "why": ""},
        ),
        (
            "no client felt it",
            out(),
            {"seconds": 0.0, "outages": (), "observed_s": 50.0, "why": "no client was affected"},
        ),
        ("a lone failure", out((20, 20.05)), {"seconds": 0.0, "why": lone}),
        ("two in a row", out((20, 20.1)), {"seconds": 10.103}),
        ("two in a row of 2500", out(pair, per_s=50), {"outages": ()}),
        ("three in a row of 2500", out((20, 20.06), per_s=50), {"seconds": 10.063, "outages": ((10.0, 10.063),)}),
        ("where one of two thousand fails", out(pair, per_s=50, usual=rare), {"outages": ((10.0, 10.043),)}),
        ("two that are apart", out((20, 20.02), (20.04, 20.06), per_s=50), {"seconds": 0.0, "outages": ()}),
        (
            "up for 6 s in between",
            out((11, 13), (20, 22)),
            {"seconds": 12.003, "outages": ((1.0, 3.003), (10.0, 12.003))},
        ),
        ("which counts", out((11, 13), (20, 22)), {"why": "2 outages, the last outage counts"}),
        ("up for 3 s in between", out((11, 13), (16, 18)), {"outages": ((1.0, 8.003),)}),
        ("short, 6 s apart", out((20, 20.06), (26, 26.06), per_s=50), {"outages": ((10.0, 10.063), (16.0, 16.063))}),
        ("short, 3 s apart", out((20, 20.06), (23, 23.06), per_s=50), {"outages": ((10.0, 13.063),)}),
        (
            "back after the undo",
            out((11, 31), undone=30),
            {"seconds": None, "on_heal": True, "outages": ((1.0, 20.0),)},
        ),
        ("why not before it", out((11, 31), undone=30), {"observed_s": 20.0, "why": no_end}),
        ("never back", out((11, 60), undone=30), {"seconds": None, "on_heal": False}),
        ("never back, nothing to undo", out((11, 60)), {"on_heal": False}),
        ("back 3 s before the undo", out((11, 27), undone=30), {"seconds": None}),
        ("back 6 s before the undo", out((11, 24), undone=30), {"seconds": 14.003}),
        ("watched for 3 s", out(undone=13), {"seconds": None}),
        ("watched for 3 s, out for one", out((11, 12), undone=13), {"seconds": None}),
        ("as planned", out(), {"resolution_s": 0.05}),
        ("more often than planned", out(per_s=100), {"resolution_s": 0.05}),
    ]
    for name, seen, expected in cases:
        with subtests.test(name):
            assert {field: getattr(seen, field) for field in expected} == expected


def test_partial_failure_is_an_outage_until_it_ends() -> None:
    """Every tenth look fails from 11 s to 21 s; the last of them, alone in its five seconds, is the one in a hundred."""
    sent = every(0, 60, 20)
    ok = ~((sent >= ns(11)) & (sent < ns(21)) & (np.arange(len(sent)) % 10 == 0))
    seen = recovered(Requests.of(sent, sent, ok))
    assert seen.seconds == 10.05
    assert len(seen.outages) == 1


def test_a_gap_between_looks_widens_the_resolution() -> None:
    """Half a second without a look, before the recovery: it may have been back that much earlier."""
    seen = looks(60, (11, 14))
    gapped = seen.where((seen.sent_ns < ns(13.5)) | (seen.sent_ns >= ns(14)))
    assert recovered(gapped).resolution_s == 0.553


def test_blind_time_is_neither_up_nor_down() -> None:
    """After a blind second no five seconds are good; nothing failed, and nothing is known of it."""
    seen = looks(60)
    kept = (seen.sent_ns < ns(10)) | (np.arange(len(seen)) % 40 == 0)
    assert recovered(seen.where(kept)).seconds is None


def test_a_slow_answer_does_not_hide_that_others_were_served_before() -> None:
    """The first success hung for 0.9 s, the next was answered at once: service is back with the first answer."""
    seen = looks(60, (11, 14))
    done = seen.done_ns.copy()
    done[280] += 900_000_000
    assert recovered(Requests.of(seen.sent_ns, done, seen.ok)).seconds == 4.053


def test_a_failure_at_the_very_first_look_is_an_outage() -> None:
    """Nothing good came before it."""
    assert served_in(looks(30, (0, 0.05)), ns(30), USUAL).outages[0].start_ns == 0


def test_steady_means_99_of_100_looks_of_the_last_five_seconds() -> None:
    """One failure may be, two not; and somebody must have looked."""
    sent = every(0, 10, 20)
    ok = np.ones(len(sent), dtype=np.bool_)
    assert is_steady(sent, ok, ns(10), USUAL) == (True, "100 of 100 requests of the last 5 s succeeded")
    ok[150] = False
    assert is_steady(sent, ok, ns(10), USUAL)[0] is True
    ok[151] = False
    assert is_steady(sent, ok, ns(10), USUAL) == (False, "98 of 100 requests of the last 5 s succeeded")
    assert is_steady(sent, ok, ns(12), USUAL) == (False, "no request was recorded in 2 of the last 5 s")
    assert is_steady([], [], ns(12), USUAL) == (False, "no request was recorded in 5 of the last 5 s")


@pytest.mark.parametrize(
    ("share", "failed", "steady"), [(0.001, 1, True), (0.001, 2, False), (0.01, 5, True), (0.01, 6, False)]
)
def test_steady_is_what_chance_explains_easily_as_before(share: float, failed: int, steady: bool) -> None:  # noqa: FBT001
    """Of 250 looks as many failures as come in one of twenty such five seconds: plain lists of 0 and 1 will do."""
    sent = every(0, 5, 50).tolist()
    assert is_steady(sent, [0] * failed + [1] * (250 - failed), ns(5), Usual(failed=share))[0] is steady


def test_a_blind_second_is_one_that_is_longer() -> None:
    """Exactly one second between two looks is not blind; a nanosecond more is."""
    sent = np.array([0, ns(1), ns(2), ns(3), ns(4)])
    assert is_steady(sent, [1] * 5, ns(5), USUAL)[0] is True
    assert is_steady(sent, [1] * 5, ns(5) + 1, USUAL)[0] is False
    assert recovered_at(np.append(sent, ns(5)), [1] * 6, 0, ns(6), USUAL) == 0
    assert recovered_at(np.append(sent, ns(5) + 1), [1] * 6, 0, ns(5) + 2, USUAL) is None


def test_asked_live_plain_lists_will_do() -> None:
    """Two failures of 0 and 1."""
    sent = every(0, 20, 20).tolist()
    ok = [0 if 100 <= i < 102 else 1 for i in range(400)]
    assert recovered_at(sent, ok, 0, ns(20), USUAL) == ns(5.1)


def test_asked_live_it_says_when_reads_were_back_and_none_before() -> None:
    """What the conductor asks while a fault is held."""
    seen = looks(60, (11, 14))
    assert recovered_at(seen.sent_ns, seen.ok, ns(10), ns(13), USUAL) is None
    assert recovered_at(seen.sent_ns, seen.ok, ns(10), ns(18), USUAL) is None
    assert recovered_at(seen.sent_ns, seen.ok, ns(10), ns(19.1), USUAL) == ns(14)
    assert recovered_at(seen.sent_ns, seen.ok, ns(20), ns(26), USUAL) == ns(20)


def test_reads_are_the_entrys_read_probes_and_writes_those_acknowledged() -> None:
    """Region probes, health probes and refused writes do not count as served."""
    assert len(Requests.reads(reads(0, 1))) == 20
    assert len(Requests.reads(reads(0, 1), "eu-west-1")) == 0
    assert Requests.writes(down(writes(0, 2), 0, 1, "outcome", "refused")).ok.sum() == 30


def hanging(end: float, start: float, stop: float, *, per_s: float = 50.0, wait_s: float = 1.0) -> Requests:
    """Looks answered in 3 ms, but those sent in [start, stop) hang till `stop`, and fail where that is over their time-out."""
    sent = every(0, end, per_s)
    hung = (sent >= ns(start)) & (sent < ns(stop))
    ok = ~hung | (sent + ns(wait_s) > ns(stop))
    late = np.minimum(sent + ns(wait_s), ns(stop) + 3_000_000)
    return Requests.of(sent, np.where(hung, late, sent + 3_000_000), ok)


def test_a_hang_is_an_outage_beyond_the_time_out_and_a_stall_within_it() -> None:
    """Away for 3 s, it ends with the first answer, and time-outs do not widen it; after half a second it is not known better than that."""
    seen = recovered(hanging(60, 12, 15))
    assert (seen.seconds, seen.resolution_s, seen.outages) == (5.003, 0.05, ((2.0, 5.003),))
    assert seen.stalls == ()
    seen = recovered(hanging(60, 12, 12.5))
    assert (seen.seconds, seen.resolution_s, seen.outages) == (0.0, 0.52, ())
    assert seen.stalls == ((2.0, 2.503),)
    assert seen.why == "no client was affected"


def test_a_stall_is_a_tenth_of_a_second_in_which_looks_hung() -> None:
    """Shorter ones are inside the resolution; a gap without looks is blind, and no stall."""
    assert recovered(hanging(60, 12, 12.097)).stalls == ((2.0, 2.1),)
    assert recovered(hanging(60, 12, 12.096)).stalls == ()
    seen = looks(60, per_s=50)
    kept = (seen.sent_ns < ns(12)) | (seen.sent_ns >= ns(12.5))
    assert recovered(seen.where(kept)).stalls == ()
    lone = kept | (seen.sent_ns == ns(12.1))
    done = np.where(seen.sent_ns == ns(12.1), ns(12.5), seen.done_ns)
    assert recovered(Requests.of(seen.sent_ns[lone], done[lone], seen.ok[lone])).stalls == ()


def test_a_stall_after_the_recovery_is_listed_and_does_not_widen_it() -> None:
    """Out from 11 s to 14 s; a hang at 40 s says nothing of when it was back."""
    first, later = looks(60, (11, 14), per_s=50), hanging(60, 40, 40.5)
    done = np.maximum(first.done_ns, later.done_ns)
    seen = recovered(Requests.of(first.sent_ns, done, first.ok))
    assert (seen.seconds, seen.resolution_s, seen.stalls) == (4.003, 0.05, ((30.0, 30.503),))


def test_a_hang_before_an_outage_widens_what_is_known_of_it() -> None:
    """Looks hung for 0.6 s before the first was turned away: it may have been out since then."""
    hung, refused = hanging(60, 11, 11.6), looks(60, (11.6, 14), per_s=50)
    seen = recovered(Requests.of(hung.sent_ns, np.maximum(hung.done_ns, refused.done_ns), refused.ok))
    assert seen.outages == ((1.6, 4.003),)
    assert seen.resolution_s == 0.617


def test_slow_answers_after_the_outage_widen_the_resolution() -> None:
    """Out till 14 s, then 300 ms an answer for a while: known only that much later."""
    seen = looks(60, (11, 14), per_s=50)
    slow = (seen.sent_ns >= ns(14)) & (seen.sent_ns < ns(16))
    found = recovered(Requests.of(seen.sent_ns, seen.done_ns + np.where(slow, 297_000_000, 0), seen.ok))
    assert found.seconds == pytest.approx(4.3)
    assert found.resolution_s == pytest.approx(0.32)


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 5)), max_size=4))
@settings(max_examples=40)
def test_the_order_of_looks_does_not_matter_and_outages_are_apart(drawn: list[tuple[float, float]]) -> None:
    """Rows come in any order; outages are in order, end after they start, and cover no good five seconds."""
    seen = looks(60, *[(start, start + length) for start, length in drawn])
    order: npt.NDArray[np.int64] = np.random.default_rng(len(drawn)).permutation(len(seen))
    shuffled = Requests.of(seen.sent_ns[order], seen.done_ns[order], seen.ok[order])
    assert served_in(shuffled, ns(60), USUAL) == served_in(seen, ns(60), USUAL)
    ends = [0]
    for outage in served_in(seen, ns(60), USUAL).outages:
        assert ends[-1] <= outage.start_ns
        ends.append(outage.end_ns or ns(60))
        assert ends[-1] > outage.start_ns


@given(st.floats(11, 40), st.floats(0.06, 10), st.sampled_from([20.0, 50.0]))
@settings(max_examples=60)
def test_an_outage_of_known_length_is_found_within_its_resolution(start: float, length: float, per_s: float) -> None:
    """Truth against figure, at any phase of the probes: never early, and found when it is two looks long."""
    seen = recovered(looks(60, (start, start + length), per_s=per_s))
    assert seen.seconds is not None
    if length > 2 / per_s:
        assert 0 <= seen.seconds - (start + length - 10) <= seen.resolution_s
        assert len(seen.outages) == 1


@given(st.floats(11, 40), st.floats(0.05, 10))
@settings(max_examples=60)
def test_an_outage_that_hangs_is_within_its_resolution_whatever_its_length(start: float, length: float) -> None:
    """Shorter than the time-out it is a stall, of which nothing failed; at the time-out it may be either."""
    seen = recovered(hanging(60, start, start + length))
    assert seen.seconds is not None
    if seen.outages:
        assert 0 <= seen.seconds - (start + length - 10) <= seen.resolution_s
    else:
        assert length <= seen.resolution_s <= 1.1
        assert bool(seen.stalls) or length < 0.14


@pytest.mark.parametrize(("status", "ok"), [(200, True), (404, True), (500, False), (503, False), (0, False)])
def test_an_answer_of_the_server_failing_is_no_answer_without_an_error_beside_it(status: int, ok: bool) -> None:  # noqa: FBT001 - a column of the table
    """A record that says 503 and no error contradicts itself; which statuses below are expected is for the watcher to say."""
    rows = reads(0, 1)
    given = with_ints(rows, np.ones(len(rows), dtype=np.bool_), status=status)
    assert Requests.reads(given).ok.tolist() == [ok] * 20
