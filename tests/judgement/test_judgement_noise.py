"""What fails as before the fault is not the fault's, and what is not as before is not back."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judgement_builders import errors, evidence, measures, ns, p95, plan, recovery, with_words

from harness.judgement import judge
from harness.judgement.figures.recovery.recovered import outcome_in
from harness.judgement.recovery import Promise, Requests, Usual, is_steady, recovered_at, recovery_of, served_in
from harness.judgement.recovery.usual import AS_BEFORE, NOISE, UNKNOWN, promised_failures
from harness.judgement.special import bdtrc
from harness.model import Evidence, Measure, Outcome, Phase

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SENT_S: Final = 111.0
"""When the database is lost; the loss is undone 34 s later."""
WORSE: Final = {PASS: 0, INCONCLUSIVE: 1, FAIL: 2}


def reads_failing(*spans: tuple[float, float], one_in: int = 0, before: int = 0) -> Evidence:
    """A run whose reads fail in these spans, in s since the fault; one in so many of the others fails after it, and before it."""
    base = evidence()
    at_s = (base.probes.ints["sent_ns"] - ns(SENT_S)) / 1e9
    failed = np.zeros(len(at_s), dtype=np.bool_)
    for start, end in spans:
        failed |= (at_s >= start) & (at_s < end)
    turn = np.arange(len(at_s))
    if one_in:
        failed |= (at_s >= 0) & (turn % one_in == 0)
    if before:
        failed |= (at_s < 0) & (turn % before == 0)
    served = with_words(base.probes, slice(None), error=None)
    return replace(base, probes=with_words(served, failed, error="status 500"))


def recovery_in(run: Evidence, limit: str, promised: str = "") -> Measure:
    """The recovery of reads after the database's loss, under a limit, where so few errors are promised, or nothing is."""
    sentences = {"R": recovery(limit, "database-loss", operations=("reads",))}
    sentences |= {"E": errors(promised)} if promised else {}
    return next(m for m in measures(judge(plan(sentences), run)) if m.name == "recovery of reads")


def test_two_failures_in_a_row_long_after_a_restart_are_noise_where_one_in_a_hundred_fails() -> None:
    """Back after 1.9 s, and ten seconds later two neighbours fail, of a service that promises 98 %."""
    found = recovery_in(reads_failing((0.2, 1.86), (11.95, 12.05), one_in=100, before=100), "10 s", "2 %")
    assert found.outcome is PASS, found.because.text
    assert found.value == pytest.approx(1.9, abs=0.06)


def test_a_lone_failure_just_before_the_end_of_the_hold_is_noise() -> None:
    """Back after 3.3 s, a read fails half a second before the undo: five good seconds after it are not needed."""
    found = recovery_in(reads_failing((0.2, 3.3), (33.5, 33.55)), "15 s", "0.5 %")
    assert found.outcome is PASS, found.because.text
    assert found.value == pytest.approx(3.3, abs=0.06)


@pytest.mark.parametrize(("limit", "outcome"), [("30 s", FAIL), ("33 s", INCONCLUSIVE), ("40 s", INCONCLUSIVE)])
def test_a_recovery_that_the_end_of_the_hold_cuts_off_says_so(limit: str, outcome: Outcome) -> None:
    """Served for the last 2.5 of 34 s: not back for 31.4 s at least, and whether it was then is not known."""
    found = recovery_in(reads_failing((0.2, 31.5)), limit, "0.1 %")
    assert (found.outcome, found.value) == (outcome, None)
    assert found.low == pytest.approx(31.4, abs=0.1)
    assert "possibly they recovered after 31.5 s, but the observation ended too early to tell" in found.because.text


def test_less_than_a_second_of_service_at_the_end_is_none() -> None:
    """One answer of a dead service is no recovery: it was not back in all of the hold."""
    found = recovery_in(reads_failing((0.2, 33.9)), "34 s", "0.1 %")
    assert (found.outcome, found.low) == (FAIL, 34)


