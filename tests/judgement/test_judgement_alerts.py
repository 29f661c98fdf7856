"""Alerts fire on their fault and on nothing else, are resolved afterwards, and their notices arrive: each boundary at both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import evidence, measures, ns, objective, observation, plan, samples, window

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Objective, Observation, Op, Outcome, Phase, WatchSource

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SENT, RESTORED, NEXT = 111.0, 150.0, 161.0
"""The database's primary dies, the target is as before, the next fault is sent."""
FAULT: dict[str, Any] = {"experiments": ("database-loss",), "phase": Phase.FAULT}
LABELS = {"alertname": "DatabaseDown", "severity": "critical", "part": "database"}


def scaled(figure: Figure, limit: str, **fields: Any) -> Objective:
    """An objective whose limit is divided by the time scale of 60."""
    found = objective(figure, Op.BELOW, limit, **FAULT, **fields)
    return replace(found, limit=replace(found.limit, scaled=True))


FIRES = scaled(Figure.ALERT_FIRES, "3 min", params={"alert": "DatabaseDown"})
RESOLVED = scaled(Figure.ALERTS_RESOLVED, "10 min")
DELIVERED = scaled(Figure.ALERTS_DELIVERED, "1 min")
QUIET = objective(Figure.ALERTS_QUIET, Op.HOLDS, "0", phase=Phase.STEADY)
RULES = objective(Figure.ALERT_RULES_FIRE, Op.HOLDS, "0", **FAULT, params={"declared": "HighErrorRate DatabaseDown"})
GROUPED = objective(Figure.NOTICES, Op.HOLDS, "0", **FAULT, params={"most": "3"})


def alert(what: str, at: float, state: str = "firing", since: float | None = None, **labels: str) -> Observation:
    """A change of an alert; the answer before it was asked for a quarter of a second sooner, or at `since`."""
    own = {**LABELS, **labels}
    since_ns = {} if what == "present" else {"since_ns": ns(at - 0.25 if since is None else since)}
    return observation(
        f"alert.{what}", own["alertname"], at, "alerts", labels=own, state=state, at_ns=ns(at), **since_ns
    )


def rule(name: str, health: str = "ok", **times: float) -> Observation:
    """A rule that is loaded."""
    return observation("alert.rule", name, 0.5, "alerts", labels={}, health=health, error="", **times)


def notice(number: int, at: float, began: float, status: str = "firing", **labels: str) -> Observation:
    """A notice of one alert that began to fire at a time."""
    told = {"labels": {**LABELS, **labels}, "annotations": {}, "status": status, "starts_ns": ns(began)}
    return observation(
        "notice.received", "receiver", at + 0.3, "notices", number=number, status=status, at_ns=ns(at), alerts=[told]
    )


def blind(watcher: str, start: float, end: float) -> Observation:
    """A watcher saw nothing."""
    return observation("watch.blind", watcher, end, "watch", from_ns=ns(start), until_ns=ns(end))


LOADED = (rule("DatabaseDown"), rule("HighErrorRate"))


def run(*history: Observation) -> Evidence:
    """A healthy run with these histories of alerts and notices."""
    base = evidence()
    watchers = {name: WatchSource(name=name, spacing_ms=250, closed=True) for name in ("alerts", "notices")}
    return replace(base, watchers={**base.watchers, **watchers}, observations=(*base.observations, *LOADED, *history))


def judged(sentence: Objective, *history: Observation) -> list[Measure]:
    """The measures of one sentence."""
    return measures(judge(plan({"R": sentence}), run(*history)))


@pytest.mark.parametrize(
    ("fired", "outcome"), [(SENT + 2.9, PASS), (SENT + 3.1, INCONCLUSIVE), (SENT + 3.4, FAIL), (None, FAIL)]
)
def test_an_alert_fires_in_time_after_its_fault(fired: float | None, outcome: Outcome) -> None:
    """Three minutes are three seconds here; between two answers of Prometheus it is not known when."""
    history = [] if fired is None else [alert("firing", fired), alert("resolved", RESTORED)]
    after, silent = judged(FIRES, *history)
    assert after.outcome is outcome, after.reason
    assert silent.outcome is PASS, silent.reason


