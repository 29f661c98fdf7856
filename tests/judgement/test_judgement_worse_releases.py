"""What becomes of a release that is worse: taken back in time by no hand, and not promoted; each boundary at both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.model.planned.rollout import TakenBack
from tests.builders.recorder import ns
from tests.builders.rollout_runs import (
    CANARY,
    COLOURS,
    NEW,
    OLD,
    Row,
    evidence,
    failed,
    history,
    judged,
    outcome,
    rollout_plan,
    rows,
    slow,
    told,
)

TAKEN = "a release with 10 % errors is taken back without a hand within 15 min of its switch"
PROMOTED = "no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted"  # noqa: RUF001
AT_ONCE = rollout_plan(steps=(1.0,), taken_back=TakenBack.BY_PLATFORM)
PLATFORM = rollout_plan(taken_back=TakenBack.BY_PLATFORM)


def one_in(number: int, release: str = NEW) -> Any:
    """Every so many journeys of a release fail in their second request, so of its requests half as many."""

    def spoil(row: Row) -> None:
        if row["release"] == release and row["arrival"] % number == 0 and row["step"] == "2":
            failed(row)

    return spoil


def switched(back: float, by: str = "platform", number: int = 5) -> Any:
    """All users from 15 s on, taken back at a time."""
    made = rows(COLOURS, back=back, spoil=one_in(number))
    return evidence(made, history(COLOURS, back=back, by=by), parts=COLOURS, back=back)


def test_a_release_with_errors_is_taken_back_in_time(subtests: pytest.Subtests) -> None:
    """15 min are 15 s at scale 60, from 15 s on."""
    for back, by, expected in [
        (29.8, "platform", "PASS"),
        (30.05, "platform", "INCONCLUSIVE"),  # between two readings
        (30.2, "platform", "FAIL"),
        (30.1, "harness", "FAIL"),
        (29.9, "harness", "INCONCLUSIVE"),
        (29.9, "unknown", "INCONCLUSIVE"),
        (30.1, "unknown", "FAIL"),
        (20.0, "hand", "INCONCLUSIVE"),
    ]:
        with subtests.test(by, back=back):
            assert outcome(TAKEN, switched(back, by), AT_ONCE) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [(6, "PASS"), (7, "INCONCLUSIVE"), (4, "INCONCLUSIVE"), (10_000, "INCONCLUSIVE")]
)
def test_it_is_the_release_with_a_tenth_that_was_tried(number: int, expected: str) -> None:
    """8.3 % are a tenth, to two points; 7.1 % and 12.5 % are not, and a healthy release proves nothing."""
    assert outcome(TAKEN, switched(25.0, number=number), AT_ONCE) == expected


def test_a_release_that_nobody_was_given_proves_nothing() -> None:
    """It was taken back before its switch."""
    parts = COLOURS[:1]
    run = evidence(rows(parts, back=20.0), history(parts, back=20.0, by="platform"), parts=parts, back=20.0)
    assert outcome(TAKEN, run, AT_ONCE) == "INCONCLUSIVE"


REFUSES = "the rollback starts within 10 s of a release that refuses right sign-ins"


def refusing(release: str = NEW, route: str = "sign-in", one_of: int = 1) -> Any:
    """A release fails so many of a route's requests."""

    def spoil(row: Row) -> None:
        if row["release"] == release and row["name"] == route and row["arrival"] % one_of == 0:
            failed(row, 401)

    return spoil


def refused(back: float, spoil: Any, by: str = "platform") -> str:
    """All users from 15 s on, taken back at a time: what is decided."""
    made = evidence(rows(COLOURS, back=back, spoil=spoil), history(COLOURS, back=back, by=by), parts=COLOURS, back=back)
    return outcome(REFUSES, made, AT_ONCE)


@pytest.mark.parametrize(
    ("back", "by", "expected"),
    [
        (24.8, "platform", "PASS"),
        (25.2, "platform", "FAIL"),
        (25.2, "harness", "FAIL"),
        (24.8, "hand", "INCONCLUSIVE"),
    ],
)
def test_a_release_that_refuses_sign_ins_is_taken_back_in_time(back: float, by: str, expected: str) -> None:
    """10 s from 15 s on: how soon a platform reacts is not scaled."""
    assert refused(back, refusing(), by) == expected


