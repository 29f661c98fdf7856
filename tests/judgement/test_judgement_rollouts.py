"""Rollouts: what a healthy one passes, and which sentence each defect turns red."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.figures import spec_of
from harness.model import Figure, Phase, Quantity
from harness.model.planned.rollout import Strategy, TakenBack
from harness.model.planned.trigger import Signal, Trigger
from tests.builders.recorder import ns
from tests.builders.rollout_runs import (
    BACK,
    BARE,
    CANARY,
    COLOURS,
    NEW,
    OBJECTS,
    OLD,
    Row,
    Spoil,
    aborted,
    analysed,
    because,
    evidence,
    failed,
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
AT_5 = "the share of users on the new release is 5 % ± 3 points at the 5 % step"
AT_25 = "the share of users on the new release is 25 % ± 5 points at the 25 % step"
AT_50 = "the share of users on the new release is 50 % ± 5 points at the 50 % step"
AT_100 = "the share of users on the new release is 100 % at the 100 % step"
HIT = "the share of users who met an error of a bad release is at most 8 % at the 5 % step"
BY_HAND = "100 % of the answers are served by the previous release within 10 s of a rollback by hand"
COMMAND = "every request is served by the old release within 5 min of the one documented command, under traffic"
BY_ITSELF = "every request is served by the old release within 5 min of the trigger, by no hand"
SWITCHED = "100 % of the answers are served by the new release within 10 s of the switch"
COLOUR = "100 % of new connections are served by the other colour within 5 s of each switch, there and back"
NO_FAILURE = "no request fails within 10 s of the switch and the switch back"
NO_502 = "no request got 502, 503, 504 or no answer during the switch and the switch back"
SLOW = "the rollback starts within 4 s after 5 min of the new release's p95 above 2000 ms"
ERRORS = "the rollback starts within 2 s after 3 min of the new release's error rate above 5 %"
QUIET_ERRORS = "no rollback starts after 2 min of the new release's error rate above 5 % nor after 6 min at 3 %"
QUIET = "no rollback starts after 4 min of the new release's p95 above 2000 ms nor after 10 min at 1800 ms"
OF_A_CANARY = (ORDER, DWELL, VERDICT, STICKY, AT_5, AT_25, AT_50, AT_100, BY_HAND, COMMAND)
OF_A_SWITCH = (SWITCHED, COLOUR, NO_FAILURE, NO_502, BY_HAND, COMMAND)
BLUE_GREEN = rollout_plan(strategy=Strategy.BLUE_GREEN, steps=(1.0,), dwell=None, dwell_scale=0.0)
PLATFORM = rollout_plan(taken_back=TakenBack.BY_PLATFORM)
_WINDOW = Quantity.parse("3 min", scaled=True)
FIRES = Trigger(name="errors", signal=Signal.ERROR_RATE, above=Quantity.parse("5 %"), window=_WINDOW)
WATCHED = rollout_plan(taken_back=TakenBack.BY_PLATFORM, triggers=(FIRES,))


def test_a_healthy_canary_passes_every_sentence() -> None:
    """All of them on one run."""
    run = evidence()
    assert {sentence: outcome(sentence, run) for sentence in OF_A_CANARY} == dict.fromkeys(OF_A_CANARY, "PASS")


def test_a_healthy_switch_passes_every_sentence() -> None:
    """There and back without a failure."""
    run = evidence(parts=COLOURS, back=45.0)
    found = {sentence: outcome(sentence, run, BLUE_GREEN) for sentence in OF_A_SWITCH}
    assert found == dict.fromkeys(OF_A_SWITCH, "PASS")


def _given(since: float = 0.0, until: float = 1000.0, share: float = 1.0, release: str = NEW) -> Spoil:
    """Users up to a share of all are answered by a release from a time to another."""

    def spoil(row: Row) -> None:
        if since <= row["at"] < until and rank(row["user"]) < share:
            row["release"] = release

    return spoil


def _reds(run: Any, sentences: tuple[str, ...] = OF_A_CANARY, plan: Any = None) -> set[str]:
    return {sentence for sentence in sentences if outcome(sentence, run, plan) != "PASS"}


@pytest.mark.parametrize(("at", "share", "sentence"), [(1, 0.10, AT_5), (2, 0.35, AT_25), (3, 0.60, AT_50)])
def test_a_step_of_another_share_is_red(at: int, share: float, sentence: str) -> None:
    """10, 35 and 60 % where 5, 25 and 50 are expected; the order stays what it was."""
    name, begin, _ = CANARY[at]
    parts = (*CANARY[:at], (name, begin, share), *CANARY[at + 1 :])
    assert _reds(evidence(rows(parts))) == {sentence}


def test_one_region_on_the_old_release_is_red_at_100_percent() -> None:
    """A part of the users stays where it was."""

    def spoil(row: Row) -> None:
        if rank(row["user"]) > 0.9:
            row["release"] = OLD

    assert _reds(evidence(rows(spoil=spoil))) == {AT_100}


def test_a_step_that_is_left_out_is_red_in_the_order() -> None:
    """And its share is unknown."""
    parts = (CANARY[0], CANARY[1], CANARY[3], CANARY[4])
    run = evidence(rows(parts), history(parts), parts=parts)
    assert outcome(ORDER, run) == "FAIL"
    assert outcome(AT_25, run) == "INCONCLUSIVE"


def test_a_rollout_that_was_taken_back_early_did_not_try_the_rest() -> None:
    """It is not a fault of the order."""
    run = evidence(back=30.0)
    assert (outcome(ORDER, run), outcome(AT_50, run), outcome(AT_5, run)) == ("INCONCLUSIVE", "INCONCLUSIVE", "PASS")


def test_a_short_step_is_red_by_the_scale_of_the_dwell() -> None:
    """2 h are 10 s at 720, whatever the target's scale is; the figure says so."""
    parts = (*CANARY[:3], ("step-50", 34.0, 0.5), CANARY[4])
    (length,) = judged(DWELL, evidence(rows(parts), history(parts), parts=parts))
    assert (length.outcome.value, length.value, length.scaled_limit) == ("FAIL", 9.0, 10.0)
    assert length.times[0].words == "limit scaled by 720: 2 h → 10 s"