def test_an_alert_that_fires_without_its_fault_is_red() -> None:
    """In the window without a fault, or before it and into it; a pending one is silent."""
    for noise in ((alert("firing", 30),), (alert("present", 0.5),)):
        _, silent = judged(FIRES, *noise, alert("resolved", 40), alert("firing", SENT + 2), alert("resolved", RESTORED))
        assert silent.outcome is FAIL, silent.reason
    _, silent = judged(
        FIRES, alert("pending", 30, "pending"), alert("resolved", 31, "pending"), alert("firing", SENT + 2)
    )
    assert silent.outcome is PASS, silent.reason


def test_an_alert_whose_condition_began_under_the_fault_is_the_faults() -> None:
    """Pending at 120 s, firing when the target was as before for a second already; one that is pending only then is not."""
    late = (alert("firing", RESTORED + 1), alert("resolved", RESTORED + 3))
    for pending_s, outcome in ((120.0, PASS), (RESTORED + 0.5, FAIL)):
        given = run(alert("pending", pending_s, "pending"), *late)
        afterwards = window(samples(RESTORED, RESTORED + 10), RESTORED, RESTORED + 10)
        given = replace(given, windows={**given.windows, "everyday/after-faults": afterwards})
        _, silent = measures(judge(plan({"R": FIRES}), given))
        assert silent.outcome is outcome, silent.reason


def test_an_alert_that_was_pending_before_any_window_is_no_faults() -> None:
    """It began in the warm-up, and fires in the first window: no fault had been sent."""
    given = run(alert("pending", 0.6, "pending"), alert("firing", 20), alert("resolved", 25))
    steady = given.windows["everyday/fault-free"]
    later = replace(steady, start_ns=ns(10), samples=steady.samples.between("intended_ns", ns(10), steady.end_ns))
    _, silent = measures(
        judge(plan({"R": FIRES}), replace(given, windows={**given.windows, "everyday/fault-free": later}))
    )
    assert silent.outcome is FAIL, silent.reason


def test_the_steady_state_is_quiet() -> None:
    """Any alert; without rules silence proves nothing."""
    (found,) = judged(QUIET, alert("firing", SENT + 2), alert("resolved", RESTORED))
    assert found.outcome is PASS, found.reason
    (found,) = judged(QUIET, alert("firing", 20, alertname="TargetDown"), alert("resolved", 22, alertname="TargetDown"))
    assert found.outcome is FAIL
    assert "TargetDown" in found.reason
    base = run()
    no_rules = replace(base, observations=tuple(o for o in base.observations if o.kind != "alert.rule"))
    (found,) = measures(judge(plan({"R": QUIET}), no_rules))
    assert found.outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("times", "length", "outcome"),
    [
        ({"for_s": 5.0}, 4.9, PASS),
        ({"for_s": 5.0}, 5.0, INCONCLUSIVE),
        ({"keep_s": 1.0}, 0.9, PASS),
        ({"keep_s": 1.0}, 1.0, INCONCLUSIVE),
        ({"interval_s": 15.0}, 7.4, PASS),
        ({"interval_s": 15.0}, 7.5, INCONCLUSIVE),
        ({}, 0.3, INCONCLUSIVE),
    ],
)
def test_a_time_without_answers_hides_only_an_alert_that_fits_into_it(
    times: dict[str, float], length: float, outcome: Outcome
) -> None:
    """It must hold before it fires, or fires for so long, or for an evaluation; a rule that says nothing of it may fire for a moment."""
    base = run()
    others = tuple(one for one in base.observations if one.kind != "alert.rule")
    given = replace(
        base, observations=(*others, rule("HighErrorRate", "ok", **times), blind("alerts", 20, 20 + length))
    )
    (found,) = measures(judge(plan({"R": QUIET}), given))
    assert found.outcome is outcome, found.reason


@pytest.mark.parametrize(
    ("over", "outcome"),
    [
        (RESTORED + 9.9, PASS),
        (RESTORED + 10.2, INCONCLUSIVE),
        (RESTORED + 10.3, FAIL),
        (RESTORED - 5, PASS),
        (None, FAIL),
    ],
)
def test_what_fired_is_resolved_in_time(over: float | None, outcome: Outcome) -> None:
    """Ten minutes are ten seconds here, and eleven were watched; between two answers of Prometheus it is not known when."""
    history = [alert("firing", SENT + 2), *([alert("resolved", over)] if over else [])]
    (found,) = judged(RESOLVED, *history)
    assert found.outcome is outcome, found.reason


