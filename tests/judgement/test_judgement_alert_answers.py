"""What times without answers, slow answers and other senders may hide of alerts and notices, and what they do not hide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import measures, ns, observation, plan, samples, window
from test_judgement_alert_errors import FEW, FEW_SENT, FIRED, MANY, TEXT, fires
from test_judgement_alert_errors import alert as error_alert
from test_judgement_alert_errors import judged as judged_errors
from test_judgement_alert_errors import notice as error_notice
from test_judgement_alert_errors import run as error_run
from test_judgement_alerts import (
    DELIVERED,
    FIRES,
    GROUPED,
    QUIET,
    RESOLVED,
    RESTORED,
    RULES,
    SENT,
    alert,
    blind,
    notice,
    rule,
    run,
)
from test_judgement_slow_queries import NAMED, SLOW, quiet
from test_judgement_slow_queries import alert as query_alert
from test_judgement_slow_queries import judged as judged_queries
from test_judgement_waivers import WAIVER

from harness.judgement import judge
from harness.model import Evidence, Measure, Objective, Observation, Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
HELD: dict[str, Any] = {"for_s": 600.0, "interval_s": 15.0}
"""The times of a rule: nothing that begins in a run of four minutes fires."""


def with_rules(*history: Observation, **times: Any) -> Evidence:
    """A run with one rule that has these times."""
    base = run(*history)
    others = tuple(one for one in base.observations if one.kind != "alert.rule")
    return replace(base, observations=(*others, rule("DatabaseDown", **times)))


def answers(first: float, last: float, watcher: str = "alerts", **fields: Any) -> Observation:
    """The receipt of a watcher that got its first and its last valid answer then."""
    return observation(
        "watch.closed", watcher, 260, "watch", first_answer_ns=ns(first), last_answer_ns=ns(last), **fields
    )


def of(sentence: Objective, recorded: Evidence) -> list[Measure]:
    """The measures of one sentence."""
    return measures(judge(plan({"R": sentence}), recorded))


def test_silence_needs_an_answer_before_and_after_a_time_without_answers(subtests: pytest.Subtests) -> None:
    """The rule holds for ten minutes before it fires: between two answers nothing of it can be hidden, on an open side anything can."""
    for unread, receipt, outcome in [
        ((20, 22), (answers(0.3, 219),), PASS),
        ((2, 260), (answers(0.3, 1.9),), INCONCLUSIVE),  # no answer came after it
        ((20, 60.5), (answers(0.3, 20.1),), INCONCLUSIVE),
        ((0, 5), (answers(5, 219),), INCONCLUSIVE),  # none came before it
        ((-1, 61), (answers(-2, 219),), INCONCLUSIVE),  # none came in it
        ((20, 22), (), PASS),  # an older release did not record when answers came: a rule was read at 0.5 s
        ((0.4, 5), (), INCONCLUSIVE),
        ((2, 260), (), INCONCLUSIVE),
        ((20, 60.5), (observation("watch.closed", "alerts", 61, "watch", last_ns=ns(60.5)),), INCONCLUSIVE),
        ((20, 60.5), (observation("watch.closed", "alerts", 61, "watch", last_ns=ns(60.9)),), PASS),
    ]:
        with subtests.test(unread=unread, receipt=receipt):
            (found,) = of(QUIET, with_rules(blind("alerts", *unread), *receipt, **HELD))
            assert found.outcome is outcome, found.reason


@pytest.mark.parametrize(("counted", "outcome"), [(1, PASS), (2, INCONCLUSIVE)])
def test_a_time_without_answers_that_was_counted_is_recorded(counted: int, outcome: Outcome) -> None:
    """One is recorded, and hides nothing; of another one nothing is known."""
    (found,) = of(QUIET, with_rules(blind("alerts", 20, 22), answers(0.3, 219, blind=counted), **HELD))
    assert (found.outcome, "counted 2 gaps without data, and 1 of them were recorded" in found.reason) == (
        outcome,
        counted == 2,
    )


@pytest.mark.parametrize(("held", "outcome"), [(6.2, INCONCLUSIVE), (6.4, PASS)])
def test_an_alert_that_was_pending_can_fire_after_the_rest_of_its_time_only(held: float, outcome: Outcome) -> None:
    """Not pending yet at 15.75 s, gone at 22.1 s; nothing was read from 20 to 22 s."""
    pending = (alert("pending", 16, "pending"), alert("resolved", 22.1, "pending", since=20))
    (found,) = of(QUIET, with_rules(*pending, blind("alerts", 20, 22), for_s=held))
    assert found.outcome is outcome, found.reason


def test_an_alert_that_was_pending_at_the_first_answer_may_fire_at_any_moment() -> None:
    """How long it had been pending is unknown."""
    pending = (alert("present", 0.6, "pending"), alert("resolved", 22.1, "pending", since=20))
    (found,) = of(QUIET, with_rules(*pending, blind("alerts", 20, 22), **HELD))
    assert found.outcome is INCONCLUSIVE, found.reason


def test_an_alert_that_became_pending_in_a_time_without_answers_did_not_fire_in_it() -> None:
    """It had less time than its rule holds."""
    (found,) = of(QUIET, with_rules(alert("pending", 22.1, "pending", since=20), blind("alerts", 20, 22), **HELD))
    assert found.outcome is PASS, found.reason


@pytest.mark.parametrize(
    "unread",
    [
        (alert("firing", SENT + 0.2, since=SENT - 10), blind("alerts", SENT - 10, SENT - 0.1)),
        (alert("firing", SENT + 0.2), blind("alerts", SENT - 10, SENT - 0.1)),
        (alert("firing", SENT + 1), blind("alerts", SENT - 10, SENT + 0.8)),
        (alert("firing", SENT + 0.2, since=SENT - 0.05),),
        (alert("present", SENT + 0.2),),
    ],
)
def test_what_may_have_fired_before_the_fault_is_not_the_faults(unread: tuple[Observation, ...]) -> None:
    """The last answer without the alert was asked for before the fault was sent."""
    history = (*unread, alert("resolved", RESTORED))
    (after, _) = of(FIRES, with_rules(*history, for_s=0.0))
    assert after.outcome is INCONCLUSIVE, after.reason
    assert "may have fired before the fault" in after.reason
    (found, _) = of(RULES, with_rules(*history, **HELD))
    assert found.scope["alert"] == "HighErrorRate"
    by_rule = {one.scope["alert"]: one for one in of(RULES, with_rules(*history, **HELD))}
    assert by_rule["DatabaseDown"].outcome is INCONCLUSIVE, by_rule["DatabaseDown"].reason


def test_an_alert_that_may_have_fired_before_it_proves_no_noise_and_names_no_query() -> None:
    """At three of a hundred it would be red, on a slow query green."""
    early = observation(
        "watch.blind", "alerts", FEW_SENT, "watch", from_ns=ns(FEW_SENT - 1), until_ns=ns(FEW_SENT + 0.1)
    )
    _, at_3 = judged_errors(fires(MANY, FEW), error_run(*FIRED, early, error_alert("firing", FEW_SENT + 0.2)))
    assert at_3.outcome is INCONCLUSIVE, at_3.reason
    assert "may have fired before the fault" in at_3.reason
    (found,) = judged_queries([query_alert(SENT + 0.2)])
    assert found.outcome is INCONCLUSIVE, found.reason
    assert "an alert that names the query may have fired before the fault" in found.reason


@pytest.mark.parametrize(
    ("at", "since", "outcome"),
    [(SENT + 3.3, SENT + 2.55, INCONCLUSIVE), (SENT + 3.3, SENT + 3.0, FAIL), (SENT + 2.9, SENT + 1.9, PASS)],
)
def test_a_slow_answer_is_no_late_alert(at: float, since: float, outcome: Outcome) -> None:
    """Three seconds are allowed: it fired after the last request that was answered without it."""
    after, _ = of(FIRES, run(alert("firing", at, since=since), alert("resolved", RESTORED)))
    assert after.outcome is outcome, after.reason
    assert (after.low, after.high) == pytest.approx((since - SENT, at - SENT))


@pytest.mark.parametrize(("at", "outcome"), [(SENT + 4.2, INCONCLUSIVE), (SENT + 4.3, FAIL)])
def test_what_an_older_release_did_not_record_is_read_with_care(at: float, outcome: Outcome) -> None:
    """One spacing and the longest answer: 1.25 s before an answer the alert may have fired."""
    fired = alert("firing", at)
    unrecorded = replace(fired, fields={key: value for key, value in fired.fields.items() if key != "since_ns"})
    after, _ = of(FIRES, run(unrecorded, alert("resolved", RESTORED)))
    assert after.outcome is outcome, after.reason


def test_a_slow_answer_is_no_late_end() -> None:
    """Ten seconds are allowed, and the alert was still there 9.2 s after the recovery; of two alerts one that is proven late decides."""
    slow = alert("resolved", RESTORED + 10.2, since=RESTORED + 9.2)
    (found,) = of(RESOLVED, run(alert("firing", SENT + 2), slow))
    assert (found.outcome, found.low, found.high) == (INCONCLUSIVE, 9.2, 10.2), found.reason
    later = (
        alert("firing", SENT + 2, part="other"),
        alert("resolved", RESTORED + 10.15, since=RESTORED + 10.1, part="other"),
    )
    (found,) = of(RESOLVED, run(alert("firing", SENT + 2), *later, slow))
    assert (found.outcome, found.value) == (FAIL, 10.15), found.reason


def test_a_time_without_answers_after_the_alert_fired_undoes_no_proof() -> None:
    """It had fired; what did not fire, or too late, needs all of the time."""
    unread = blind("alerts", SENT + 2, SENT + 2.6)
    after, _ = of(FIRES, run(alert("firing", SENT + 1), unread, alert("resolved", RESTORED)))
    assert after.outcome is PASS, after.reason
    after, _ = of(FIRES, run(unread))
    assert after.outcome is INCONCLUSIVE, after.reason
    after, _ = of(FIRES, run(unread, alert("firing", SENT + 4), alert("resolved", RESTORED)))
    assert after.outcome is INCONCLUSIVE, after.reason
    (found,) = judged_queries([query_alert(SLOW + 2), blind("alerts", SLOW + 3, SLOW + 4)])
    assert found.outcome is PASS, found.reason
    (found,) = judged_queries([blind("alerts", SLOW + 3, SLOW + 4)])
    assert found.outcome is INCONCLUSIVE, found.reason


@pytest.mark.parametrize(
    ("start", "end", "outcome"),
    [(RESTORED + 1, RESTORED + 2, PASS), (RESTORED - 2, RESTORED - 1, INCONCLUSIVE)],
)
def test_an_alert_of_which_no_notice_was_expected_may_be_hidden(start: float, end: float, outcome: Outcome) -> None:
    """One that fires after the restore is none whose notice must come; under the fault another one may have fired."""
    began = SENT + 2.0
    history = (alert("firing", began + 0.2), notice(7, began + 0.5, began), alert("resolved", RESTORED - 5))
    (found,) = of(DELIVERED, run(*history, blind("alerts", start, end)))
    assert found.outcome is outcome, found.reason


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ((), PASS),
        ((answers(0.3, 219, "notices"),), PASS),
        ((answers(0.3, 140, "notices"),), INCONCLUSIVE),  # no answer came after it
        ((answers(140.2, 219, "notices"),), INCONCLUSIVE),  # what came before the first answer is passed over
        ((notice(9, 141, 140, "resolved"),), INCONCLUSIVE),  # number 8 is missing
        ((notice(8, 141, 140, "resolved"),), PASS),
    ],
)
def test_the_log_of_the_receiver_keeps_what_came_between_two_answers(
    more: tuple[Observation, ...], outcome: Outcome
) -> None:
    """A gap of 0.4 s hides no notice, where an answer came before it and after it and no number is missing."""
    began = SENT + 2.0
    history = (alert("firing", began + 0.2), notice(7, began + 0.5, began), alert("resolved", RESTORED))
    for sentence in (DELIVERED, GROUPED):
        (found,) = of(sentence, run(*history, blind("notices", 140, 140.4), *more))
        assert found.outcome is outcome, found.reason


EXTERNAL = {"prometheus": "monitoring/main", "cluster": "one"}


@pytest.mark.parametrize(("own_notice", "outcome"), [(True, PASS), (False, FAIL)])
def test_a_notice_of_an_alert_with_more_labels_is_not_that_of_one_with_fewer(
    *, own_notice: bool, outcome: Outcome
) -> None:
    """Both fired; the notice of the one on a pod has all labels of the other one."""
    began = SENT + 2.0
    history = [alert("firing", began + 0.2), alert("firing", began + 0.2, pod="pg-0")]
    history += [alert("resolved", RESTORED), alert("resolved", RESTORED, pod="pg-0")]
    history += [notice(7, began + 0.5, began, pod="pg-0", **EXTERNAL)]
    history += [notice(8, began + 0.6, began, **EXTERNAL)] if own_notice else []
    (found,) = of(DELIVERED, run(*history))
    assert found.outcome is outcome, found.reason


def test_of_several_notices_that_match_that_with_the_fewest_labels_counts() -> None:
    """An alert on a pod that no list showed sent one as well, sooner."""
    began = SENT + 2.0
    history = (alert("firing", began + 0.2), alert("resolved", RESTORED))
    told = (notice(7, began + 0.4, began, pod="pg-0"), notice(8, began + 0.6, began))
    (found,) = of(DELIVERED, run(*history, *told))
    assert found.value == 0.6


REGION = replace(GROUPED, scope=replace(GROUPED.scope, experiments=("region-loss",)))


def test_notices_of_a_rollout_are_not_those_of_the_fault_before_it() -> None:
    """The region was lost under everyday traffic; a rollout under another one sent three notices later."""
    told = [notice(n, 163 + n, 162 + n, part="region") for n in (1, 2)]
    taken_back = [notice(n, 250 + n, 249 + n, alertname="RolloutTakenBack", part="rollout") for n in (3, 4, 5)]
    base = run(*told, *taken_back)
    other = replace(window(samples(240, 300), 240, 300), name="rollout:canary/start", traffic="steady")
    with_rollout = replace(base, windows={**base.windows, other.name: other})
    (found,) = of(REGION, with_rollout)
    assert (found.outcome, found.value) == (PASS, 2.0), found.reason
    same = replace(with_rollout, windows={**base.windows, other.name: replace(other, traffic="everyday")})
    began = observation(
        "rollout.started",
        "canary",
        240,
        "rollouts",
        at_ns=ns(240),
        strategy="canary",
        stable="1",
        candidate="2",
        objects=[],
    )
    assert of(REGION, same)[0].outcome is FAIL
    (found,) = of(REGION, replace(same, observations=(*same.observations, began)))
    assert (found.outcome, found.value) == (PASS, 2.0), found.reason


@pytest.mark.parametrize(
    ("sentence", "bound", "recorded"),
    [
        (GROUPED, "5", lambda: run(*[notice(n, SENT + 1 + n, SENT + n, part="else") for n in (1, 2)])),
        (TEXT, "12 %", lambda: error_run(*FIRED, error_notice("11 % fail"), error_notice("some fail", SENT + 12))),
    ],
)
def test_a_bound_covers_no_failure_that_has_another_cause(
    sentence: Objective, bound: str, recorded: Callable[[], Evidence]
) -> None:
    """Two notices are fewer than five, and 11 % is nearer than 12 %: neither is what failed."""
    waived = replace(plan({"R": sentence}), waivers=(replace(WAIVER, waives="R", bound=bound),))
    (verdict,) = judge(waived, recorded()).verdicts
    assert verdict.outcome is FAIL, verdict.reason
    assert "has no bound to compare with the bound of the waiver" in verdict.reason


def hints(sentence: Objective, recorded: Evidence) -> set[str]:
    """What to do where nothing is known."""
    return {one.because.hint for one in of(sentence, recorded) if one.outcome is INCONCLUSIVE}


def test_a_hint_names_what_to_do() -> None:
    """A fault that was not sent, rules that were not read, no alert: each has a cause of its own."""
    unsent = {
        "see chaos/node-loss/chaos.log for the error, correct it, then run again",
    }
    fired = run(alert("firing", SENT + 2), alert("resolved", RESTORED), notice(7, SENT + 2.5, SENT + 2))
    for sentence in (FIRES, RULES, RESOLVED, DELIVERED, GROUPED):
        both = replace(sentence, scope=replace(sentence.scope, experiments=("database-loss", "node-loss")))
        assert hints(both, fired) == unsent, sentence.figure
    slow = replace(NAMED, scope=replace(NAMED.scope, experiments=("node-loss",)))
    assert hints(slow, quiet()) == unsent
    mute = replace(fired, observations=tuple(one for one in fired.observations if one.kind != "alert.rule"))
    assert hints(RULES, mute) == {
        "make sure that `prometheus` of the target file answers /api/v1/rules, then run again"
    }
    rules = "make sure that the rules are loaded in Prometheus and that their expressions match these faults, then run again"
    assert hints(RESOLVED, run()) == {rules}
    assert hints(DELIVERED, run()) == {rules}
