"""Rollouts of several objects: what one of them does by itself is judged; and triggers at the very edge of their windows."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from harness.judgement.figures.rollouts.history import RolloutHistory, history_of
from harness.judgement.figures.rollouts.stays import stays_of
from harness.model import Evidence, Observation, Quantity
from harness.model.planned.rollout import TakenBack
from harness.model.planned.trigger import Signal, Trigger
from tests.builders.recorder import ns
from tests.builders.rollout_runs import (
    CANARY,
    NEW,
    OBJECTS,
    OLD,
    Row,
    Spoil,
    evidence,
    failed,
    history,
    judged,
    objective_of,
    outcome,
    planned,
    rank,
    rollout_plan,
    rows,
    share_at,
    slow,
    told,
)

AT_25 = "the share of users on the new release is 25 % ± 5 points at the 25 % step"
ORDER = "the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order"
DWELL = "every step lasted at least 2 h"
VERDICT = "every step has a recorded verdict before the next one began"
STICKY = "no user met both releases within a step and none went back when the share grew"
HIT = "the share of users who met an error of a bad release is at most 8 % at the 5 % step"
SLOW = "the rollback starts within 4 s after 5 min of the new release's p95 above 2000 ms"
QUIET_ERRORS = "no rollback starts after 2 min of the new release's error rate above 5 % nor after 6 min at 3 %"
PLATFORM = rollout_plan(taken_back=TakenBack.BY_PLATFORM)
FAST = OBJECTS[0]


def _at(share: float, at: float, subject: str = FAST, known_s: float = 0.1, **fields: Any) -> Observation:
    """What an object says of its share; it said something else `known_s` before."""
    given = {"rollout": "canary", "phase": "Paused", "share": share, "since_ns": ns(at - known_s), **fields}
    return told("rollout.status", subject, at, **given)


def _analysed(begin: float, end: float, step: int) -> list[Observation]:
    """An analysis of the fast object that passes."""
    run = {"rollout": "canary", "object": FAST, "type": "Step", "step": step}
    name = f"{FAST.split()[1]}-{step}-own"
    return [
        told("rollout.analysis", name, begin, **run, measured=0, phase="Running"),
        told("rollout.analysis", name, end, **run, measured=3, phase="Successful"),
    ]


def _but(lines: Iterable[Observation], share: float, *, analyses: bool = True) -> list[Observation]:
    """A history without what the fast object said of one share, and without all of its analyses."""
    kept = [one for one in lines if one.subject != FAST or one.fields.get("share") != share]
    return kept if analyses else [one for one in kept if one.fields.get("object") != FAST]


def _found(run: Evidence) -> RolloutHistory:
    found = history_of(planned(objective_of(ORDER)), run, "canary")
    assert isinstance(found, RolloutHistory)
    return found


def _run(*lines: Observation) -> Any:
    return evidence(told_=sorted(lines, key=lambda one: one.mono_ns))


def test_an_object_that_leaves_steps_out_is_red_in_the_order() -> None:
    """5 % at 15 s, 100 % at 17 s, in one region of two."""
    lines = [o for o in history() if o.subject != FAST or o.fields.get("share") == 0.05]
    run = _run(*lines, _at(1.0, 17.0))
    assert (outcome(ORDER, run), outcome(DWELL, run), outcome(VERDICT, run)) == ("FAIL", "FAIL", "FAIL")
    (order,) = judged(ORDER, run)
    assert order.because.text.startswith("Rollout us-east-1/track-service took the steps 5 %, 100 % of the users")


@pytest.mark.parametrize(
    ("known_s", "expected", "why"),
    [
        (0.9, "FAIL", "went on from 25 % without a verdict (1 of 6)"),
        (
            9.0,
            "INCONCLUSIVE",
            "was not read at 25 %, as two readings were 9 s apart, so it is unknown whether it went on without a verdict",
        ),
    ],
    ids=["close", "far apart"],
)
def test_a_step_that_fits_between_two_readings_may_have_been_taken(known_s: float, expected: str, why: str) -> None:
    """The first reading after that shows one region at 50 % and the other at 25 %: nothing shows that the first one left 25 % out."""
    run = _run(*_but(_but(history(), 0.25), 0.50), _at(0.50, 25.0, known_s=known_s))
    (verdict,) = judged(VERDICT, run)
    assert (outcome(ORDER, run), verdict.outcome.value) == (expected, expected)
    assert verdict.because.text == f"{FAST} {why}"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.30, "PASS"), (0.36, "FAIL"), (0.20, "PASS"), (0.17, "FAIL")], ids=str
)
def test_an_object_that_says_another_share_was_not_at_the_step(share: float, expected: str) -> None:
    """`setWeight: 36` in place of 25 is nearest to it, and further from it than its users' share may be."""
    run = _run(*_but(history(), 0.25), _at(share, 25.0))
    assert outcome(ORDER, run) == expected
    (order,) = judged(ORDER, run)
    if expected == "FAIL":
        assert order.because.text == (
            f"{FAST} gave the candidate {100 * share:.0f} % at the 25 % step, expected 25 % ± 5 points"
        )