@pytest.mark.parametrize(("again", "over", "outcome"), [(RESTORED + 1, None, FAIL), (RESTORED + 1, RESTORED + 3, PASS)])
def test_an_alert_that_comes_back_after_the_restore_is_not_resolved(
    again: float, over: float | None, outcome: Outcome
) -> None:
    """It was gone for a moment, just when the target was as before."""
    flaps = [alert("firing", SENT + 2), alert("resolved", RESTORED - 5), alert("firing", again)]
    (found,) = judged(RESOLVED, *flaps, *([alert("resolved", over)] if over else []))
    assert found.outcome is outcome, found.reason


@pytest.mark.parametrize(("arrived", "outcome"), [(0.9, PASS), (1.1, FAIL), (None, FAIL)])
def test_a_notice_arrives_in_time(arrived: float | None, outcome: Outcome) -> None:
    """One minute is one second here, from firing as the notice itself says."""
    began = SENT + 2.0
    history = [alert("firing", began + 0.2), alert("resolved", RESTORED)]
    if arrived is not None:
        history.append(notice(7, began + arrived, began))
    history.append(notice(8, began + 30, began + 29, part="other"))  # of another alert
    (found,) = judged(DELIVERED, *history)
    assert found.outcome is outcome, found.reason


@pytest.mark.parametrize("sentence", [RESOLVED, DELIVERED], ids=["resolved", "delivered"])
def test_an_alert_of_a_fault_that_the_sentence_does_not_name_counts_too(sentence: Objective) -> None:
    """The sentence speaks of every alert and names the database's loss; an alert of the pod's loss never ends, and no notice of it comes."""
    began = SENT + 2.0
    own = [alert("firing", began + 0.2), notice(7, began + 0.5, began), alert("resolved", RESTORED)]
    assert {one.outcome for one in judged(sentence, *own)} == {PASS}
    found = {one.scope["experiment"]: one.outcome for one in judged(sentence, alert("firing", 75.0, part="pod"), *own)}
    assert found == {"database-loss": PASS, "pod-loss": FAIL}


@pytest.mark.parametrize(("over", "outcome"), [(0.7, INCONCLUSIVE), (1.1, FAIL)])
def test_no_notice_is_expected_of_an_alert_that_was_over_before_it_was_due(over: float, outcome: Outcome) -> None:
    """It fired from 2 s on, or a quarter of a second sooner: for 0.95 s at most, with a limit of 1 s. Beside another alert it is left out."""
    began = SENT + 2.0
    brief = [alert("firing", began), alert("resolved", began + over)]
    (found,) = judged(DELIVERED, *brief)
    assert found.outcome is outcome, found.reason
    assert ("resolved before its notice was due" in found.reason) is (outcome is INCONCLUSIVE)
    other = [alert("firing", began + 6, part="other"), notice(7, began + 6.5, began + 6, part="other")]
    (found,) = judged(DELIVERED, *brief, *other, alert("resolved", RESTORED, part="other"))
    assert (found.outcome, found.n) == ((PASS, 1) if outcome is INCONCLUSIVE else (FAIL, 2)), found.reason


def test_what_has_no_bound_has_no_value_that_a_waiver_could_accept() -> None:
    """One notice came soon and the other never; an alert was not resolved to the end."""
    began = SENT + 2.0
    both = [alert("firing", began + 0.2), alert("firing", began + 0.3, part="other"), notice(7, began + 0.5, began)]
    (found,) = judged(DELIVERED, *both, alert("resolved", RESTORED), alert("resolved", RESTORED, part="other"))
    assert (found.outcome, found.value) == (FAIL, None), found.reason
    (found,) = judged(RESOLVED, alert("firing", began))
    assert (found.outcome, found.value, found.high) == (FAIL, None, None)
    assert found.low is not None


def test_a_notice_that_came_before_its_alert_tells_nothing_of_its_time() -> None:
    """The receiver's clock is behind that of Prometheus: how late it came, nobody knows."""
    began = SENT + 2.0
    history = [alert("firing", began + 0.2), alert("resolved", RESTORED), notice(7, began - 3, began)]
    (found,) = judged(DELIVERED, *history)
    assert found.outcome is INCONCLUSIVE
    assert "clocks" in found.reason


def test_a_notice_of_an_earlier_alert_is_not_taken_for_this_one() -> None:
    """Nor one that says that it is over."""
    history = [alert("firing", SENT + 2), notice(1, 40, 39), notice(2, SENT + 2.5, SENT + 2, "resolved")]
    (found,) = judged(DELIVERED, *history)
    assert found.outcome is FAIL


