"""The number of active users that Prometheus has, held against those whom the traffic signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from judgement_builders import evidence, measures, ns, objective, observation, plan, table, with_words

from harness.judgement import judge
from harness.model import SIGN_INS, ClockStep, Evidence, Figure, Measure, Observation, Op, Outcome, Table

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
WITHIN_S = 10.0
SENTENCE = objective(Figure.ACTIVE_USERS, Op.AT_MOST, "5 %")
"""Of users who are active for 10 s; the fault-free window is from 0 to 60 s."""
Says = Callable[[float], float | None]

COMES_S = np.arange(0, 60, 0.1)
WHO = np.arange(len(COMES_S)) * 7 % 80
"""Ten sign-ins a second; of 80 users each comes back after 8 s."""


@cache
def signed_in() -> Table:
    """All of them by one worker, each acknowledged at once."""
    at = np.array([ns(s) for s in COMES_S])
    return table(SIGN_INS, len(at), id=WHO, by=0, made_ns=at, accepted_ns=at, outcome="accepted")


def active(at: float, *, users: int = 80, within_s: float = WITHIN_S) -> float:
    """How many had signed in within that time."""
    return float(len(set(WHO[(at - within_s < COMES_S) & (at >= COMES_S)] % users)))


def reads(says: Says, *, every_s: float = 1.0, until: float = 60.0, why: str = "") -> tuple[Observation, ...]:
    """Prometheus asked from 0.5 s on."""
    return tuple(
        observation(
            "users.read",
            "",
            at,
            "active-users",
            traffic="everyday",
            at_ns=ns(at),
            query="max(active_users)",
            within_s=WITHIN_S,
            users=None if why else says(at),
            why=why,
        )
        for at in np.arange(0.5, until, every_s).tolist()
    )


def judged(*read: Observation, rows: Table | None = None, steps: tuple[ClockStep, ...] = ()) -> Measure:
    """The one measure of the sentence."""
    (found,) = measures(judge(plan({"R": SENTENCE}), run(*read, rows=rows, steps=steps)))
    return found


def run(*read: Observation, rows: Table | None = None, steps: tuple[ClockStep, ...] = ()) -> Evidence:
    """The healthy run with these readings, whose sign-ins are these."""
    rows = signed_in() if rows is None else rows
    base = asked(evidence(), rows)
    recorded = {**base.recorded, SIGN_INS.name: rows}
    return replace(base, recorded=recorded, observations=(*base.observations, *read), clock_steps=steps)


def asked(base: Evidence, rows: Table) -> Evidence:
    """The run in which the requests to sign in are those of these rows, and no others."""
    window = base.windows["everyday/fault-free"]
    samples = with_words(window.samples, window.samples.words["name"].equals("sign-in"), name="read-track")
    there = np.isin(samples.ints["intended_ns"], rows.ints["made_ns"])
    times = {"sent_ns": rows.ints["made_ns"], "done_ns": rows.ints["accepted_ns"]}
    ints = {name: column.copy() for name, column in samples.ints.items()}
    for name, column in times.items():
        ints[name][there] = column
    samples = with_words(replace(samples, ints=ints), there, name="sign-in")
    refused = there.copy()
    refused[there] = ~rows.words["outcome"].equals("accepted")
    own = replace(window, samples=with_words(samples, refused, error="status 401"))
    rest = {
        name: replace(w, samples=with_words(w.samples, w.samples.words["name"].equals("sign-in"), name="read-track"))
        for name, w in base.windows.items()
    }
    return replace(base, windows={**rest, own.name: own})


def test_a_sign_in_that_says_otherwise_than_its_request_decides_nothing() -> None:
    """Sign-ins that were answered are made unknown, or a tenth of them is gone."""
    rows = signed_in()
    given = run(*reads(active))
    lost, every_tenth = np.arange(len(rows)) % 3 == 0, np.arange(len(rows)) % 10 == 0
    for other, why in (
        (
            with_words(rows, lost, outcome="unknown"),
            "200 of 600 sign-ins differ from their request in outcome or time",
        ),
        (rows.where(~every_tenth), "60 of 600 acknowledged requests of sign-in are missing in the sign-ins"),
    ):
        (found,) = measures(
            judge(plan({"R": SENTENCE}), replace(given, recorded={**given.recorded, SIGN_INS.name: other}))
        )
        assert (found.outcome, why in found.reason) == (INCONCLUSIVE, True)


def test_what_is_true_or_a_little_old_passes() -> None:
    """As it is, and as it was 0.8 s before; with the numbers in the reason."""
    found = judged(*reads(active))
    assert (found.outcome, found.value, found.n) == (PASS, 0.0, 49)
    assert found.reason == (
        "Prometheus reports 80 active users (mean of 49 readings), and the traffic signed in 80 within 10 s (counted 0 s before each reading); "
        "the mean difference is 0 %, expected at most 5 %"
    )
    assert judged(*reads(lambda at: active(at - 0.8))).outcome is PASS


FEWER = np.where(COMES_S < 30, WHO, WHO % 40)
"""From 30 s on only 40 of the users come."""


@pytest.mark.parametrize(
    ("says", "off"),
    [
        pytest.param(lambda _: 41.0, 0.4875, id="one pod"),
        pytest.param(lambda _: 76.5, 0.04375, id="within the tolerance"),
        pytest.param(lambda _: 75.5, 0.05625, id="beyond it"),
        pytest.param(lambda _: 160.0, 1.0, id="every user twice"),
        pytest.param(lambda _: None, 1.0, id="not exposed"),
        pytest.param(lambda at: 160.0 if int(at) % 2 else 0.0, 1.0, id="right on average alone"),
    ],
)
def test_each_reading_counts_by_its_distance(says: Says, off: float) -> None:
    """The mean distance decides; no number at all is 0 users."""
    found = judged(*reads(says))
    assert found.value == pytest.approx(off, abs=0.01)
    assert found.outcome is (PASS if off < 0.05 else FAIL)


def test_a_number_that_is_never_counted_down_fails() -> None:
    """From 30 s on half of the users stay away: their number halves within 10 s."""
    at = np.array([ns(s) for s in COMES_S])
    rows = table(SIGN_INS, len(at), id=FEWER, by=0, made_ns=at, accepted_ns=at, outcome="accepted")

    def true(moment: float) -> float:
        return float(len(set(FEWER[(moment - WITHIN_S < COMES_S) & (moment >= COMES_S)].tolist())))

    assert judged(*reads(true), rows=rows).outcome is PASS
    found = judged(*reads(lambda _: 80.0), rows=rows)
    assert (found.outcome, found.value is not None and found.value > 0.2) == (FAIL, True)


def test_sign_ins_whose_outcome_is_unknown_leave_it_open() -> None:
    """Every fifth user never got an answer: 64 or 80 users, and 80 were counted. Refused ones are no users."""
    rows = signed_in()
    lost = WHO % 5 == 0

    def with_outcome(word: str) -> Table:
        outcome = [word if one else "accepted" for one in lost]
        times = {name: rows.ints[name] for name in ("id", "by", "made_ns", "accepted_ns")}
        return table(SIGN_INS, len(lost), **times, outcome=outcome)

    found = judged(*reads(active), rows=with_outcome("unknown"))
    assert (found.outcome, "the outcome of 120 sign-ins is unknown" in found.reason) == (INCONCLUSIVE, True)
    assert judged(*reads(lambda _: 64.0), rows=with_outcome("refused")).outcome is PASS
    assert judged(*reads(lambda _: 100.0), rows=with_outcome("unknown")).outcome is FAIL


@pytest.mark.parametrize(
    ("read", "why"),
    [
        ((), "Prometheus was not queried for the number of active users"),
        (reads(active, why="no answer"), "no answer"),
        (reads(active, until=15.0), "cover only 3 s, expected at least the 10 s for which a user counts as active"),
        (reads(active, every_s=5.0), "Prometheus reported no number of active users for 5 s"),
        (
            (*reads(active, until=30.0), *reads(active, why="away")[35:]),
            "Prometheus reported no number of active users for 30.5 s: away",
        ),
    ],
)
def test_too_few_readings_decide_nothing(read: tuple[Observation, ...], why: str) -> None:
    """None, none with an answer, a short stretch, and one with gaps."""
    found = judged(*read)
    assert (found.outcome, why in found.reason) == (INCONCLUSIVE, True), found.reason


def test_without_a_record_of_who_signed_in_nothing_is_decided() -> None:
    """The journeys do not account for it, or there are too few users for the tolerance."""
    found = judged(*reads(active), rows=Table.empty(SIGN_INS))
    assert (found.outcome, "recorded no sign-in of a user" in found.reason) == (INCONCLUSIVE, True)
    assert "journey.signed_in" in found.because.hint
    rows = signed_in()
    few = table(
        SIGN_INS,
        len(WHO),
        id=WHO % 10,
        by=0,
        made_ns=rows.ints["made_ns"],
        accepted_ns=rows.ints["made_ns"],
        outcome="accepted",
    )
    found = judged(*reads(lambda _: 10.0), rows=few)
    assert (found.outcome, "10 users were active on average, too few" in found.reason) == (INCONCLUSIVE, True)


def test_users_who_were_active_while_the_machine_slept_cannot_be_counted() -> None:
    """The platform counted the 40 s, the clock of the traffic did not."""
    slept = ClockStep(from_ns=ns(30), until_ns=ns(31), ahead_s=40.0, slept=True)
    assert judged(*reads(active), steps=(slept,)).outcome is INCONCLUSIVE