@pytest.mark.parametrize(("one_in", "outcome"), [(20, FAIL), (50, INCONCLUSIVE)])
def test_a_service_that_comes_back_worse_than_before_and_than_promised_has_not_come_back(
    one_in: int, outcome: Outcome
) -> None:
    """Of 0.1 % promised 5 or 2 % fail after the fault: never two in a row, and 2 % never too many in five seconds either."""
    assert recovery_in(reads_failing((0.2, 3.3), one_in=one_in), "30 s", "0.1 %").outcome is outcome
    assert recovery_in(reads_failing((0.2, 3.3), one_in=one_in), "30 s", "8 %").outcome is PASS


def test_the_same_share_before_and_after_is_no_effect_of_the_fault_up_to_one_in_a_hundred() -> None:
    """Nothing is promised: 0.8 % fail before and after. 5 % of both are not served: that has no recovery to speak of."""
    found = recovery_in(reads_failing((0.2, 3.3), one_in=125, before=125), "30 s")
    assert found.outcome is PASS, found.because.text
    assert found.value == pytest.approx(3.3, abs=0.06)
    found = recovery_in(reads_failing((0.2, 3.3), one_in=20, before=20), "30 s", "0.1 %")
    assert found.outcome is INCONCLUSIVE
    assert "Not decided: reads already failed for" in found.because.text


def test_more_failures_before_the_fault_than_are_promised_make_no_recovery_pass() -> None:
    """1 % fail before and after, and 0.1 % is promised: as before, which is no FAIL, and not what was promised, which is no PASS."""
    run = reads_failing((0.2, 3.3), one_in=100, before=100)
    assert recovery_in(run, "10 s").outcome is PASS
    found = recovery_in(run, "10 s", "0.1 %")
    assert found.outcome is INCONCLUSIVE
    assert found.value == pytest.approx(3.3, abs=0.06)
    assert "or more failures than promised" in found.because.text


def test_what_is_promised_is_the_tightest_error_rate_of_the_steady_state() -> None:
    """A sentence on a rush, or on the time of a fault, makes no failure usual."""
    during = errors("9 %", phase=Phase.FAULT)
    sentences = {"A": errors("0.1 %"), "B": errors("2 %"), "C": during, "D": p95()}
    assert promised_failures(plan(sentences)) == 0.001
    assert promised_failures(plan({"C": during, "D": p95()})) == 0.0
    assert Promise.of(plan(sentences)) == Promise(ms=200.0, failed=0.001)


def asked(n: int, *failed: int) -> Requests:
    """So many requests, 40 ms apart, of which those fail."""
    sent = np.arange(n, dtype=np.int64) * 40_000_000
    return Requests.of(sent, sent + 3_000_000, ~np.isin(np.arange(n), failed))


def test_what_is_as_before_is_promised_or_measured(subtests: pytest.Subtests) -> None:
    """The upper bound of what failed without a fault, at 95 %, up to 1 %; or what is promised, if that is more."""
    for name, promised, quiet, share in [
        ("nothing known", 0.0, [], 0.01),
        ("promised alone", 0.02, [], 0.02),
        ("none of 1500", 0.0, [asked(1500)], 0.002),
        ("promised more", 0.001, [asked(6000)], 0.001),
        ("two of 1500", 0.0, [asked(1500, 10, 700)], 0.0042),
        ("a run counts once", 0.0, [asked(1500, 10, *range(700, 725))], 0.0042),
        ("two windows", 0.0, [asked(700, 10), asked(800, 10)], 0.0042),
        ("never over one percent", 0.0, [asked(1500, *range(0, 1500, 50))], 0.01),
    ]:
        with subtests.test(name):
            assert Promise(failed=promised).usual(quiet).failed == pytest.approx(share, rel=0.01)