@pytest.mark.parametrize(
    ("arrived", "began", "outcome"),
    [
        (SENT + 2.9, SENT + 2, PASS),
        (SENT + 4.9, SENT + 4.8, PASS),
        (SENT + 5.1, SENT + 5, FAIL),
        (SENT + 30, SENT + 29.8, FAIL),
    ],
)
def test_a_notice_is_not_in_time_because_it_says_that_its_alert_began_later(
    arrived: float, began: float, outcome: Outcome
) -> None:
    """Prometheus has it as firing 2 s after the fault; clocks may differ by two more, and the limit is one."""
    told = (alert("firing", SENT + 2), alert("resolved", RESTORED), notice(1, arrived, began))
    (found,) = judged(DELIVERED, *told)
    assert found.outcome is outcome, found.reason


def test_a_notice_of_another_replica_of_prometheus_is_of_the_same_alert() -> None:
    """Two replicas evaluate at different moments, and Alertmanager keeps the earlier start: here of one that fired 8 s before the one that is read."""
    history = [alert("firing", SENT + 10), alert("resolved", RESTORED)]
    for arrived, outcome in ((0.9, PASS), (1.1, FAIL)):
        (found,) = judged(DELIVERED, *history, notice(7, SENT + 2 + arrived, SENT + 2))
        assert found.outcome is outcome, found.reason
        assert found.value == pytest.approx(arrived)


@pytest.mark.parametrize(("began", "outcome"), [(SENT + 2.0, FAIL), (SENT + 4.2, FAIL), (SENT + 4.6, PASS)])
def test_a_notice_of_what_was_resolved_in_between_is_of_an_earlier_alert(began: float, outcome: Outcome) -> None:
    """It fired and was resolved under the same fault, and fires again: only what began after that is a notice of the second time."""
    again = [alert("firing", SENT + 2), notice(6, SENT + 2.5, SENT + 2), alert("resolved", SENT + 4.5)]
    history = [*again, alert("firing", SENT + 6), alert("resolved", RESTORED), notice(7, began + 0.5, began)]
    (found,) = judged(DELIVERED, *history)
    assert found.outcome is outcome, found.reason


def test_every_rule_fires_in_a_fault() -> None:
    """One that never did is red, and so is one that is not loaded, or does not evaluate."""
    both = (alert("firing", SENT + 2), alert("firing", SENT + 6, alertname="HighErrorRate"))
    assert {m.outcome for m in judged(RULES, *both)} == {PASS}
    found = {m.scope["alert"]: m.outcome for m in judged(RULES, both[0])}
    assert found == {"DatabaseDown": PASS, "HighErrorRate": FAIL}
    found = {m.scope["alert"]: m.outcome for m in judged(RULES, *both, rule("Never"))}
    assert found["Never"] is FAIL
    unread = judged(RULES, *both, rule("Never"), blind("alerts", SENT + 10, SENT + 11))  # what fired is known
    assert {m.scope["alert"]: m.outcome for m in unread} == {
        "DatabaseDown": PASS,
        "HighErrorRate": PASS,
        "Never": INCONCLUSIVE,
    }
    for twice in ((rule("DatabaseDown", "err"),), (rule("DatabaseDown", "err"), rule("DatabaseDown"))):
        found = {m.scope["alert"]: m.outcome for m in judged(RULES, *both, *twice)}
        assert found["DatabaseDown"] is FAIL  # one of that name does not evaluate
    base = run(*both)
    mute = replace(
        base, observations=tuple(o for o in base.observations if o.kind != "alert.rule" or o.subject != "DatabaseDown")
    )
    found = {m.scope["alert"]: m.outcome for m in measures(judge(plan({"R": RULES}), mute))}
    assert found["DatabaseDown"] is FAIL


def test_a_rule_of_one_domain_must_fire_in_a_fault_of_that_domain() -> None:
    """A rule on pods is no rule on databases, whatever it is called."""
    both = (alert("firing", SENT + 2), alert("firing", SENT + 6, alertname="HighErrorRate"))
    for part, outcome in (("database", PASS), ("pod", INCONCLUSIVE), ("query", PASS)):
        loaded = replace(rule("DatabaseDown"), fields={**rule("DatabaseDown").fields, "labels": {"part": part}})
        base = run(*both)
        kept = tuple(o for o in base.observations if o.kind != "alert.rule" or o.subject != "DatabaseDown")
        found = measures(judge(plan({"R": RULES}), replace(base, observations=(*kept, loaded))))
        assert {m.scope["alert"]: m.outcome for m in found}["DatabaseDown"] is outcome, part


