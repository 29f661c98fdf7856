"""What took a release back: sentences that say `by no hand`, `without a hand` or `promoted` pass for their own trigger alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.model import Evidence, Measure, Observation, Quantity
from harness.model.planned.rollout import Strategy, TakenBack
from harness.model.planned.trigger import Signal, Trigger
from tests.builders.recorder import ns
from tests.builders.rollout_runs import (
    BARE,
    CANARY,
    COLOURS,
    NEW,
    OBJECTS,
    Row,
    aborted,
    analysed,
    evidence,
    failed,
    history,
    judged,
    rank,
    rollout_plan,
    rows,
    slow,
    told,
)

BY_ITSELF = "every request is served by the old release within 5 min of the trigger, by no hand"
TAKEN = "a release with 10 % errors is taken back without a hand within 15 min of its switch"
PROMOTED = "no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted"  # noqa: RUF001
SWITCHED = "100 % of the answers are served by the new release within 10 s of the switch"
NO_METRIC = (
    "Not decided: no metric of an analysis failed, so a progress deadline or a person may have caused the rollback"
)
ERRORS = Trigger(
    name="errors",
    signal=Signal.ERROR_RATE,
    above=Quantity.parse("5 %"),
    window=Quantity.parse("3 min", scaled=True),
)
LATENCY = Trigger(
    name="latency",
    signal=Signal.RESPONSE_TIME,
    above=Quantity.parse("2000 ms"),
    window=Quantity.parse("5 min", scaled=True),
)
WATCHED = rollout_plan(taken_back=TakenBack.BY_PLATFORM, triggers=(ERRORS, LATENCY))
AT_ONCE = replace(WATCHED, steps=(1.0,))
BLUE_GREEN = rollout_plan(strategy=Strategy.BLUE_GREEN, steps=(1.0,), dwell=None, dwell_scale=0.0)
BACK_AT = 28.9
"""At 25 % from 25 s on, with a window of 3 s: the condition may have been there from 27.3 s on, as few answers came before the step."""


def _failing(row: Row) -> None:
    if row["release"] == NEW and row["at"] >= 25.0:
        failed(row)


def _one_in_ten(row: Row) -> None:
    if row["release"] == NEW and row["arrival"] % 5 == 0 and row["step"] == "2":
        failed(row)


def _slower(row: Row) -> None:
    if row["release"] == NEW:
        slow(row, 30.0)


def _canary(back: float = BACK_AT, spoil: Any = _failing, by: str = "platform") -> Evidence:
    """All of the candidate's answers fail from the 25 % step on."""
    parts = CANARY[:3]
    return evidence(rows(parts, back=back, spoil=spoil), history(parts, back=back, by=by), parts=parts, back=back)


def _by_itself(run: Evidence, limit: str = "5 min") -> tuple[Measure, Measure]:
    """From the way back, and from the trigger."""
    first, second = judged(BY_ITSELF.replace("5 min", limit), run, WATCHED)
    assert (first.scope.get("switch"), second.scope.get("of")) == ("way back", "its trigger")
    return first, second


def _causes(back: float) -> list[tuple[str, list[Observation], str, str]]:
    """Text of the abort, analyses beside it, outcome, and what the reason says."""
    fails = 'Metric "errors" assessed Failed due to failed (1) > failureLimit (0)'
    away = 'Metric "errors" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4)'
    return [
        (f"{BARE}: {fails}", [], "PASS", ""),
        (BARE, [analysed(back, "errors")], "PASS", ""),
        (BARE, [analysed(back, "slo-of-the-platform")], "PASS", ""),
        (BARE, [], "INCONCLUSIVE", NO_METRIC),
        (
            f"{BARE}: {away}",
            [],
            "INCONCLUSIVE",
            "Not decided: the rollback was caused by an error of the analysis of errors",
        ),
        (
            BARE,
            [analysed(back, "errors", "Error")],
            "INCONCLUSIVE",
            "Not decided: the rollback was caused by an error of the analysis of errors",
        ),
        (
            BARE,
            [analysed(back, "slo", "Error")],
            "INCONCLUSIVE",
            "Not decided: the rollback was caused by an error of the analysis of slo",
        ),
    ]


_IDS = ["text", "analysis", "unknown name", "deadline or person", "away by text", "away", "unknown name away"]


@pytest.mark.parametrize(("why", "runs", "expected", "text"), _causes(BACK_AT), ids=_IDS)
def test_by_no_hand_is_for_a_trigger(why: str, runs: list[Observation], expected: str, text: str) -> None:
    """A person's abort, a deadline's, and one as Prometheus was away are no trigger, although the condition was there."""
    first, second = _by_itself(aborted(_canary(), BACK_AT, *runs, why=why))
    assert (first.outcome.value, second.outcome.value) == ("PASS", expected), second.because.text
    assert text in second.because.text


def test_without_its_condition_nothing_was_triggered() -> None:
    """A healthy candidate that was aborted, and one whose condition had been there for 2 of 3 s."""
    for run in (_canary(spoil=None), _canary(27.0)):
        _, second = _by_itself(run)
        assert (second.outcome.value, second.high) == ("INCONCLUSIVE", None)
        assert "the condition of its rollback trigger was never met for its complete window" in second.because.text


def test_the_time_begins_with_the_trigger() -> None:
    """The way back was quick, and began 12 s after the condition; a platform reacts in seconds that are not scaled."""
    in_time, late = _by_itself(_canary(), "10 s")[1], _by_itself(_canary(40.0), "10 s")[1]
    assert (in_time.outcome.value, late.outcome.value) == ("PASS", "FAIL")
    assert in_time.high == pytest.approx(1.6, abs=0.1)
    assert late.high == pytest.approx(12.7, abs=0.1)
    assert (late.scaled_limit, late.times[0].words) == (10.0, "limit not scaled: 10 s")


