"""Silence of rules that cannot fire proves nothing: those that do not evaluate, are gone, or were loaded later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import measures, ns, observation, plan
from test_judgement_alert_errors import FEW, FIRED, MANY, fires
from test_judgement_alert_errors import run as run_of_errors
from test_judgement_alerts import FIRES, QUIET, RESTORED, RULES, SENT, alert, rule, run

from harness.judgement import judge
from harness.judgement.figures.alerting.history import rules
from harness.model import Evidence, Objective, Observation, Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BROKEN = "found duplicate series for the match group"
FIRED_TOO = (("firing", SENT + 3), ("resolved", RESTORED))


def later(name: str, at: float, since: float, **fields: Any) -> Observation:
    """A reading that says something else of a rule than the one before, which was asked for at `since`."""
    said = {"labels": {}, "health": "ok", "error": "", **fields}
    return observation("alert.rule", name, at, "alerts", since_ns=ns(since), **said)


def broken(name: str, at: float, since: float) -> Observation:
    """It does not evaluate any more."""
    return later(name, at, since, health="err", error=BROKEN)


def of(sentence: Objective, recorded: Evidence) -> list[tuple[Outcome, str]]:
    """Outcome and reason of each measure."""
    return [(one.outcome, one.reason) for one in measures(judge(plan({"R": sentence}), recorded))]


def quiet(*history: Observation) -> tuple[Outcome, str]:
    """Of the steady state, from 1 to 61 s."""
    (found,) = of(QUIET, run(*history))
    return found


def without_rules(recorded: Evidence) -> Evidence:
    """No rule was read."""
    return replace(recorded, observations=tuple(o for o in recorded.observations if o.kind != "alert.rule"))


def test_a_rule_that_does_not_evaluate_is_not_quiet() -> None:
    """Of two rules one fails from the begin: it could not fire. One that fired all the same is red."""
    outcome, reason = quiet(rule("TargetDown", "err"))
    assert outcome is INCONCLUSIVE
    assert reason.endswith("Not decided: the rule TargetDown could not be evaluated")
    assert quiet(rule("TargetDown", "err"), alert("firing", 20))[0] is FAIL


@pytest.mark.parametrize(
    ("history", "outcome", "why"),
    [
        ((broken("HighErrorRate", 30, 20),), INCONCLUSIVE, f"the rule HighErrorRate could not be evaluated: {BROKEN}"),
        ((broken("HighErrorRate", 130, 120), later("HighErrorRate", 131, 130)), PASS, ""),
        ((broken("HighErrorRate", 65, 55), later("HighErrorRate", 66, 65)), INCONCLUSIVE, "could not be evaluated"),
        (
            (later("HighErrorRate", 30, 20, unfed=["job:errors"]),),
            INCONCLUSIVE,
            "HighErrorRate reads the recording rule job:errors, which",
        ),
        ((later("HighErrorRate", 30, 20, for_s=5.0),), PASS, ""),
        ((later("HighErrorRate", 30, 20, loaded=False),), INCONCLUSIVE, "HighErrorRate was no longer loaded"),
        ((later("TargetDown", 30, 20),), INCONCLUSIVE, "the rule TargetDown was not yet loaded"),
    ],
    ids=["fails", "fails under a fault", "fails since an unknown moment", "is not fed", "another time", "gone", "new"],
)
def test_a_rule_may_fail_later(history: tuple[Observation, ...], outcome: Outcome, why: str) -> None:
    """What a reading says may be so since the one before it."""
    found, reason = quiet(*history)
    assert (found, why in reason) == (outcome, True), reason


def test_a_rule_that_no_other_feeds_is_not_quiet() -> None:
    """From the begin, beside one of the same name that is fed; one that fired all the same is red."""
    unfed = observation("alert.rule", "DatabaseDown", 0.5, "alerts", labels={"a": "b"}, health="ok", unfed=["db:up"])
    outcome, reason = quiet(unfed)
    assert outcome is INCONCLUSIVE
    assert "the rule DatabaseDown reads the recording rule db:up, which could not be evaluated" in reason
    assert quiet(unfed, alert("firing", 20))[0] is FAIL
    assert rules(run(unfed))["DatabaseDown"].unfed == ["db:up"]


def test_the_rule_of_a_sentence_must_evaluate_and_no_other() -> None:
    """The silent half of an alert that fires on its fault."""
    history = (alert("firing", SENT + 2), alert("resolved", RESTORED))
    assert [one for one, _ in of(FIRES, run(*history, broken("HighErrorRate", 30, 20)))] == [PASS, PASS]
    assert [one for one, _ in of(FIRES, run(*history, broken("DatabaseDown", 30, 20)))] == [PASS, INCONCLUSIVE]


def test_silence_at_few_errors_needs_a_rule_that_evaluates() -> None:
    """It fires at a tenth, and fails before the experiment in which it is to be silent; one that fires there is red."""
    recorded = run_of_errors(*FIRED, broken("HighErrorRate", 151, 150))
    (fired, _), (silent, reason) = of(fires(MANY, FEW), recorded)
    assert (fired, silent) == (PASS, INCONCLUSIVE), reason
    assert BROKEN in reason


def test_a_rule_that_failed_for_a_while_is_held_against_its_first_reading() -> None:
    """It fired in its fault: that it failed before is no failure of the row; one that failed from the begin is."""
    history = (alert("firing", SENT + 2), alert("resolved", RESTORED))
    both = (*history, *(alert(what, at, alertname="HighErrorRate") for what, at in FIRED_TOO))
    spell = (broken("HighErrorRate", 30, 20), later("HighErrorRate", 31, 30))
    assert {one for one, _ in of(RULES, run(*both, *spell))} == {PASS}
    recorded = without_rules(run(*both))
    first = replace(recorded, observations=(*recorded.observations, rule("DatabaseDown"), rule("HighErrorRate", "err")))
    assert FAIL in {one for one, _ in of(RULES, first)}