@pytest.mark.parametrize(
    ("back", "by", "expected"),
    [(48.0, "platform", "INCONCLUSIVE"), (48.0, "hand", "FAIL"), (62.0, "platform", "PASS")],
    ids=["early by the platform", "early by hand", "late by the platform"],
)
def test_a_release_that_the_platform_takes_back_in_the_last_step_did_not_hurry(
    back: float, by: str, expected: str
) -> None:
    """100 % from 45 s on: an abort after 3 s ends the rollout and is no short step, the command for the way back is one."""
    (length,) = judged(DWELL, evidence(rows(back=back), history(back=back, by=by), back=back))
    assert length.outcome.value == expected
    early = "4 of 4 steps were recorded, and Rollout eu-west-1/track-service was taken back by the platform before its last step was over"
    assert length.because.text.startswith(early) is (expected == "INCONCLUSIVE")


@pytest.mark.parametrize(
    ("worst", "status", "expected", "share"),
    [
        (0.05, 500, "PASS", 0.05),
        (0.05, 0, "INCONCLUSIVE", 0.05),
        (0.09, 500, "FAIL", 0.09),
        (0.0, 500, "INCONCLUSIVE", 0.0),
    ],
)
def test_a_bad_release_hurts_at_most_its_share(worst: float, status: int, expected: str, share: float) -> None:
    """Taken back at the 5 % step; a release that fails nobody was not bad, and an error that names no release is not known to be its own."""

    def spoil(row: Row) -> None:
        if 15 <= row["at"] < 24 and rank(row["user"]) < worst:
            row["release"] = NEW
            failed(row, status)

    (hit,) = judged(HIT, evidence(spoil=spoil, back=24.0))
    assert hit.outcome.value == expected
    assert hit.high == pytest.approx(share, abs=0.01)


def test_a_user_who_is_sent_to_both_releases_is_red() -> None:
    """A split by request, not by user."""

    def spoil(row: Row) -> None:
        if 25 <= row["at"] < 35:
            row["release"] = NEW if row["step"] == "1" and rank(row["user"]) < 0.25 else OLD

    assert STICKY in _reds(evidence(rows(spoil=spoil)))


def test_a_user_who_goes_back_when_the_share_grows_is_red() -> None:
    """Other users are drawn at each step."""

    def spoil(row: Row) -> None:
        if 25 <= row["at"] < 35:
            row["release"] = NEW if rank(row["user"]) >= 0.75 else OLD

    assert _reds(evidence(rows(spoil=spoil))) == {STICKY}


def test_answers_while_a_share_changes_belong_to_no_step() -> None:
    """The weights of 25 % work 0.08 s before they are read: user 258 has met the old release at 15.14 s, and no user met both at 5 %."""
    parts = (*CANARY[:2], ("step-25", 25.2, 0.25), *CANARY[3:])
    made = rows(parts, spoil=_given(25.12, 25.2, 0.25))
    assert [row["release"] for row in made if row["user"] == 258 and 15 <= row["at"] < 26] == [OLD, OLD, NEW, NEW]
    assert _reds(evidence(made, history(parts), parts=parts), (STICKY, AT_5)) == set()


