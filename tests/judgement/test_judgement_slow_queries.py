"""The alert on a slow query names it in time after its p95 has passed 500 ms, as the database itself counts its calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from judgement_builders import evidence, measures, ns, objective, observation, plan

from harness.judgement import judge
from harness.judgement.figures.database.query_readings import query_times
from harness.model import Evidence, Figure, Measure, Observation, Op, Outcome, Phase, WatchSource
from tests.builders.statement_reads import PLAY, PLAY_LABEL, quick, reads, slow

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SENT, RESTORED = 111.0, 150.0
SLOW = SENT + 1
"""The first slow calls end in the half second after this."""
OTHER = "SELECT id, title, artist, plays FROM tracks WHERE id = $1"
NAMED = objective(
    Figure.QUERY_ALERT,
    Op.BELOW,
    "5 min",
    experiments=("database-loss",),
    phase=Phase.FAULT,
    params={"over": "500 ms"},
)
NAMED = replace(NAMED, limit=replace(NAMED.limit, scaled=True))


@cache
def quiet() -> Evidence:
    """The healthy run, watched."""
    base = evidence()
    watchers = {name: WatchSource(name=name, spacing_ms=250, closed=True) for name in ("alerts", "statements")}
    return replace(base, watchers={**base.watchers, **watchers})


def rule(part: str = "query") -> Observation:
    """The rule that is loaded."""
    return observation("alert.rule", "SlowQuery", 0.5, "alerts", labels={"part": part}, health="ok", error="")


def alert(at: float, query: str = PLAY_LABEL, what: str = "firing") -> Observation:
    """The alert on a query changes."""
    labels = {"alertname": "SlowQuery", "part": "query", "version": "1.0.0", "query": query}
    fields = {"labels": labels, "state": "firing", "at_ns": ns(at), "since_ns": ns(at - 0.25)}
    return observation(f"alert.{what}", "SlowQuery", at, "alerts", **fields)


def judged(history: Sequence[Observation], *, counted: Sequence[Observation] | None = None, part: str = "query") -> Any:
    """The measures of the sentence while every play waits for 700 ms until the fault is over."""
    told = reads(160, {PLAY: slow(SLOW, 140), OTHER: quick}) if counted is None else counted
    base = quiet()
    run = replace(base, observations=(*base.observations, rule(part), *told, *history))
    return measures(judge(plan({"R": NAMED}), run))


def only(found: list[Measure]) -> Measure:
    """The one measure."""
    (one,) = found
    return one


@pytest.mark.parametrize(
    ("fired", "query", "outcome"),
    [
        (SLOW + 4.9, PLAY_LABEL, PASS),
        (SLOW + 5.1, PLAY_LABEL, INCONCLUSIVE),  # between two readings
        (SLOW + 5.8, PLAY_LABEL, FAIL),
        (SLOW + 2.0, OTHER, FAIL),
        (SLOW + 2.0, "a query", FAIL),
        (None, "", FAIL),
    ],
)
def test_an_alert_names_the_slow_query_in_time(fired: float | None, query: str, outcome: Outcome) -> None:
    """Five minutes are five seconds here, from the reading in which the p95 passed; an alert on another query says nothing of this one."""
    found = only(judged([] if fired is None else [alert(fired, query), alert(RESTORED, query, "resolved")]))
    assert found.outcome is outcome, found.reason
    assert found.scope["of"] == PLAY


def test_a_rule_of_another_part_names_no_query() -> None:
    """Nor does a platform without a rule on queries."""
    assert only(judged([alert(SLOW + 2)], part="memory")).outcome is FAIL


def test_an_alert_that_was_there_before_the_fault_proves_nothing() -> None:
    """One that always fires names every query."""
    assert only(judged([alert(60.0)])).outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        (quick, "no query with at least"),
        (slow(SENT - 20, 140), "no query with at least"),  # it had passed before
        (slow(SLOW, 140, share=1.0, of=1), "no query with at least"),  # too rare: one in half a second
        (slow(SLOW, 140, ms=450.0), "no query with at least"),
    ],
)
def test_a_fault_that_slows_no_query_down_proves_nothing(calls: Any, why: str) -> None:
    """However many alerts fire."""
    found = only(judged([alert(SLOW + 2)], counted=reads(160, {PLAY: calls})))
    assert (found.outcome, why in found.reason) == (INCONCLUSIVE, True), found.reason


def test_a_tenth_of_the_calls_is_enough_for_a_p95() -> None:
    """Of 20 calls two take 700 ms, the least that the p95 can be is proven by their squares."""
    found = only(judged([alert(SLOW + 3)], counted=reads(160, {PLAY: slow(SLOW, 140, share=0.1, of=20)})))
    assert found.outcome is PASS, found.reason


def test_every_slow_query_is_named() -> None:
    """One of two that are slow is not enough."""
    told = reads(160, {PLAY: slow(SLOW, 140), OTHER: slow(SLOW, 140)})
    found = {one.scope["of"]: one.outcome for one in judged([alert(SLOW + 2)], counted=told)}
    assert found == {PLAY: PASS, OTHER: FAIL}


def test_a_database_that_does_not_tell_is_no_evidence() -> None:
    """It did not answer while the p95 passed, or was never asked."""
    untold = reads(160, {PLAY: slow(SLOW, 140)}, why={SENT + 1: "timeout"})
    assert only(judged([alert(SLOW + 2)], counted=untold)).outcome is INCONCLUSIVE
    assert only(judged([alert(SLOW + 2)], counted=[])).outcome is INCONCLUSIVE


def test_calls_of_all_members_are_one_query() -> None:
    """Ten calls on each of two members are twenty."""
    told = [*reads(3, {PLAY: quick}, member="pg-0"), *reads(3, {PLAY: quick}, member="pg-1", start=0.6)]
    run = replace(quiet(), observations=tuple(told))
    assert {one.n for one in query_times(run, 1.0)} == {24}


def test_a_count_that_fell_begins_anew() -> None:
    """The member was started again: what it counted since then is counted, all of it."""

    def read(at: float, calls: int, ms: float) -> Observation:
        row = {"id": "1", "text": PLAY, "calls": calls, "total_ms": calls * ms}
        spread = {"stddev_ms": 0.0, "least_ms": ms, "most_ms": ms}
        return observation("statements.grown", "a", at, "statements", at_ns=ns(at), statements=[{**row, **spread}])

    run = replace(evidence(), observations=(read(1.0, 1000, 2.0), read(2.0, 30, 700.0)))
    assert [(one.n, round(one.low_ms)) for one in query_times(run, 60.0)] == [(30, 700)]
