"""What is out between the undo and the restore is an outage on the way back, held against the same limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import SPANS, down, every, evidence, experiment, measures, ns, plan, recovery, with_experiment

from harness.judgement import is_steady, judge, recovered_at
from harness.judgement.recovery import Requests, Usual, recovery_of
from harness.model import Evidence, Measure, OperationRecovery, Outcome, Restore

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
DATABASE = experiment("database-loss", *SPANS["database-loss"])
SENT, UNDONE, RESTORED = 10, 30, 50


def probes(*out: tuple[float, float], late: tuple[float, float] = (0, 0), late_ms: float = 900) -> Requests:
    """Probes each 50 ms for 80 s, answered in 3 ms; failed where they were sent in one of `out`, late where in `late`."""
    sent = every(0, 80, 20)
    ok = np.ones(len(sent), dtype=np.bool_)
    for start, end in out:
        ok &= ~((sent >= ns(start)) & (sent < ns(end)))
    slow = (sent >= ns(late[0])) & (sent < ns(late[1]))
    return Requests.of(sent, sent + np.where(slow, round(late_ms * 1e6), 3_000_000), ok)


def usual(promised: float | None) -> Usual:
    """One of a thousand fails as before."""
    return Usual(promised_ms=promised, failed=0.001)


def recovered(requests: Requests, *, undone: float | None = UNDONE, promised: float | None = None) -> OperationRecovery:
    """What rule 8 makes of them: sent at 10 s, undone at 30 s, restored at 50 s, known to 80 s."""
    return recovery_of(
        "reads",
        requests,
        sent_ns=ns(SENT),
        undone_ns=None if undone is None else ns(undone),
        until_ns=ns(RESTORED),
        known_ns=ns(80),
        spacing_ms=50,
        usual=usual(promised),
    )


def shortly(requests: Requests) -> OperationRecovery:
    """Sent at 10 s, undone at 30 s, restored at 31 s; the next fault is sent at 33.6 s. 200 ms are promised."""
    return recovery_of(
        "reads",
        requests,
        sent_ns=ns(SENT),
        undone_ns=ns(UNDONE),
        until_ns=ns(31),
        known_ns=ns(33.6),
        spacing_ms=50,
        usual=usual(200),
    )


def test_an_outage_after_the_undo_is_listed_with_its_own_length() -> None:
    """The switch back: out from 36 s to 38 s. The recovery before it stays what it was."""
    seen = recovered(probes((11, 14), (36, 38)))
    assert (seen.seconds, seen.outages) == (4.003, ((1.0, 4.003),))
    assert (seen.way_back, seen.way_back_s, seen.way_back_ended) == (((26.0, 28.003),), 20, True)
    assert seen.way_back_resolution_s == 0.05


def test_an_outage_that_began_before_the_restore_is_followed_to_its_end() -> None:
    """Out from 45 s to 60 s, found as before at 50 s; one that begins later is no part of this fault."""
    assert recovered(probes((45, 60))).way_back == ((35.0, 50.003),)
    assert recovered(probes((51, 60))).way_back == ()
    endless = recovered(probes((45, 80)))
    assert (endless.way_back, endless.way_back_ended) == (((35.0, 70.0),), False)


def test_what_was_out_from_before_the_undo_is_on_the_way_back_from_the_undo_on() -> None:
    """Out from 11 s to 33 s, undone at 30 s: no recovery, and three seconds of way back."""
    seen = recovered(probes((11, 33)))
    assert (seen.seconds, seen.on_heal, seen.outages) == (None, True, ((1.0, 20.0),))
    assert seen.way_back == ((20.0, 23.003),)


def test_a_late_answer_just_after_the_undo_is_noise_in_a_short_record() -> None:
    """One of 210 ms in 3.6 s, until the next fault is sent: the five seconds that are needed began before the undo. Two failures are an outage."""
    late = shortly(probes(late=(31, 31.05), late_ms=210))
    assert (late.way_back, late.way_back_s, late.way_back_ended) == ((), 1, True)
    failed = shortly(probes((30.9, 31)))
    assert (failed.way_back, failed.way_back_ended) == (((20.9, 23.6),), False)


def test_what_needed_no_undo_has_no_way_back() -> None:
    """Of a killed pod everything up to the restore is recovery."""
    seen = recovered(probes((36, 38)), undone=None)
    assert (seen.seconds, seen.way_back, seen.way_back_s) == (28.003, (), 0)


def judged(limit: str, run: Evidence) -> dict[str, Measure]:
    """The measures of the reads after the database's loss, by name."""
    found = measures(judge(plan({"R": recovery(limit, "database-loss", operations=("reads",))}), run))
    return {m.name: m for m in found}


def back_out(start: float, end: float) -> Evidence:
    """Reads out on the way back; the fault is sent at 111 s, undone at 145 s, and the target restored at `end` at the earliest."""
    base = evidence()
    restored = max(150, end + 5)
    attempt = replace(DATABASE, observed_until_ns=ns(restored), restore=Restore(ok=True, at_ns=ns(restored)))
    return with_experiment([attempt], replace(base, probes=down(base.probes, start, end)))


def test_75_s_without_an_answer_after_the_undo_fail_the_sentence() -> None:
    """The recovery itself took 20.5 s. The next faults were not sent."""
    base = replace(evidence(), experiments={})
    attempt = replace(DATABASE, observed_until_ns=ns(219), restore=Restore(ok=True, at_ns=ns(219)))
    run = with_experiment([attempt], replace(base, probes=down(base.probes, 145, 213)))
    found = judged("30 s", run)
    assert found["recovery of reads"].outcome is PASS
    way = found["outage of reads after the undo"]
    assert (way.outcome, way.value) == (FAIL, 68.003)
    assert way.reason == (
        "database-loss: reads were out for 68 s after the undo (34 to 102 s after the fault), expected below 30 s"
    )