@pytest.mark.parametrize(
    ("until", "request_", "red"), [(35.9, "1", set()), (37.0, "1", {STICKY}), (44.0, "2", {STICKY})]
)
def test_routes_may_follow_an_object_for_a_second(until: float, request_: str, red: set[str]) -> None:
    """All objects say 50 % at 35 s. Who meets the old release first is late by 0.9 s; by 2 s, or after the new one, one meets both."""

    def spoil(row: Row) -> None:
        if 35.0 <= row["at"] < until and row["step"] == request_ and rank(row["user"]) >= 0.25:
            row["release"] = OLD

    assert {one for one in _reds(evidence(rows(spoil=spoil))) if one == STICKY} == red


def test_a_step_is_judged_until_its_first_object_goes_on() -> None:
    """One region is at 25 % 1.5 s before the other: who meets both releases then met them in two steps."""
    parts = (*CANARY[:2], ("step-25", 27.0, 0.25), *CANARY[3:])
    first = told("rollout.status", OBJECTS[0], 25.6, rollout="canary", phase="Paused", share=0.25, since_ns=ns(25.5))
    lines = history(parts)
    for told_, red in ((lines, {STICKY}), (sorted([*lines, first], key=lambda one: one.mono_ns), set())):
        run = evidence(rows(parts, spoil=_given(25.5, 27, 0.25)), told_, parts=parts)
        assert _reds(run, (STICKY, AT_5)) == red


def test_users_who_were_not_met_leave_the_share_open() -> None:
    """Half of them in a step: between 2.4 and 53 %."""
    half = [row for row in rows() if row["user"] % 2]
    (share,) = judged(AT_5, evidence(half))
    assert share.outcome.value == "INCONCLUSIVE"
    assert "252 of 500 users were not observed" in share.because.text


@pytest.mark.parametrize("spoilt", [{"verdicts": False}, {"measured": 0}])
def test_a_step_without_a_verdict_is_red(spoilt: dict[str, Any]) -> None:
    """Also where an analysis was ended before it measured anything: it is Successful then."""
    run = evidence(told_=history(**spoilt))
    assert _reds(run) == {VERDICT}
    assert outcome(VERDICT, run) == "FAIL"


EMPTY = {"name": "slower", "phase": "Successful", "values": ["[]"]}
READ = {"name": "traffic", "phase": "Successful", "values": ["[3.5]"]}


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ([READ, EMPTY], "PASS"),
        ([{**EMPTY, "values": ["[]", "[0.2]"]}], "PASS"),
        ([{**EMPTY, "values": ["[NaN,0]"]}], "PASS"),
        ([{**EMPTY, "values": [""]}], "PASS"),
        ([EMPTY], "INCONCLUSIVE"),
        ([EMPTY, {**EMPTY, "name": "more-errors", "values": ["[NaN, NaN]", "", "NaN"]}], "INCONCLUSIVE"),
        ([EMPTY, {**READ, "dry_run": True}], "INCONCLUSIVE"),
    ],
    ids=["one of two", "at last", "in part", "a Job", "nothing", "not a number", "a dry run"],
)
def test_an_analysis_of_nothing_is_no_verdict(metrics: list[dict[str, Any]], expected: str) -> None:
    """A metric that is not exported gives an empty answer, which passes a condition such as `len(result) == 0 || …`."""
    (measure,) = judged(VERDICT, evidence(told_=history(metrics=metrics)))
    assert (measure.outcome.value, "without any value" in measure.because.text) == (expected, expected != "PASS")
    assert ("are exported" in measure.because.hint) is (expected != "PASS")


INDEXED = {**EMPTY, "name": "p95", "conditions": ["any(result, # > 2)"]}
GUARDED = {**EMPTY, "conditions": ["len(result) == 0 || result[0] < 0.1"]}
NAN = ["[NaN]", "[NaN,NaN]"]


def test_a_metric_that_read_nothing_beside_one_that_did_decides_only_by_its_words(subtests: pytest.Subtests) -> None:
    """Empty by design is what a condition has words for; what it does not expect was not exported."""
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("no words", INDEXED, "INCONCLUSIVE"),
        ("NaN", {**INDEXED, "values": NAN}, "INCONCLUSIVE"),
        ("of another", {**GUARDED, "name": "p95", "values": NAN}, "INCONCLUSIVE"),
        ("guarded", GUARDED, "PASS"),
        ("failure", {**GUARDED, "conditions": ["", "len( result ) > 0 && result[0] > 0.1"]}, "PASS"),
        ("default", {**GUARDED, "conditions": ["default(result, 0) < 1"]}, "PASS"),
        ("isNaN", {**GUARDED, "conditions": ["isNaN(result[0]) || result[0] < 0.1"], "values": NAN}, "PASS"),
        ("at last", {**INDEXED, "values": ["[]", "[0.2]"]}, "PASS"),
        ("dry run", {**INDEXED, "dry_run": True}, "PASS"),
        ("none", {**INDEXED, "conditions": []}, "PASS"),
    ]
    for name, metric, expected in cases:
        with subtests.test(name):
            (measure,) = judged(VERDICT, evidence(told_=history(metrics=[READ, metric])))
            assert (measure.outcome.value, "metric p95 read no value" in measure.because.text) == (
                expected,
                expected != "PASS",
            )


