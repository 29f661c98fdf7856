"""Answers as described: what the load workers found, judged on the fault-free windows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import (
    evidence,
    failing,
    measures,
    ns,
    objective,
    observation,
    plan,
    samples,
    window,
    with_ints,
    with_load,
)
from test_judgement_machine import starved

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Op, Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
EVERY = slice(None)


def judged(run: Evidence, environment: str = "staging") -> Measure:
    """The measure of the sentence."""
    sentence = objective(Figure.AS_DESCRIBED, Op.HOLDS, "0")
    (found,) = measures(judge(plan({"R": sentence}, environment=environment), run))
    return found


def compared(*codes: tuple[object, int]) -> Evidence:
    """A run whose answers are as described but for those at some rows."""
    rows = with_ints(samples(0, 60), EVERY, described=1)
    for at, code in codes:
        rows = with_ints(rows, at, described=code)
    return with_load(rows)


def test_one_other_answer_of_six_thousand_fails() -> None:
    """It is proof alone; the record of the worker says what was wrong."""
    run = compared((77, 2))
    said = {"worker": 1, "at_ns": ns(1), "code": 2, "operation": "GET /tracks/{id}", "what": "at $.id: a text"}
    run = replace(
        run, observations=(*run.observations, observation("load.described", "everyday", 1, "load-health-1", **said))
    )
    found = judged(run)
    assert (found.outcome, found.value) == (FAIL, 1)
    assert "1 of 6000 answers to everyday traffic are not as the API description says" in found.because.text
    assert "GET /tracks/{id}: at $.id: a text" in found.because.text


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "1 were not compared"), (3, "1 could not be compared")],
)
def test_an_answer_without_a_comparison_is_no_pass(code: int, words: str) -> None:
    """Nobody knows whether that one was as described."""
    found = judged(compared((77, code)))
    assert found.outcome is INCONCLUSIVE
    assert words in found.because.text


def test_a_request_without_an_answer_is_none_to_compare() -> None:
    """A timeout is judged by the error rate."""
    rows = with_ints(samples(0, 60), EVERY, described=1)
    run = with_load(with_ints(failing(rows, 5, status=0, error="timeout"), 5, described=0))
    assert (judged(run).outcome, judged(run).n) == (PASS, 5999)


def test_what_is_answered_under_a_fault_is_not_judged() -> None:
    """The steady state only: a wrong answer in a fault's window changes nothing."""
    bad = with_ints(samples(60, 70), EVERY, described=2)
    run = compared()
    run = replace(run, windows={**run.windows, "experiment:x/fault": window(bad, 60, 70, "x")})
    assert judged(run).outcome is PASS
    assert judged(evidence()).outcome is INCONCLUSIVE


@pytest.mark.parametrize(("status", "outcome"), [(503, INCONCLUSIVE), (200, FAIL)])
def test_a_starved_machine_explains_an_answer_that_failed_but_no_wrong_one(status: int, outcome: Outcome) -> None:
    """A balancer answers 503 for a gateway that is late; nothing that is late makes another field of an answer."""
    rows = with_ints(with_ints(samples(0, 60), EVERY, described=1), 77, described=2)
    run = with_load(failing(rows, 77, status) if status == 503 else rows)
    assert judged(starved(run, 0.2), "sandbox").outcome is outcome
