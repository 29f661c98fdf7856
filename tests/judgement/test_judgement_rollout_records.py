"""Records of rollouts that were cut, edited or put together from others: none of them passes a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from harness.model import Evidence, Observation
from harness.model.planned.rollout import Strategy, TakenBack
from tests.builders.recorder import ns
from tests.builders.rollout_runs import (
    CANARY,
    COLOURS,
    NEW,
    OBJECTS,
    Row,
    evidence,
    history,
    judged,
    outcome,
    rank,
    rollout_plan,
    rows,
    slow,
    told,
)

ORDER = "the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order"
DWELL = "every step lasted at least 2 h"
VERDICT = "every step has a recorded verdict before the next one began"
STICKY = "no user met both releases within a step and none went back when the share grew"
BY_HAND = "100 % of the answers are served by the previous release within 10 s of a rollback by hand"
COMMAND = "every request is served by the old release within 5 min of the one documented command, under traffic"
SWITCHED = "100 % of the answers are served by the new release within 10 s of the switch"
COLOUR = "100 % of new connections are served by the other colour within 5 s of each switch, there and back"
PROMOTED = "no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted"  # noqa: RUF001
PLACES = ("us-east-1", "eu-west-1")
EVERYWHERE = rollout_plan(namespaces=PLACES)
BLUE_GREEN = rollout_plan(strategy=Strategy.BLUE_GREEN, steps=(1.0,), dwell=None, dwell_scale=0.0)
PLATFORM = rollout_plan(taken_back=TakenBack.BY_PLATFORM)
Edit = Callable[[Observation], Iterable[Observation]]


def changed(kind: str, **fields: Any) -> Edit:
    """Every observation of a kind says something else."""

    def edit(one: Observation) -> Iterable[Observation]:
        yield replace(one, fields={**one.fields, **fields}) if one.kind == kind else one

    return edit


def twice(one: Observation) -> Iterable[Observation]:
    """Every line once more, as of two rollouts in one record."""
    yield from (one, one)


def twice_of(kind: str) -> Edit:
    """Every line of a kind once more."""
    return lambda one: (one, one) if one.kind == kind else (one,)


def without_a_region(one: Observation) -> Iterable[Observation]:
    """The start names one object of two, and nothing is said of the other."""
    if OBJECTS[1] not in (one.subject, one.fields.get("object")):
        yield from changed("rollout.started", objects=list(OBJECTS[:1]))(one)


def edited(edit: Edit, lines: Iterable[Observation] | None = None) -> list[Observation]:
    """A sound record, or these lines, with an edit."""
    return [new for one in (history() if lines is None else lines) for new in edit(one)]


def restarted() -> list[Observation]:
    """Taken back by the platform at 20 s; then the steps from 25 s on."""
    later = [one for one in history() if one.kind == "rollout.step" and one.mono_ns >= ns(25)]
    return sorted([*history(back=20.0, by="platform"), *later], key=lambda one: one.mono_ns)


def aborted_before() -> list[Observation]:
    """An object that its controller had aborted 7 s before the command for the way back."""
    said = {"rollout": "canary", "phase": "Degraded", "share": 0.0, "aborted": True, "since_ns": ns(49.9)}
    return sorted([*history(), told("rollout.status", OBJECTS[0], 50.0, **said)], key=lambda one: one.mono_ns)


def test_a_record_that_contradicts_itself_or_the_plan_decides_nothing(subtests: pytest.Subtests) -> None:
    """Neither of its steps nor of its way back."""
    for name, lines, why in [
        ("twice", edited(twice), "the rollout began 2 times"),
        (
            "candidate",
            edited(changed("rollout.started", candidate="1.1.0-other")),
            "the rollout went to 1.1.0-other, expected 1.1.0",
        ),
        ("stable", edited(changed("rollout.started", stable="0.9")), "the rollout went from 0.9, expected 1.0.0"),
        ("ended", edited(changed("rollout.ended", release=NEW)), "the rollout went back to 1.1.0, expected 1.0.0"),
        ("one region", edited(without_a_region), "no record shows whether Rollout eu-west-1/track-service was changed"),
        ("restarted", restarted(), "the rollback was recorded before the 100 % step"),
        (
            "step first",
            edited(changed("rollout.started", at_ns=ns(16))),
            "the 5 % step was recorded before the beginning",
        ),
        ("end first", edited(changed("rollout.ended", at_ns=ns(50))), "the end was recorded before the rollback"),
        ("steps", edited(twice_of("rollout.step")), "the rollout reached the 5 % step after the 5 % step"),
        (
            "back",
            edited(changed("rollout.back", since_ns=ns(70))),
            "the record of a change of canary has an end before its beginning",
        ),
        (
            "status",
            edited(changed("rollout.status", since_ns=ns(70))),
            "the record of a change of Rollout us-east-1/track-service has an end before its beginning",
        ),
        (
            "aborted",
            aborted_before(),
            "the record names a rollback by hand, but Rollout us-east-1/track-service had been aborted before",
        ),
    ]:
        with subtests.test(name):
            for sentence in (ORDER, DWELL, VERDICT, BY_HAND, COMMAND):
                (measure,) = judged(sentence, evidence(told_=lines), EVERYWHERE)
                assert measure.outcome.value == "INCONCLUSIVE", measure.because.text
                assert measure.because.text.endswith(why)


@pytest.mark.parametrize("part", ["start", "step-5", "step-25", "step-50", "step-100", "back"])
def test_a_time_of_which_no_traffic_was_recorded_is_not_left_out(part: str) -> None:
    """A user may have met the other release in it, and a request may have failed."""
    run = evidence()
    assert (outcome(STICKY, run), outcome(COMMAND, run)) == ("PASS", "PASS")
    cut = replace(run, windows={name: one for name, one in run.windows.items() if name != f"rollout:canary/{part}"})
    assert (outcome(STICKY, cut), outcome(COMMAND, cut)) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert "the traffic census" in judged(STICKY, cut)[0].because.text


def test_a_region_that_runs_the_candidate_already_was_left_as_it_was() -> None:
    """It is recorded as unchanged, and counts for no step."""
    unchanged = changed("rollout.started", objects=list(OBJECTS[:1]), unchanged=list(OBJECTS[1:]))
    lines = edited(unchanged, edited(without_a_region))
    assert outcome(ORDER, evidence(told_=lines), EVERYWHERE) == "PASS"


def _colours(spoil: Callable[[Row], None]) -> Evidence:
    return evidence(rows(COLOURS, back=45.0, spoil=spoil), history(COLOURS, back=45.0), parts=COLOURS, back=45.0)


def _some(since: float, until: float, share: float = 1.0, **fields: Any) -> Callable[[Row], None]:
    def spoil(row: Row) -> None:
        if since <= row["at"] < until and rank(row["user"]) < share:
            row.update(fields)

    return spoil


@pytest.mark.parametrize("release", ["1.0.9", "1.1", "1.1.0-rc1"])
def test_a_third_release_is_none_of_the_one_that_took_over(release: str) -> None:
    """Neither after the switch nor after the way back, whatever its name begins with."""
    after_switch = _colours(_some(16, 45, release=release))
    assert outcome(SWITCHED, after_switch, BLUE_GREEN) == "FAIL"
    assert outcome(COLOUR, after_switch, BLUE_GREEN) == "FAIL PASS"
    after_back = _colours(_some(46, 80, 0.01, release=release))
    assert (outcome(BY_HAND, after_back, BLUE_GREEN), outcome(COMMAND, after_back, BLUE_GREEN)) == ("FAIL", "FAIL")
    assert f"were of release {release}, " in judged(BY_HAND, after_back, BLUE_GREEN)[0].because.text


def test_a_third_release_within_the_limit_is_as_the_one_that_is_left() -> None:
    """Up to 4 s after the way back, of 5 and 10 s."""
    run = _colours(_some(46, 49, release="1.0.9"))
    assert (outcome(BY_HAND, run, BLUE_GREEN), outcome(COMMAND, run, BLUE_GREEN)) == ("PASS", "PASS")


@pytest.mark.parametrize(
    ("fields", "answers", "requests"),
    [
        ({"release": None}, "INCONCLUSIVE", "INCONCLUSIVE"),
        ({"release": None, "status": 503, "error": "status 503"}, "INCONCLUSIVE", "INCONCLUSIVE"),
        ({"release": None, "status": 0, "error": "reset"}, "PASS", "INCONCLUSIVE"),
    ],
    ids=["without a release", "of a gateway", "none"],
)
def test_who_gave_an_answer_without_a_release_is_unknown(fields: dict[str, Any], answers: str, requests: str) -> None:
    """After the limit one is enough; a request without an answer is none of the answers, and was not served."""
    for since, until, expected in ((46.0, 49.0, ("PASS", "PASS")), (56.0, 80.0, (answers, requests))):
        run = _colours(_some(since, until, 0.01, **fields))
        assert (outcome(BY_HAND, run, BLUE_GREEN), outcome(COMMAND, run, BLUE_GREEN)) == expected


def test_a_release_that_gave_no_answer_was_not_taken_back() -> None:
    """Whoever served the users meanwhile: the candidate is not among them."""
    other = _colours(_some(15, 45, release="1.0.9"))
    (measure,) = judged(COMMAND, other, BLUE_GREEN)
    assert measure.outcome.value == "INCONCLUSIVE"
    assert "Not decided: 1.1.0 had not answered any request before the rollback" in measure.because.text


def test_a_release_that_falls_silent_after_its_switch_did_not_take_over() -> None:
    """A hundred answers in the first second, and none from then on."""
    (measure,) = judged(SWITCHED, _colours(_some(16, 45, release=None, status=0, error="reset")), BLUE_GREEN)
    assert measure.outcome.value == "INCONCLUSIVE"
    assert (
        "Not decided: 1.1.0 answered no request sent more than 10 s after the change of release" in measure.because.text
    )


def _worse(*lines: Observation) -> Evidence:
    def spoil(row: Row) -> None:
        if row["release"] == NEW:
            slow(row, 30.0)

    parts = CANARY[:4]
    said = [*history(parts, back=45.0, by="platform"), *lines]
    said += [told("rollout.status", OBJECTS[0], 40.0, **_status(share=0.5, current="new", phase="Paused"))]
    return evidence(rows(parts, back=45.0, spoil=spoil), said, parts=parts, back=45.0)


def _status(**fields: Any) -> dict[str, Any]:
    return {"rollout": "canary", "since_ns": ns(39.9), **fields}


@pytest.mark.parametrize(
    ("current", "share", "expected"), [("new", 1.0, "FAIL"), ("old", 1.0, "PASS"), ("new", 0.5, "PASS")]
)
def test_a_release_that_is_promoted_after_it_was_taken_back_is_promoted(
    current: str, share: float, expected: str
) -> None:
    """By whoever retries it; at rest on the old one again it is not."""
    again = told("rollout.status", OBJECTS[0], 60.0, **_status(share=share, current=current, phase="Healthy"))
    measure = judged(PROMOTED, _worse(again), PLATFORM)[0]
    assert measure.outcome.value == expected
    assert ("promoted after it was taken back" in measure.because.text) is (expected == "FAIL")


def test_a_release_that_was_not_seen_to_be_gone_may_have_been_promoted() -> None:
    """The rollout was not seen to end on the old one."""
    run = _worse()
    lines = edited(changed("rollout.ended", ok=False, release="", why="it is Degraded"), run.observations)
    assert judged(PROMOTED, run, PLATFORM)[0].outcome.value == "PASS"
    assert judged(PROMOTED, replace(run, observations=tuple(lines)), PLATFORM)[0].outcome.value == "INCONCLUSIVE"


@pytest.mark.parametrize("phase", ["Failed", "Error", "Inconclusive"])
def test_an_analysis_with_a_metric_that_did_not_pass_is_no_verdict(phase: str) -> None:
    """Whatever it says of itself; a dry run decides nothing."""
    metric = {"name": "p95", "phase": phase, "values": ["[0.3]"]}
    sound = {"name": "errors", "phase": "Successful", "values": ["[0.0]"]}
    assert outcome(VERDICT, evidence(told_=history(metrics=[metric, sound]))) == "FAIL"
    assert outcome(VERDICT, evidence(told_=history(metrics=[{**metric, "dry_run": True}, sound]))) == "PASS"


@pytest.mark.parametrize("phase", ["Failed", "Error", "Inconclusive"])
def test_a_step_with_an_analysis_that_did_not_pass_beside_one_that_did_has_no_verdict(phase: str) -> None:
    """Two analyses of one step: who goes on has not waited for both."""

    def beside(one: Observation) -> Iterable[Observation]:
        yield one
        if one.kind == "rollout.analysis":
            said = phase if one.fields["phase"] == "Successful" else one.fields["phase"]
            yield replace(one, subject=f"{one.subject}-beside", fields={**one.fields, "phase": said})

    assert outcome(VERDICT, evidence(told_=edited(beside))) == "FAIL"


def test_who_was_answered_by_the_old_release_is_told_by_name() -> None:
    """The candidate's answers after the way back are still the candidate's."""
    run = _colours(_some(46, 52, 0.1, release=NEW))
    assert outcome(COMMAND, run, BLUE_GREEN) == "FAIL"
    assert judged(COMMAND, run, BLUE_GREEN)[0].because.text.startswith(
        f"60 of 2599 answers after the rollback were of release {NEW}, "
    )