def test_a_step_without_a_verdict_is_red_beside_one_that_is_not_decided() -> None:
    """The first object went on after an analysis of nothing, the second one after none."""
    lines = [one for one in history(metrics=[EMPTY]) if one.fields.get("object") != OBJECTS[1]]
    assert outcome(VERDICT, evidence(told_=lines)) == "FAIL"


@pytest.mark.parametrize("dropped", [OBJECTS, OBJECTS[:1]])
def test_an_object_of_which_nothing_was_recorded_has_no_verdict(dropped: tuple[str, ...]) -> None:
    """All that was begun is asked for; nothing recorded is no pass."""
    kept = [one for one in history() if one.subject not in dropped and one.fields.get("object") not in dropped]
    assert outcome(VERDICT, evidence(told_=kept)) == "FAIL"


def test_a_switch_at_once_has_no_step_before_the_next_one() -> None:
    """One step: no next one began, with a verdict or without."""
    run = evidence(parts=COLOURS, back=45.0)
    assert outcome(VERDICT, run, BLUE_GREEN) == "INCONCLUSIVE"


def test_nobody_went_back_only_where_users_were_met_again() -> None:
    """100 000 known users, 500 of them a step: each is met once, and whoever was sent back would not be met again."""
    many = [{**row, "user": row["arrival"]} for row in rows()]
    (measure,) = judged(STICKY, evidence(many), census=100_000)
    assert measure.outcome.value == "INCONCLUSIVE"
    assert (
        "0 users of the new release were observed again in a later step below 100 %, expected at least 20"
        in measure.because.text
    )


def test_a_canary_without_traffic_is_not_decided() -> None:
    """There was nothing to analyse, whatever the analysis says."""
    (verdict,) = judged(VERDICT, evidence(rows(spoil=_given(release=OLD))))
    assert verdict.outcome.value == "INCONCLUSIVE"
    assert "the candidate gave no answer at 5 %, 25 %, 50 %, 100 %" in verdict.because.text


def test_a_candidate_that_answers_too_long_after_the_way_back_is_red() -> None:
    """Five minutes are 5 s at scale 60; 10 s are not scaled."""
    run = evidence(rows(spoil=_given(BACK, BACK + 6, 0.1)))
    assert (outcome(COMMAND, run), outcome(BY_HAND, run)) == ("FAIL", "PASS")
    (measure,) = judged(COMMAND, run)
    assert measure.value == pytest.approx(6.0, abs=0.1)


def test_the_silence_of_the_api_server_is_not_charged_to_the_way_back() -> None:
    """The command was sent again for 6 s: it may have been received as late as its answer."""
    (measure,) = judged(COMMAND, evidence(rows(spoil=_given(BACK, BACK + 6, 0.1)), told_=history(took=6.0)))
    assert measure.outcome.value == "INCONCLUSIVE"
    assert measure.low == pytest.approx(0.0, abs=0.1)
    assert measure.high == pytest.approx(6.0, abs=0.1)
    assert "Not decided: the time of the rollback is only known to 5.9" in measure.because.text
    assert outcome(COMMAND, evidence(told_=history(took=3.0))) == "PASS"


def test_a_command_that_fails_is_red() -> None:
    """Whoever helps afterwards."""
    run = evidence(told_=history(failure="no rollout history found for Rollout us-east-1/track-service"))
    assert _reds(run) == {BY_HAND, COMMAND}
    assert "no rollout history found" in judged(COMMAND, run)[0].because.text


def test_who_took_it_back_is_part_of_the_sentence() -> None:
    """By no hand means by the platform."""
    assert outcome(BY_ITSELF, _taken_back(50.0, _failing_from(25.0), by="hand"), WATCHED) == "FAIL"
    run = _taken_back(28.9, _failing_from(25.0))
    assert (outcome(BY_ITSELF, run, WATCHED), outcome(BY_HAND, run)) == ("PASS", "INCONCLUSIVE")


def test_a_rollback_by_whom_is_not_known_decides_nothing() -> None:
    """It may have been the platform, or not: neither a failure of the one nor a rollback for no cause."""
    run = evidence(told_=history(by="unknown"))
    assert (outcome(BY_ITSELF, run, PLATFORM), outcome(BY_HAND, run)) == ("INCONCLUSIVE", "INCONCLUSIVE")
    text = "canary was taken back, by whom is not known (as planned), expected to be taken back by the platform"
    assert judged(BY_ITSELF, run, PLATFORM)[0].because.text == text
    (quiet,) = judged(QUIET_ERRORS, run, PLATFORM)
    assert (quiet.outcome.value, "started a rollback" in quiet.because.text) == ("INCONCLUSIVE", False)
    (start,) = judged(SLOW, _taken_back(31.5, _slow_from(25.0), by="unknown"), PLATFORM)
    assert start.outcome.value == "INCONCLUSIVE"
    assert "; it was taken back, by whom is not known (as planned), expected within 4 s" in start.because.text