def test_where_nothing_is_promised_and_nothing_was_measured_one_in_a_hundred_may_fail() -> None:
    """Three of 125 are steady, and four are not."""
    assert Promise().usual() == UNKNOWN
    sent = asked(125).sent_ns
    assert [is_steady(sent, np.arange(125) >= failed, 5_000_000_000)[0] for failed in (3, 4)] == [True, False]


def test_the_levels_are_those_of_the_binomial() -> None:
    """Of 125 with 1 %: 8 or more come in 1 of 26 000 such counts, 7 or more in 1 of 4 500."""
    usual = Usual(failed=0.01)
    counts = np.array([7, 8])
    assert usual.explains(counts, counts, np.array([125, 125]), NOISE).tolist() == [True, False]
    assert usual.explains_run(np.array([1, 2, 3]), 850).tolist() == [True, True, False]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40_000)), min_size=1, max_size=8),
    st.sampled_from([0.0, 1e-6, 0.0005, 0.002, 0.01, 0.05, 0.08]),
    st.sampled_from([AS_BEFORE, NOISE]),
)
def test_what_chance_explains_is_told_by_the_binomial_alone(
    counts: list[tuple[int, int]], share: float, chance: float
) -> None:
    """What is decided by the median, or by a bound of the tail, is what the tail itself says."""
    bad = np.array([k for k, _ in counts])
    of = np.array([k + rest for k, rest in counts])
    none = np.zeros_like(bad)
    found = Usual(failed=share).explains(bad, none, of, chance)
    assert found.tolist() == [bdtrc(k - 1, k + rest, share) > chance for k, rest in counts]


def test_failures_that_no_five_seconds_show_are_shown_by_all_of_them_together() -> None:
    """One of 70 fails from 3 s on, until all do from 28 to 30 s: the first outage lasts until too few are left to show it."""
    usual = Usual(failed=0.001)
    ok = np.ones(1000, dtype=np.bool_)
    ok[5:50] = ok[700:750] = False
    ok[75:700:70] = False
    sent = np.arange(1000, dtype=np.int64) * 40_000_000
    service = served_in(Requests.of(sent, sent, ok), 40_000_000_000, usual)
    assert [(o.start_ns / 1e9, (o.end_ns or 0) / 1e9) for o in service.outages] == [(0.2, 22.64), (28.0, 30.0)]
    assert service.back_ns(0) == recovered_at(sent, ok, 0, 40_000_000_000, usual) == 30_000_000_000
    ok[75:700:70] = True
    alone = served_in(Requests.of(sent, sent, ok), 40_000_000_000, usual).outages
    assert [(o.start_ns / 1e9, (o.end_ns or 0) / 1e9) for o in alone] == [(0.2, 2.0), (28.0, 30.0)]


@pytest.mark.parametrize(("known_s", "back_s"), [(12, 5.003), (60, None)])
def test_where_nothing_was_undone_what_follows_the_watch_shows_whether_it_stays_as_before(
    known_s: int, back_s: float | None
) -> None:
    """Five good seconds end the watch at 12 s; from 11 s on 1 of 25 fails to the end of the record at 60 s: so it is not shown to be back."""
    sent = np.arange(1500, dtype=np.int64) * 40_000_000
    ok = np.arange(1500) >= 125
    ok[275::25] = False
    seen = recovery_of(
        "reads",
        Requests.of(sent, sent + 3_000_000, ok),
        sent_ns=0,
        undone_ns=None,
        until_ns=12_000_000_000,
        known_ns=known_s * 1_000_000_000,
        spacing_ms=40,
        usual=Usual(failed=0.001),
    )
    assert (seen.seconds, seen.observed_s) == (back_s, 12)
    assert outcome_in(seen, 10.0, spacing_s=0.04) is (INCONCLUSIVE if back_s is None else PASS)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.001, 0.01]),
    st.sampled_from([0.0, 0.003, 0.01, 0.03, 0.1]),
    st.sampled_from([0.0, 2.0, 5.0, 28.0, 31.0]),
    st.lists(st.tuples(st.integers(0, 850), st.integers(1, 9)), min_size=1, max_size=6),
)
@settings(max_examples=100)
def test_failing_more_requests_after_the_fault_never_improves_the_outcome(
    seed: int, usual: float, share: float, out_s: float, more: list[tuple[int, int]]
) -> None:
    """Whatever fails by itself, and wherever more fail: the same limit, the same hold, what is as before known."""
    rng = np.random.default_rng(seed)
    sent = np.arange(0, 34, 0.04)
    ok = (sent >= out_s) & (rng.random(len(sent)) >= share)
    worse = ok.copy()
    for at, length in more:
        worse[at : at + length] = False
    at_ns = np.asarray(sent * 1e9, dtype=np.int64)
    seen = [
        recovery_of(
            "reads",
            Requests.of(at_ns, at_ns + 3_000_000, good),
            sent_ns=0,
            undone_ns=None,
            until_ns=34_000_000_000,
            spacing_ms=40,
            usual=Usual(failed=usual),
        )
        for good in (ok, worse)
    ]
    for limit in (5.0, 15.0, 30.0):
        first, second = (outcome_in(one, limit, spacing_s=0.04) for one in seen)
        assert WORSE[second] >= WORSE[first]