def test_shares_on_the_way_to_a_step_are_not_held_against_it() -> None:
    """Replica by replica, as a Deployment goes: 16, 20 and 25 %, of which the last one is the step's."""
    run = _run(*_but(history(), 0.25), _at(0.16, 24.6), _at(0.20, 24.8), _at(0.25, 25.0))
    assert outcome(ORDER, run) == "PASS"


def test_a_weight_that_is_not_in_effect_yet_belongs_to_no_step() -> None:
    """The weight of 50 % is set at 35 s and verified at 40 s: users go over meanwhile, and no object says a share; 25 % lasted 10 s."""
    parts = (*CANARY[:3], ("step-50", 40.0, 0.5), ("step-100", 50.0, 1.0))

    def spoil(row: Row) -> None:
        if 35.1 <= row["at"] < 40 and rank(row["user"]) < 0.5:
            row["release"] = NEW

    silent = {"rollout": "canary", "phase": "Progressing", "share": None, "since_ns": ns(34.9), "step": 3}
    quiet = [told("rollout.status", subject, 35.0, **silent) for subject in OBJECTS]
    lines = sorted([*history(parts, back=62.0), *quiet], key=lambda one: one.mono_ns)
    run = evidence(rows(parts, back=62.0, spoil=spoil), lines, parts=parts, back=62.0)
    sentences = (STICKY, ORDER, DWELL, AT_25)
    assert {sentence: outcome(sentence, run) for sentence in sentences} == dict.fromkeys(sentences, "PASS")
    (stay,) = (one for one in stays_of(_found(run))[FAST] if one.share == 0.25)
    assert [stay.least_s, stay.most_s] == pytest.approx([9.9, 10.1])
    assert stay.left_step == 3


def test_an_object_that_is_silent_for_a_moment_stays_at_its_step() -> None:
    """It says the same share again; one that says none before it is aborted was at no other step."""
    silent = {"rollout": "canary", "phase": "Progressing", "share": None}
    for told_ in (
        [told("rollout.status", FAST, 28.0, **silent, since_ns=ns(27.9)), _at(0.25, 28.5)],
        [told("rollout.status", FAST, 56.0, **silent, since_ns=ns(55.9)), _at(0.0, 56.5, aborted=True)],
    ):
        run = _run(*history(), *told_)
        assert [stay.share for stay in stays_of(_found(run))[FAST]] == [0.05, 0.25, 0.5, 1.0]
        assert (outcome(ORDER, run), outcome(DWELL, run)) == ("PASS", "PASS")


def test_an_object_that_goes_back_to_a_step_is_red_in_the_order() -> None:
    """25 %, 5 % for 2 s, and 25 % again: shares only grow."""
    run = _run(*history(), _at(0.05, 28.0), _at(0.25, 30.0))
    assert (outcome(ORDER, run), outcome(DWELL, run)) == ("FAIL", "FAIL")


def test_the_verdict_of_a_later_step_is_none_of_the_step_before() -> None:
    """One region goes on to 25 % at 17 s with no analysis at 5 %; what passes at 24 s is that of 25 %, though the other region is at 5 % still."""
    lines = [*_but(history(), 0.25, analyses=False), _at(0.25, 17.0), *_analysed(17.5, 24.0, 1)]
    assert outcome(VERDICT, _run(*lines)) == "FAIL"