@pytest.mark.parametrize(("by", "expected"), [("platform", "FAIL"), ("harness", "INCONCLUSIVE")])
def test_a_candidate_that_never_took_over_is_red(by: str, expected: str) -> None:
    """Its pods did not get ready, and the platform gave up; where only the harness ended it nothing is known."""
    parts = COLOURS[:1]
    run = evidence(rows(parts, back=25.0), history(parts, back=25.0, by=by), parts=parts, back=25.0)
    assert outcome(SWITCHED, run, BLUE_GREEN) == expected


@pytest.mark.parametrize(("by", "expected"), [("platform", "INCONCLUSIVE"), ("hand", "FAIL")])
def test_what_never_switched_is_not_late_to_switch_back(by: str, expected: str) -> None:
    """The services that were ready answer as the candidate until they are taken back too, 30 s after the platform gave up the one that was not.

    By hand it is taken back only once it has switched, whether that was recorded or not.
    """

    def spoil(row: Row) -> None:
        if row["at"] < 55 and row["user"] % 10 == 0:
            row["release"] = NEW

    parts = COLOURS[:1]
    run = evidence(rows(parts, back=25.0, spoil=spoil), history(parts, back=25.0, by=by), parts=parts, back=25.0)
    there, back = judged(COLOUR, run, BLUE_GREEN)
    assert [there.outcome.value, back.outcome.value] == ["INCONCLUSIVE", expected]
    unswitched = " was taken back before a switch was recorded, so there was no switch to undo"
    assert back.because.text.endswith(unswitched) is (by == "platform")


def test_a_late_switch_is_red() -> None:
    """One region answers with the old release for 12 s more."""

    def spoil(row: Row) -> None:
        if 15 <= row["at"] < 27 and row["user"] % 10 == 0:
            row["release"] = OLD

    run = evidence(rows(COLOURS, back=45.0, spoil=spoil), history(COLOURS, back=45.0), parts=COLOURS, back=45.0)
    assert _reds(run, OF_A_SWITCH, BLUE_GREEN) == {SWITCHED, COLOUR}


@pytest.mark.parametrize(
    ("status", "red"), [(503, {NO_FAILURE, NO_502}), (0, {NO_FAILURE, NO_502}), (500, {NO_FAILURE})]
)
@pytest.mark.parametrize("at", [16.0, 46.0])
def test_one_failure_around_a_switch_is_red(at: float, status: int, red: set[str]) -> None:
    """Old pods that end before their connections; there or back."""

    def spoil(row: Row) -> None:
        if row["at"] == at and row["step"] == "1":
            failed(row, status)

    run = evidence(rows(COLOURS, back=45.0, spoil=spoil), history(COLOURS, back=45.0), parts=COLOURS, back=45.0)
    assert _reds(run, OF_A_SWITCH, BLUE_GREEN) == red


def test_a_switch_begins_with_its_first_object() -> None:
    """A failure beside the first region's switch, two seconds before the last region's."""

    def spoil(row: Row) -> None:
        if row["at"] == 13.0 and row["step"] == "1":
            failed(row, 503)

    lines = history(COLOURS, back=45.0)
    first = told("rollout.status", OBJECTS[0], 13.1, rollout="canary", phase="Paused", share=1.0, since_ns=ns(12.9))
    for told_, red in ((lines, set()), ([*lines[:1], first, *lines[1:]], {NO_FAILURE, NO_502})):
        run = evidence(rows(COLOURS, back=45.0, spoil=spoil), told_, parts=COLOURS, back=45.0)
        assert _reds(run, OF_A_SWITCH, BLUE_GREEN) == red


def test_a_switch_that_was_taken_back_before_its_limit_passes_nothing() -> None:
    """`within 10 s of the switch` needs 10 s: here the way back began after 3 s, and the old release could have answered again."""
    run = evidence(rows(COLOURS, back=18.0), history(COLOURS, back=18.0), parts=COLOURS, back=18.0)
    (measure,) = judged(SWITCHED, run, BLUE_GREEN)
    assert measure.outcome.value == "INCONCLUSIVE"
    assert "the observation lasted 3 s, expected at least 10 s" in measure.because.text


def _taken_back(back: float, spoil: Any, by: str = "platform") -> Any:
    """A canary at 25 % of the users from 25 s on, taken back at a time."""
    parts = CANARY[:3]
    return evidence(rows(parts, back=back, spoil=spoil), history(parts, back=back, by=by), parts=parts, back=back)