@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.001, 0.004, 0.008]),
    st.sampled_from([0.001, 0.005]),
    st.sets(st.integers(0, 1499), max_size=20),
)
@example(332039178, 0.008, 0.001, {0})  # the last five seconds are cut short
@settings(max_examples=100)
def test_failing_more_requests_before_the_fault_makes_no_recovery_pass(
    seed: int, share: float, promised: float, more: set[int]
) -> None:
    """Whatever fails by itself: what does not pass after a minute without a failure passes after none with failures."""
    rng = np.random.default_rng(seed)
    at_ns = np.arange(0, 34_000_000_000, 40_000_000)
    reads = Requests.of(at_ns, at_ns + 3_000_000, (at_ns >= 2_000_000_000) & (rng.random(len(at_ns)) >= share))
    passed = [
        outcome_in(
            recovery_of(
                "reads",
                reads,
                sent_ns=0,
                undone_ns=None,
                until_ns=34_000_000_000,
                spacing_ms=40,
                usual=Promise(failed=promised).usual([quiet]),
            ),
            15.0,
            spacing_s=0.04,
        )
        is PASS
        for quiet in (asked(1500), asked(1500, *more))
    ]
    assert passed[0] or not passed[1]


@pytest.mark.parametrize(
    ("background", "promised"), [(0.001, 0.001), (0.003, 0.0), (0.003, 0.01), (0.01, 0.0), (0.01, 0.02)]
)
def test_a_recovery_of_5_s_does_not_miss_30_s_by_failures_that_come_by_themselves(
    background: float, promised: float
) -> None:
    """One hundred recoveries of each, after a minute in which as many fail; one of 35 s is never one of 30 s.

    Where fewer are promised it fails none of them.
    """
    rng = np.random.default_rng(1)
    for out_s, hold_s, outcome in ((5.0, 31.0, PASS), (35.0, 40.0, FAIL)):
        for _ in range(100):
            sent = np.arange(-60, hold_s, 0.04) + rng.uniform(0, 0.04)
            ok = ((sent < 0) | (sent >= out_s)) & (rng.random(len(sent)) >= background)
            at_ns = np.asarray(sent * 1e9, dtype=np.int64)
            reads = Requests.of(at_ns, at_ns + 3_000_000, ok)
            found = [
                outcome_in(
                    recovery_of(
                        "reads",
                        reads,
                        sent_ns=0,
                        undone_ns=None,
                        until_ns=round(hold_s * 1e9),
                        spacing_ms=40,
                        usual=Promise(failed=least).usual([reads.between(-(10**11), 0)]),
                    ),
                    30.0,
                    spacing_s=0.04,
                )
                for least in (promised, 0.0001)
            ]
            assert found[0] is outcome
            assert found[1] is not FAIL or outcome is FAIL