@pytest.mark.parametrize(("step", "expected"), [(2, "PASS"), (5, "FAIL")])
def test_an_analysis_of_the_objects_next_step_is_told_by_its_number(step: int, expected: str) -> None:
    """Both were seen in one reading, 25 % at the object's own step 4: the analysis of its step 2 let it go on, that of its step 5 did not."""
    own = [*_analysed(16.0, 24.9, step), *_analysed(26.0, 34.0, 8), *_analysed(36.0, 44.0, 11)]
    lines = [*_but(history(), 0.25, analyses=False), _at(0.25, 25.0, known_s=3.0, step=4), *own]
    assert outcome(VERDICT, _run(*lines)) == expected


def test_an_analysis_that_began_before_the_last_object_came_counts() -> None:
    """One region comes to 5 % 4 s before the other and is analysed from then on."""
    lines = [*_but(history(), 0.05), _at(0.05, 11.0), *_analysed(11.5, 24.0, 0)]
    kept = [o for o in lines if o.fields.get("object") != FAST or o.fields["step"] or o.subject.endswith("-own")]
    assert {outcome(each, _run(*kept)) for each in (ORDER, DWELL, VERDICT)} == {"PASS"}


def test_objects_that_take_their_steps_one_after_the_other_are_healthy() -> None:
    """Half a second apart, there and at every step: each stays its 10 s."""
    lines = [one for one in history() if one.kind != "rollout.status" or one.subject != FAST]
    own = [_at(share, begin - 0.5) for _, begin, share in CANARY[1:]]
    assert {outcome(each, _run(*lines, *own)) for each in (ORDER, DWELL, VERDICT)} == {"PASS"}


def test_a_step_that_is_long_enough_for_certain_needs_no_close_reading() -> None:
    """14 s of which 2 s are unknown are 10 s; 11 s are surely 9 s, a tenth too short at most; 10.9 s may be shorter."""
    for whole, expected in ((14.0, "PASS"), (11.0, "PASS"), (10.9, "INCONCLUSIVE")):
        begins = [15.0 + number * whole for number in range(4)]
        parts = (CANARY[0], *((name, at, share) for (name, _, share), at in zip(CANARY[1:], begins, strict=True)))
        cut: dict[str, Any] = {"back": begins[-1] + 14, "end": begins[-1] + 30}
        lines = [one for one in history(parts, back=cut["back"]) if one.kind != "rollout.status"]
        said = [_at(share, at, subject, known_s=2.0) for _, at, share in parts[1:] for subject in OBJECTS]
        made = rows(parts, **cut)
        run = evidence(made, sorted([*lines, *said], key=lambda one: one.mono_ns), parts=parts, **cut)
        assert outcome(DWELL, run) == expected


def test_a_step_in_which_the_rollout_was_taken_back_is_not_too_short() -> None:
    """At 25 % for 5 s: the rest was not tried."""
    assert outcome(DWELL, evidence(back=30.0)) == "INCONCLUSIVE"


@pytest.mark.parametrize(("sent", "expected"), [("dice", "INCONCLUSIVE"), ("split by request", "FAIL"), ("", "PASS")])
def test_a_canary_of_two_steps_is_sticky_only_where_it_could_fail(sent: str, expected: str) -> None:
    """10 % and 100 %: nobody can go back at 100 %, so a user has to be met twice at 10 %. One request each tells nothing."""
    parts = (("start", 10.0, 0.0), ("step-10", 15.0, 0.10), ("step-100", 25.0, 1.0))
    drawn = random.Random(1)

    def spoil(row: Row) -> None:
        if sent:
            row["release"] = NEW if drawn.random() < share_at(row["at"], parts, 37.0) else OLD

    made = [row for row in rows(parts, back=37.0, spoil=spoil) if row["step"] == "1" or sent != "dice"]
    run = evidence(made, history(parts, back=37.0), parts=parts, back=37.0)
    assert outcome(STICKY, run, rollout_plan(steps=(0.10, 1.0))) == expected