def _failing_from(begin: float) -> Any:
    """Every answer of the candidate fails from then on."""

    def spoil(row: Row) -> None:
        if row["release"] == NEW and row["at"] >= begin:
            failed(row)

    return spoil


def _slow_from(begin: float, ms: float = 2200.0, end: float = 1000.0) -> Any:
    def spoil(row: Row) -> None:
        if row["release"] == NEW and begin <= row["at"] < end:
            slow(row, ms)

    return spoil


@pytest.mark.parametrize(
    ("back", "expected"),
    [(31.5, "PASS"), (38.0, "FAIL"), (29.0, "INCONCLUSIVE")],
    ids=["in time", "too late", "before its window was full"],
)
def test_a_rollback_starts_in_time_after_its_trigger(back: float, expected: str) -> None:
    """5 min are 5 s at scale 60; the first slow answers come 2.2 s after 25 s, and before that nothing is known."""
    assert outcome(SLOW, _taken_back(back, _slow_from(25.0)), PLATFORM) == expected


@pytest.mark.parametrize(("sentence", "back"), [(SLOW, 31.0), (ERRORS, 28.9)], ids=["slow", "errors"])
def test_a_candidate_that_falls_silent_proves_no_trigger(sentence: str, back: float) -> None:
    """It answered well until 25.3 s and then the old release for it; what may have been there for the whole window was never seen."""
    (measure,) = judged(sentence, _taken_back(back, _given(25.3, release=OLD)), PLATFORM)
    assert (measure.outcome.value, measure.high) == ("INCONCLUSIVE", None)
    assert "less than half of the window was observed" in measure.because.text


def test_a_candidate_with_few_requests_is_seen_all_the_same() -> None:
    """At 5 % of the users most slices of a tenth of a second are empty, and every answer in between has failed."""
    parts = CANARY[:2]
    made = rows(parts, back=19.0, spoil=_failing_from(0.0))
    run = evidence(made, history(parts, back=19.0, by="platform"), parts=parts, back=19.0)
    assert outcome(ERRORS, run, PLATFORM) == "PASS"


LATENCY = Trigger(name="latency", signal=Signal.RESPONSE_TIME, above=Quantity.parse("2000 ms"))
FAILURES = Trigger(name="errors", signal=Signal.ERROR_RATE, above=Quantity.parse("5 %"))
AT_STEPS = "the rollback starts within 4 s of its trigger at the 5 %, 25 % and 50 % steps"


BACK_AT = 31.5
NO_METRIC = (
    "Not decided: no metric of an analysis failed, so a progress deadline or a person may have caused the rollback"
)


def test_an_abort_is_for_the_analysis_that_failed(subtests: pytest.Subtests) -> None:
    """A deadline's abort and a person's have the same text: of an aborted object the recorded runs tell what took it back."""
    for name, runs, expected, text in [
        ("this trigger", [analysed(BACK_AT, "latency")], "PASS", ""),
        ("a name that is in no file", [analysed(BACK_AT, "p95-of-the-platform")], "PASS", ""),
        ("a deadline or a person", [], "INCONCLUSIVE", NO_METRIC),
        ("a dry run", [analysed(BACK_AT, "latency", dry_run=True)], "INCONCLUSIVE", NO_METRIC),
        ("an inconclusive one", [analysed(BACK_AT, "latency", "Inconclusive")], "INCONCLUSIVE", NO_METRIC),
        ("of an object that goes on", [analysed(BACK_AT, "latency", subject=OBJECTS[1])], "INCONCLUSIVE", NO_METRIC),
        ("of an earlier rollout", [analysed(12.0, "latency")], "INCONCLUSIVE", NO_METRIC),
        ("after the way back", [analysed(BACK_AT + 1, "latency")], "INCONCLUSIVE", NO_METRIC),
        ("another trigger", [analysed(BACK_AT, "errors")], "INCONCLUSIVE", "caused by errors"),
        (
            "that could not measure",
            [analysed(BACK_AT, "latency", "Error")],
            "INCONCLUSIVE",
            "Not decided: the rollback was caused by an error of the analysis of latency",
        ),
        (
            "a name that is in no file, that could not measure",
            [analysed(BACK_AT, "p95-of-the-platform", "Error")],
            "INCONCLUSIVE",
            "Not decided: the rollback was caused by an error of the analysis of p95-of",
        ),
        (
            "an invalid one",
            [analysed(BACK_AT, "", "Error")],
            "INCONCLUSIVE",
            "Not decided: the rollback was caused by an error of the analysis of track-service-5d-2",
        ),
    ]:
        with subtests.test(name):
            plan = replace(PLATFORM, triggers=(LATENCY, FAILURES))
            (measure,) = judged(SLOW, aborted(_taken_back(BACK_AT, _slow_from(25.0)), BACK_AT, *runs), plan)
            assert (measure.outcome.value, text in measure.because.text) == (expected, True)