def test_the_candidates_last_answer_ends_the_time() -> None:
    """A tenth of the users met it for 6 s after the way back: within 5 min of the trigger, and over 5 s after the way back."""

    def spoil(row: Row) -> None:
        if BACK_AT <= row["at"] < BACK_AT + 6 and rank(row["user"]) < 0.1:
            row["release"] = NEW
        _failing(row)

    first, second = _by_itself(_canary(spoil=spoil))
    assert (first.outcome.value, second.outcome.value) == ("FAIL", "PASS")
    assert second.high == pytest.approx(7.36, abs=0.1)


@pytest.mark.parametrize(
    ("back", "spoil", "expected", "text"),
    [
        (50.0, _failing, "FAIL", "taken back by the harness"),
        (29.0, _failing, "INCONCLUSIVE", "of its rollback trigger had been met for 1.7 s"),
        (50.0, None, "INCONCLUSIVE", "the condition of its rollback trigger was never met"),
    ],
)
def test_a_platform_that_does_nothing_is_red_where_it_had_to(back: float, spoil: Any, expected: str, text: str) -> None:
    """The condition was there for as long as the limit, 5 s at scale 60, until the harness ended it."""
    (measure,) = judged(BY_ITSELF, _canary(back, spoil, by="harness"), WATCHED)
    assert (measure.outcome.value, text in measure.because.text) == (expected, True), measure.because.text


@pytest.mark.parametrize(("why", "runs", "expected", "text"), _causes(29.8), ids=_IDS)
def test_without_a_hand_is_for_the_errors(why: str, runs: list[Observation], expected: str, text: str) -> None:
    """A tenth of the answers failed from 15 s on; what came too late stays red."""
    for back, outcome in ((29.8, expected), (40.0, "FAIL")):
        said = history(COLOURS, back=back, by="platform")
        run = evidence(rows(COLOURS, back=back, spoil=_one_in_ten), said, parts=COLOURS, back=back)
        (measure,) = judged(TAKEN, aborted(run, back, *runs, why=why), AT_ONCE)
        assert measure.outcome.value == outcome, measure.because.text
        assert outcome == "FAIL" or text in measure.because.text


def test_a_release_with_errors_that_another_trigger_took_back_is_not_decided() -> None:
    """For slow answers."""
    said = history(COLOURS, back=29.8, by="platform")
    run = evidence(rows(COLOURS, back=29.8, spoil=_one_in_ten), said, parts=COLOURS, back=29.8)
    (measure,) = judged(TAKEN, aborted(run, 29.8, analysed(29.8, "latency")), AT_ONCE)
    assert (measure.outcome.value, "Not decided: the rollback was caused by latency" in measure.because.text) == (
        "INCONCLUSIVE",
        True,
    )


@pytest.mark.parametrize(("why", "runs", "expected", "text"), _causes(45.0), ids=_IDS)
def test_what_was_not_promoted_for_another_cause_proves_no_criterion(
    why: str, runs: list[Observation], expected: str, text: str
) -> None:
    """A release that fails 10 % at the 50 % step."""
    parts = CANARY[:4]
    said = history(parts, back=45.0, by="platform")
    run = evidence(rows(parts, back=45.0, spoil=_one_in_ten), said, parts=parts, back=45.0)
    own, _ = judged(PROMOTED, aborted(run, 45.0, *runs, why=why), WATCHED)
    assert (own.outcome.value, text in own.because.text) == (expected, True), own.because.text


@pytest.mark.parametrize(("metric", "expected"), [("latency", "PASS"), ("errors", "INCONCLUSIVE")])
def test_a_criterion_is_its_own_signal(metric: str, expected: str) -> None:
    """A release that is slower, and fails nothing."""
    parts = CANARY[:4]
    said = history(parts, back=45.0, by="platform")
    run = evidence(rows(parts, back=45.0, spoil=_slower), said, parts=parts, back=45.0)
    own, _ = judged(PROMOTED, aborted(run, 45.0, analysed(45.0, metric)), WATCHED)
    assert own.outcome.value == expected, own.because.text


@pytest.mark.parametrize(
    ("why", "runs", "expected"),
    [
        ('ReplicaSet "cart-5d" has timed out progressing.', [], "FAIL"),
        ('Metric "errors" assessed Failed due to failed (1) > failureLimit (0)', [], "FAIL"),
        ('Metric "errors" assessed Error due to consecutiveErrors (5)', [], "INCONCLUSIVE"),
        ("", [analysed(25.0, "slo", "Error")], "INCONCLUSIVE"),
        ("", [analysed(25.0, "slo", "Error"), analysed(25.0, "errors", subject=OBJECTS[0])], "FAIL"),
    ],
    ids=["late pods", "a bad release", "away by text", "away", "bad, and away"],
)
def test_what_could_not_be_measured_convicts_no_candidate(why: str, runs: list[Observation], expected: str) -> None:
    """It was taken back before its switch, as Prometheus was away; pods that were late, and a metric that failed, are its own."""
    parts = COLOURS[:1]
    begun = told(
        "rollout.status", OBJECTS[0], 11.0, rollout="canary", phase="Progressing", share=0.0, since_ns=ns(10.9)
    )
    said = [begun, *history(parts, back=25.0, by="platform")]
    run = evidence(rows(parts, back=25.0), said, parts=parts, back=25.0)
    (measure,) = judged(SWITCHED, aborted(run, 25.0, *runs, why=f"{BARE}: {why}"), BLUE_GREEN)
    assert measure.outcome.value == expected, measure.because.text