def test_refusals_prove_something_beside_sign_ins_that_were_granted() -> None:
    """Another route, one sign-in of two, and sign-ins that the old release refused as well: a wrong password proves nothing."""

    def both(row: Row) -> None:
        refusing()(row)
        refusing(OLD)(row)

    for spoil in (refusing(route="read-track"), refusing(one_of=2), both, None):
        assert refused(24.8, spoil) == "INCONCLUSIVE"


def canary(spoil: Any, by: str = "platform", *, promoted: bool = False) -> Any:
    """A canary at 50 % of the users from 35 s on, taken back at 45 s; a Rollout that is Healthy at all users was promoted."""
    parts = CANARY[:4]
    said = history(parts, back=45.0, by=by)
    if promoted:
        done = {"rollout": "canary", "phase": "Healthy", "share": 1.0, "since_ns": 0}
        said.append(told("rollout.status", "Rollout us-east-1/track-service", 44.0, **done))
    return evidence(rows(parts, back=45.0, spoil=spoil), said, parts=parts, back=45.0)


def slower(ms: float) -> Any:
    """The new release answers in so many ms, the old one in 20."""

    def spoil(row: Row) -> None:
        if row["release"] == NEW:
            slow(row, ms)

    return spoil


@pytest.mark.parametrize(("ms", "worse"), [(24.1, True), (24.0, False)])
def test_a_release_is_slower_above_the_factor(ms: float, worse: bool) -> None:  # noqa: FBT001
    """1.2 times 20 ms are 24: at it a release is not worse."""
    found = judged(PROMOTED, canary(slower(ms)), PLATFORM)[0]
    assert (found.outcome.value, f"the p95 of the candidate was {ms:g} ms" in found.because.text) == (
        "PASS" if worse else "INCONCLUSIVE",
        worse,
    )


@pytest.mark.parametrize(("spoil", "criterion"), [(slower(30.0), "errors"), (one_in(20), "p95")])
def test_a_worse_release_is_not_promoted(spoil: Any, criterion: str) -> None:
    """One that is slower, or fails 2.5 % more; the criterion that no release of the row was beyond is not decided."""
    own, other = judged(PROMOTED, canary(spoil), PLATFORM)
    assert (own.outcome.value, other.outcome.value, other.scope["criterion"]) == ("PASS", "INCONCLUSIVE", criterion)
    own, _ = judged(PROMOTED, canary(spoil, "hand", promoted=True), PLATFORM)
    assert own.outcome.value == "FAIL", own.because.text
    own, _ = judged(PROMOTED, canary(spoil, "harness"), PLATFORM)
    assert own.outcome.value == "INCONCLUSIVE"


def test_a_promotion_of_a_sound_release_is_no_fault() -> None:
    """Nothing was tried."""
    found = judged(PROMOTED, canary(None, "hand", promoted=True), PLATFORM)
    assert {one.outcome.value for one in found} == {"INCONCLUSIVE"}


def test_without_answers_of_both_releases_nothing_is_compared() -> None:
    """The old one's are missing."""
    run = canary(slower(30.0))
    windows = {
        name: replace(window, samples=window.samples.where(~window.samples.words["release"].equals(OLD)))
        for name, window in run.windows.items()
    }
    found = judged(PROMOTED, replace(run, windows=windows), PLATFORM)
    assert {one.outcome.value for one in found} == {"INCONCLUSIVE"}


def test_a_switch_that_was_read_late_is_known_by_the_old_releases_last_answer() -> None:
    """The objects were not read from 10 s to 15 s; a request sent at 14.9 s was still answered by the old release."""
    said = [
        replace(o, fields={**o.fields, "since_ns": ns(10.0)}) if o.kind in ("rollout.step", "rollout.status") else o
        for o in history(COLOURS, back=28.0, by="platform")
    ]
    run = evidence(rows(COLOURS, back=28.0, spoil=one_in(5)), said, parts=COLOURS, back=28.0)
    (found,) = judged(TAKEN, run, AT_ONCE)
    assert (found.outcome.value, round(found.high or 0.0, 1)) == ("PASS", 13.0), found.because.text