@pytest.mark.parametrize(
    ("cause", "in_time"),
    [
        ('Metric "latency" assessed Failed due to failed (1) > failureLimit (0)', "PASS"),
        ('metric "p95-of-the-platform" assessed Failed due to failed (1) > failureLimit (0)', "PASS"),
        ('Metric "errors" assessed Failed due to failed (1) > failureLimit (0)', "INCONCLUSIVE"),
        ('Metric "latency" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4)', "INCONCLUSIVE"),
        ('ReplicaSet "cart-5d" has timed out progressing.', "INCONCLUSIVE"),
    ],
    ids=["this trigger", "a name that is in no file", "another trigger", "that could not measure", "late pods"],
)
def test_the_text_of_an_abort_may_name_the_metric_as_well(cause: str, in_time: str) -> None:
    """A controller may have deleted the run by then; what came too late stays red."""
    plan = replace(PLATFORM, triggers=(LATENCY, FAILURES))
    slow_, why = _slow_from(25.0), f"{BARE}: {cause}"
    assert outcome(SLOW, aborted(_taken_back(31.5, slow_), 31.5, why=why), plan) == in_time
    assert outcome(SLOW, aborted(_taken_back(38.0, slow_), 38.0, why=why), plan) == "FAIL"


def test_a_spec_that_others_set_back_names_no_cause() -> None:
    """What reads alerts and undoes a release leaves no analysis, and no abort."""
    why = "Rollout eu/cart: its spec asks for cart:1.0.0 again, which others wrote"
    assert outcome(SLOW, because(_taken_back(31.5, _slow_from(25.0)), why), PLATFORM) == "PASS"


def test_at_its_steps_any_trigger_of_the_file_takes_a_release_back() -> None:
    """The sentence names none; pods that were late are no trigger."""
    window = Quantity.parse("5 min", scaled=True)
    plan = replace(PLATFORM, triggers=(replace(LATENCY, window=window), replace(FAILURES, window=window)))
    recorded = _taken_back(BACK_AT, _slow_from(25.0))
    runs: tuple[list[Any], ...] = ([analysed(BACK_AT, "errors")], [])
    first = [judged(AT_STEPS, aborted(recorded, BACK_AT, *each), plan)[0] for each in runs]
    assert [one.outcome.value for one in first] == ["PASS", "INCONCLUSIVE"]
    assert NO_METRIC in first[1].because.text


def test_a_condition_that_was_not_there_decides_nothing() -> None:
    """1900 ms are not above 2000."""
    (measure,) = judged(SLOW, _taken_back(50.0, _slow_from(25.0, 1900.0), by="harness"), PLATFORM)
    assert measure.outcome.value == "INCONCLUSIVE"
    assert "never met" in measure.because.text


@pytest.mark.parametrize(("back", "expected"), [(28.9, "PASS"), (32.0, "FAIL")])
def test_errors_are_counted_of_the_new_release_alone(back: float, expected: str) -> None:
    """Half of its answers fail, an eighth of all."""

    def spoil(row: Row) -> None:
        if row["release"] == NEW and row["at"] >= 25 and row["step"] == "2":
            failed(row)

    assert outcome(ERRORS, _taken_back(back, spoil), PLATFORM) == expected


def _below_the_boundary(by: str, over: float = 4.4) -> Any:
    def spoil(row: Row) -> None:
        if row["release"] == NEW and row["at"] >= 25:
            slow(row, 2200.0 if row["at"] < 25 + over else 100.0 if row["at"] < 35 else 1800.0)

    return _taken_back(50.0, spoil, by=by)


def _held_at(ms: float) -> Any:
    def spoil(row: Row) -> None:
        if row["release"] == NEW and row["at"] >= 25:
            slow(row, 2200.0 if row["at"] < 29.4 else ms)

    return _taken_back(50.0, spoil, by="hand")


@pytest.mark.parametrize(("ms", "expected"), [(1720.0, "PASS"), (1700.0, "INCONCLUSIVE"), (2100.0, "INCONCLUSIVE")])
def test_the_longer_time_is_just_below_the_limit_and_never_above(ms: float, expected: str) -> None:
    """From 0.95 times what it is held at to the limit: 1710 to 2000 ms."""
    assert outcome(QUIET, _held_at(ms)) == expected