def test_a_rule_on_attacks_need_not_fire_in_a_fault() -> None:
    """No fault causes an attack; a rule that the sentence names is judged whatever its label says."""
    both = (alert("firing", SENT + 2), alert("firing", SENT + 6, alertname="HighErrorRate"))
    of_attacks = replace(rule("Attack"), fields={**rule("Attack").fields, "labels": {"part": "security"}})
    assert {m.scope["alert"]: m.outcome for m in judged(RULES, *both, of_attacks)} == {
        "DatabaseDown": PASS,
        "HighErrorRate": PASS,
    }


def test_notices_on_attacks_are_not_of_a_fault() -> None:
    """Attacks are planted after the last fault: five notices on them are none of its three."""
    told = [notice(n, SENT + 2 + n, SENT + n) for n in (1, 2, 3)]
    attacks = [notice(n, SENT + 6, SENT + 5, alertname="Attack", part="security") for n in range(4, 9)]
    (found,) = judged(GROUPED, *told, *attacks)
    assert (found.outcome, found.value) == (PASS, 3.0), found.reason


def test_one_fault_is_no_storm() -> None:
    """Three notices are few enough, four are not; the first names what failed; what is over counts for nothing."""
    told = [notice(n, SENT + 2 + n, SENT + n) for n in (1, 2, 3)]
    (found,) = judged(GROUPED, *told, notice(9, RESTORED, SENT, "resolved"))
    assert (found.outcome, found.value) == (PASS, 3.0), found.reason
    (found,) = judged(GROUPED, *told, notice(4, SENT + 8, SENT + 7))
    assert found.outcome is FAIL
    for other in ("something", "databases", "pre-database"):  # letters in another word name nothing
        (found,) = judged(GROUPED, notice(1, SENT + 2, SENT + 1, part=other))
        assert found.outcome is FAIL


MEMORY = scaled(Figure.ALERT_FIRES, "10 min", params={"part": "memory"})
GROWS: dict[str, Any] = {"alertname": "PodMemoryGrows", "part": "memory"}


@pytest.mark.parametrize(
    ("pod", "fired", "outcome"),
    [("pg-0", SENT + 9.9, PASS), ("pg-0", SENT + 10.3, FAIL), ("pg-1", SENT + 2, FAIL), ("pg-0", None, FAIL)],
)
def test_the_alert_on_memory_names_the_pod_that_grew(pod: str, fired: float | None, outcome: Outcome) -> None:
    """Ten minutes are ten seconds here; that of another pod does not count."""
    loaded = observation(
        "alert.rule", "PodMemoryGrows", 0.5, "alerts", labels={"part": "memory"}, health="ok", error=""
    )
    history = [] if fired is None else [alert("firing", fired, **GROWS, pod=pod)]
    after, silent = judged(MEMORY, loaded, *history)
    assert after.outcome is outcome, after.reason
    assert silent.outcome is PASS, silent.reason


def test_without_a_rule_on_memory_nothing_is_told() -> None:
    """No rule has that part: it did not fire, and its silence proves nothing."""
    after, silent = judged(MEMORY)
    assert (after.outcome, silent.outcome) == (FAIL, INCONCLUSIVE)


def test_an_alert_that_may_have_fired_before_its_fault_is_not_taken_for_its_own() -> None:
    """Nothing was read from a second before the fault to half a second after it; it may have fired sooner."""
    base = run(
        alert("pending", SENT - 3, "pending"),
        alert("firing", SENT + 0.6),
        alert("resolved", RESTORED),
        blind("alerts", SENT - 1, SENT + 0.5),
    )
    others = tuple(one for one in base.observations if one.kind != "alert.rule")
    given = replace(base, observations=(*others, rule("DatabaseDown", for_s=5.0), rule("HighErrorRate", for_s=5.0)))
    (after, _) = measures(judge(plan({"R": FIRES}), given))
    assert after.outcome is INCONCLUSIVE, after.reason
    found = {one.scope["alert"]: one.outcome for one in measures(judge(plan({"R": RULES}), given))}
    assert found["DatabaseDown"] is INCONCLUSIVE