def test_users_who_were_hit_before_the_last_object_came_are_counted() -> None:
    """A share of 30 % fails in one region for 3 s, before the other region comes to the step: 12.4 % of all users were hit, not 4."""

    def spoil(row: Row) -> None:
        if 12.0 <= row["at"] < 15.0 and rank(row["user"]) < 0.30:
            row["release"] = NEW
        if row["release"] == NEW:
            failed(row)

    lines = [_at(0.05, 12.0), *history(CANARY[:2], back=22.0, by="platform")]
    run = evidence(rows(CANARY[:2], back=22.0, spoil=spoil), lines, parts=CANARY[:2], back=22.0)
    (hit,) = judged(HIT, run, PLATFORM)
    assert (hit.outcome.value, hit.value) == ("FAIL", 0.124)


def _taken_back(back: float, spoil: Any, by: str = "platform", why: str = "as planned") -> Any:
    """A canary at 25 % of the users from 25 s on, taken back at a time."""
    parts = CANARY[:3]
    lines = [
        told(o.kind, o.subject, o.mono_ns / 1e9, **{**o.fields, "why": why}) if o.kind == "rollout.back" else o
        for o in history(parts, back=back, by=by)
    ]
    return evidence(rows(parts, back=back, spoil=spoil), lines, parts=parts, back=back)


def _slow_for(seconds: float) -> Spoil:
    """The candidate is over the limit from 25 s on, for so long."""

    def spoil(row: Row) -> None:
        if row["release"] == NEW and row["at"] >= 25:
            slow(row, 2200.0 if row["at"] < 25 + seconds else 100.0)

    return spoil


@pytest.mark.parametrize(("back", "expected"), [(33.5, "INCONCLUSIVE"), (36.0, "INCONCLUSIVE"), (37.0, "FAIL")])
def test_a_trigger_has_no_time_after_the_harness_took_the_rollout_back(back: float, expected: str) -> None:
    """Its window was full at 32.5 s at the latest, and 4 s are allowed: at 33.5 s it was not late."""
    assert outcome(SLOW, _taken_back(back, _slow_for(1000), by="harness"), PLATFORM) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(4.3, "INCONCLUSIVE"), (4.7, "INCONCLUSIVE"), (4.9, "INCONCLUSIVE"), (5.3, "FAIL")]
)
def test_a_trigger_need_not_fire_before_its_window_is_full(seconds: float, expected: str) -> None:
    """Over the limit for that long, of a window of 5 s: a platform that does nothing then is right until the window is full."""
    assert outcome(SLOW, _taken_back(50.0, _slow_for(seconds), by="hand"), PLATFORM) == expected


@pytest.mark.parametrize(("back", "expected"), [(32.0, "PASS"), (41.0, "FAIL")])
def test_a_rollback_in_a_window_that_was_almost_full_has_its_time(back: float, expected: str) -> None:
    """The condition was there for 4.8 s; the platform saw 5 s of it, and began in time or 9 s later."""
    assert outcome(SLOW, _taken_back(back, _slow_for(4.8)), PLATFORM) == expected


@pytest.mark.parametrize(("begin", "expected"), [(25.0, "INCONCLUSIVE"), (28.2, "FAIL")])
def test_failures_that_name_no_release_may_have_been_the_condition(begin: float, expected: str) -> None:
    """Half of the requests get no answer for 5 s: whose they are nobody knows, so a rollback for errors is not without cause; of 1.8 s it is."""
    errors = Trigger(
        name="errors",
        signal=Signal.ERROR_RATE,
        above=Quantity.parse("5 %"),
        window=Quantity.parse("3 min", scaled=True),
    )

    def spoil(row: Row) -> None:
        if row["release"] == NEW and row["at"] >= begin and row["step"] == "2":
            failed(row, 0)

    run = _taken_back(30.0, spoil, why='Metric "errors" assessed Failed')
    (quiet,) = judged(QUIET_ERRORS, run, rollout_plan(triggers=(errors,)))
    assert quiet.outcome.value == expected
    assert ("may have been met" in quiet.because.text) == (expected != "FAIL")