@pytest.mark.parametrize(("limit", "outcome"), [("1.9 s", FAIL), ("2.03 s", INCONCLUSIVE), ("2.1 s", PASS)])
def test_the_way_back_is_held_against_the_same_limit(limit: str, outcome: Outcome) -> None:
    """2.003 s ± 0.05 s."""
    way = judged(limit, back_out(147, 149))["outage of reads after the undo"]
    assert (way.value, way.low, way.high, way.outcome) == (2.003, 1.953, 2.053, outcome)


def test_a_way_back_that_did_not_end_is_no_pass() -> None:
    """Out to the end of the record: as long as was watched, or longer."""
    base = replace(evidence(), experiments={})
    attempt = replace(DATABASE, observed_until_ns=ns(200), restore=Restore(ok=True, at_ns=ns(200)))
    run = with_experiment([attempt], replace(base, probes=down(base.probes, 190, 300)))
    assert judged("30 s", run)["outage of reads after the undo"].outcome is INCONCLUSIVE
    assert judged("9 s", run)["outage of reads after the undo"].outcome is FAIL


def test_served_again_means_within_the_promised_time() -> None:
    """From the fault on every answer takes 1.9 s: good for a probe with a time-out of 2 s, not for 1000 ms."""
    slow = probes(late=(11, 80), late_ms=1900)
    assert recovered(slow).seconds == 0
    seen = recovered(slow, promised=1000)
    assert (seen.seconds, seen.on_heal, seen.way_back_ended) == (None, False, False)
    assert seen.why.startswith("0 of 400 requests failed, 380 were answered later than 1000 ms, and no 5 s")
    assert recovered(slow, promised=1900).seconds == 0


def test_one_answer_in_twenty_may_be_late() -> None:
    """Chance explains 15 late answers of a hundred where 5 are promised: 750 ms of them are noise, 800 ms are an outage from the first on."""
    assert recovered(probes(late=(20, 20.75), late_ms=1100), promised=1000).outages == ()
    seen = recovered(probes(late=(20, 20.8), late_ms=1100), promised=1000)
    assert seen.outages == ((10.0, 10.803),)


def test_a_tenth_of_late_answers_that_stays_is_not_shown_to_be_service() -> None:
    """Each five seconds of them may be chance; all of them together are so hardly, so that nothing is known: neither that it is served nor that not."""
    sent = every(0, 80, 20)
    late = (sent >= ns(11)) & (np.arange(len(sent)) % 10 == 0)
    seen = recovered(Requests.of(sent, sent + np.where(late, 1_100_000_000, 3_000_000), sent >= 0), promised=1000)
    assert (seen.seconds, seen.since_s) == (None, 0.0)


def test_asked_live_late_answers_are_no_service() -> None:
    """With the times of the answers and a promise; without a promise late ones will do."""
    slow = probes(late=(11, 15), late_ms=1500)
    done = slow.done_ns
    assert is_steady(slow.sent_ns, slow.ok, ns(15), usual(1000), done_ns=done) == (
        False,
        "100 of 100 requests of the last 5 s succeeded, 20 within 1000 ms",
    )
    assert is_steady(slow.sent_ns, slow.ok, ns(15), usual(None))[0] is True
    assert recovered_at(slow.sent_ns, slow.ok, ns(10), ns(15), usual(1000), done_ns=done) is None
    assert recovered_at(slow.sent_ns, slow.ok, ns(10), ns(30), usual(1000), done_ns=done) == ns(15.003)
    assert recovered_at(slow.sent_ns, slow.ok, ns(10), ns(30), usual(None)) == ns(10)


SPAN = st.tuples(st.floats(0, 75), st.floats(0.05, 12)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1]))


def total(seen: OperationRecovery) -> float:
    """How long it was out on the way back, all outages together."""
    return sum(end - start for start, end in seen.way_back)


@given(st.lists(SPAN, max_size=3), SPAN)
@settings(max_examples=60)
def test_a_failure_more_never_improves_anything(out: list[tuple[float, float]], more: tuple[float, float]) -> None:
    """Neither recovery nor way back become shorter."""
    before, after = recovered(probes(*out)), recovered(probes(*out, more))
    if before.seconds is None:
        assert after.seconds is None
    elif after.seconds is not None:
        assert after.seconds >= before.seconds
    assert total(after) >= total(before) - 1e-9


@given(st.lists(SPAN, max_size=2), SPAN, st.floats(10, 5000))
@settings(max_examples=60)
def test_a_slower_answer_never_improves_anything(
    out: list[tuple[float, float]], late: tuple[float, float], late_ms: float
) -> None:
    """Answers of 3 ms against later ones, by a promise of one second."""
    before = recovered(probes(*out), promised=1000)
    after = recovered(probes(*out, late=late, late_ms=late_ms), promised=1000)
    if before.seconds is None:
        assert after.seconds is None
    elif after.seconds is not None:
        assert after.seconds >= before.seconds
    assert total(after) >= total(before) - 1e-9


@given(st.lists(SPAN, max_size=3), st.floats(50, 80))
@settings(max_examples=40)
def test_a_later_restore_never_shortens_the_way_back(out: list[tuple[float, float]], restored: float) -> None:
    """What began before 50 s is on the list whenever the target was found as before."""
    seen = recovered(probes(*out))
    later = recovery_of(
        "reads",
        probes(*out),
        sent_ns=ns(SENT),
        undone_ns=ns(UNDONE),
        until_ns=ns(restored),
        known_ns=ns(80),
        spacing_ms=50,
        usual=usual(None),
    )
    assert later.way_back[: len(seen.way_back)] == seen.way_back
