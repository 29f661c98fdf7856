"""Throughput at twice the CPU limit: what passes, and what turns it red."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import evidence, measures, observation, plan

from harness.judgement import judge
from harness.model import Claim, Measure, Observation
from harness.steps.grammar import demands_of, read
from tests.builders.scenarios import scenario

TWICE = 'the throughput of /portal of "web" at twice the CPU limit is at least 1.5 times that at the first'
KEY = "scale resize path=/portal workload=web"


def turn(limit: float, answers: int, **more: Any) -> Observation:
    """Four seconds of one copy."""
    fields = {"demand": KEY, "limit": limit, "seconds": 4.0, "answers": answers, "in_flight": 8, "busy": 0.2, **more}
    return observation("scale.served", "us-east-1/web", 1, "scale", **fields)


def judged(*observations: Observation) -> Measure:
    """The measure of the sentence."""
    objective = read(TWICE).objective
    assert objective is not None
    (demand,) = demands_of(objective)
    assert demand.key == KEY
    claim = Claim(scenario=scenario("R"), requirement="R", objectives=(objective,), demands=(KEY,))
    known = plan({"R": objective})
    known = replace(known, claims=(claim,), demand={**known.demand, KEY: demand})
    (found,) = measures(judge(known, replace(evidence(), observations=observations)))
    return found


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((320, 640, 330, 650), "PASS"),
        ((280, 290, 285, 282), "FAIL"),
        ((320, 480, 330, 490), "INCONCLUSIVE"),
        ((320, 640, 330, 450), "INCONCLUSIVE"),
        ((12, 24, 12, 24), "INCONCLUSIVE"),
        ((300, 0, 300, 0), "FAIL"),
        ((0, 0, 0, 0), "INCONCLUSIVE"),
    ],
    ids=["twice", "the same", "at the limit", "one turn of two", "few", "none at twice", "none at all"],
)
def test_answers_at_twice_the_limit_over_those_at_the_limit(answers: tuple[int, ...], expected: str) -> None:
    """The copies have their turns one after the other; no bound is closer than any two turns are."""
    found = judged(*(turn(limit, n) for limit, n in zip((0.5, 1.0, 0.5, 1.0), answers, strict=True)))
    assert found.outcome.value == expected


def test_the_figure_says_what_was_served() -> None:
    """The limits, both rates, and how many requests were open."""
    found = judged(turn(0.5, 320), turn(1.0, 640), turn(0.5, 320), turn(1.0, 640))
    assert (found.value, found.scope) == (2.0, {"workload": "us-east-1/web"})
    assert "at 1 CPU over that at 0.5 (160 over 80 answers/s, 8 requests open) is 2" in found.because.text


@pytest.mark.parametrize(
    ("more", "why"),
    [({"busy": 0.95}, "asking took 95% of a core"), ({"failed": 30}, "60 of 1260 requests failed")],
)
def test_what_else_may_have_been_slow_decides_nothing(more: dict[str, Any], why: str) -> None:
    """The one who asks, and a pod that fails."""
    same = judged(turn(0.5, 300, **more), turn(1.0, 300, **more), turn(0.5, 300), turn(1.0, 300))
    assert same.outcome.value == "INCONCLUSIVE"
    found = judged(turn(0.5, 200, **more), turn(1.0, 400, **more), turn(0.5, 200), turn(1.0, 400))
    assert found.outcome.value == "INCONCLUSIVE"
    assert why in same.because.text
    assert why in found.because.text


def test_without_both_limits_nothing_is_known() -> None:
    """One of them alone, or a reason why nothing was served."""
    assert judged(turn(0.5, 300)).outcome.value == "INCONCLUSIVE"
    failed = observation("scale.failed", KEY, 1, "scale", why="it has no CPU limit")
    assert judged(failed).because.text == "nothing was served: it has no CPU limit"