def test_a_rollback_after_a_full_window_is_no_fault_of_the_trigger() -> None:
    """Nor is one that names another trigger, nor one as Prometheus was away; the same rollback without the window is."""
    plan = rollout_plan(triggers=(replace(LATENCY, window=Quantity.parse("5 min", scaled=True)), FIRES))
    full = _taken_back(50.0, _slow_from(25.0), by="platform")
    assert outcome(QUIET, full, plan) == "INCONCLUSIVE"
    assert outcome(QUIET, _below_the_boundary("platform"), plan) == "FAIL"
    run = _below_the_boundary("platform")
    for why, expected in (
        ('Metric "errors" assessed Failed', "INCONCLUSIVE"),
        ('Metric "latency" assessed Failed', "FAIL"),
        ('Metric "latency" assessed Error', "INCONCLUSIVE"),
        ('Metric "p95-of-the-platform" assessed Error', "INCONCLUSIVE"),
        ('Metric "p95-of-the-platform" assessed Failed', "FAIL"),
    ):
        assert outcome(QUIET, because(run, why), plan) == expected


def test_a_rollback_for_no_analysis_says_nothing_against_a_quiet_trigger() -> None:
    """The candidate's pods were late, or a person took it back; a run that failed on the trigger's own metric says something."""
    window = Quantity.parse("5 min", scaled=True)
    plan = rollout_plan(triggers=(replace(LATENCY, window=window), replace(FAILURES, window=window)))
    run = _below_the_boundary("platform")
    for runs, expected in (([], "INCONCLUSIVE"), ([analysed(50.0, "latency")], "FAIL")):
        assert outcome(QUIET, aborted(run, 50.0, *runs), plan) == expected


@pytest.mark.parametrize(
    ("one_in", "expected"),
    [(33, "PASS"), (21, "PASS"), (19, "INCONCLUSIVE"), (60, "INCONCLUSIVE"), (0, "INCONCLUSIVE")],
)
def test_a_low_share_of_errors_is_told_of_the_whole_time(one_in: int, expected: str) -> None:
    """3 % of 6 s, 2.85 to 5 % of them together; of slices of 0.1 s it is nothing or a tenth. The burst before it is none of it."""
    counted = [0]

    def spoil(row: Row) -> None:
        if row["release"] == NEW:
            counted[0] += 1
            if row["at"] < 17.2 or (one_in and counted[0] % one_in == 0):
                failed(row)

    run = evidence(rows(COLOURS, back=35.0, spoil=spoil), history(COLOURS, back=35.0), parts=COLOURS, back=35.0)
    assert outcome(QUIET_ERRORS, run, rollout_plan(steps=(1.0,))) == expected


def test_a_rollout_that_was_not_begun_decides_nothing() -> None:
    """It says why."""
    run = replace(evidence(), observations=(told("rollout.skipped", "canary", 10.0, why="the target was not steady"),))
    (measure,) = judged(ORDER, run)
    assert measure.outcome.value == "INCONCLUSIVE"
    assert "did not begin: the target was not steady" in measure.because.text


def test_a_rollout_that_was_not_seen_to_end_passes_nothing() -> None:
    """Which release the platform is on is unknown then."""
    ended = told("rollout.ended", "canary", 58.0, ok=False, why="eu-west-1 is Degraded")
    run = evidence(told_=[*(o for o in history() if o.kind != "rollout.ended"), ended])
    (measure,) = judged(ORDER, run)
    assert measure.outcome.value == "INCONCLUSIVE"
    assert "did not end on one release: eu-west-1 is Degraded" in measure.because.text


@pytest.mark.parametrize("figure", [Figure.ANSWERED_BY_NEW, Figure.ANSWERED_BY_OLD, Figure.AROUND_SWITCH])
def test_what_a_starved_machine_makes_late_convicts_no_release(figure: Figure) -> None:
    """A switch that took 7 s on a machine where the target waited for a processor was no fault of the release."""
    assert spec_of(figure).timed


def test_without_a_window_after_the_switch_its_errors_are_unknown() -> None:
    """The rollout is there, the requests after its switch are not."""
    whole = evidence(parts=COLOURS, back=45.0)
    run = replace(whole, windows={name: one for name, one in whole.windows.items() if one.phase is not Phase.SWITCHED})
    (found,) = judged("the error rate is below 0.1 % after the switch", run, BLUE_GREEN)
    assert found.outcome.value == "INCONCLUSIVE"
    assert found.because.text.startswith("no requests after the switch of canary were recorded")
    assert found.scope["phase"] == "after the switch"


def test_steps_that_were_read_seldom_have_no_length() -> None:
    """One of 9 s, of which nobody knows when it began to 2 s."""
    parts = (*CANARY[:3], ("step-50", 34.0, 0.5), CANARY[4])
    told_rarely = [
        replace(one, fields={**one.fields, "since_ns": int(one.fields["since_ns"]) - ns(2)})
        if "since_ns" in one.fields
        else one
        for one in history(parts)
    ]
    (length,) = judged(DWELL, evidence(rows(parts), tuple(told_rarely), parts=parts))
    assert length.outcome.value == "INCONCLUSIVE"
    assert length.reason.endswith("expected at most a tenth of the limit")
