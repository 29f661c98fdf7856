"""Throughput at twice the CPU limit, and of twice as many replicas: what passes, and what turns it red."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import evidence, measures, observation, plan

from harness.errors import UsageError
from harness.judgement import judge
from harness.model import Claim, Measure, Observation
from harness.steps.grammar import demands_of, read
from tests.builders.scenarios import scenario

TWICE = 'the throughput of /portal of "web" at twice the CPU limit is at least 1.5 times that at the first'
MORE = 'the throughput of /portal of "web" at 4 replicas is at least 1.7 times that at 2'
KEY = "scale resize path=/portal workload=web"
MORE_KEY = "scale replicate fewer=2 more=4 path=/portal workload=web"


def turn(limit: float, answers: int, **more: Any) -> Observation:
    """Four seconds of one copy."""
    fields = {"demand": KEY, "limit": limit, "seconds": 4.0, "answers": answers, "in_flight": 8, "busy": 0.2, **more}
    fields.setdefault("used", [limit] * fields.get("copies", 1))
    return observation("scale.served", "us-east-1/web", 1, "scale", **fields)


def together(copies: int, answers: int, **more: Any) -> Observation:
    """Four seconds of some copies of half a core."""
    return turn(0.5, answers, copies=copies, **{"demand": MORE_KEY, **more})


def judged(*observations: Observation, sentence: str = TWICE, key: str = KEY) -> Measure:
    """The measure of the sentence."""
    objective = read(sentence).objective
    assert objective is not None
    (demand,) = demands_of(objective)
    assert demand.key == key
    claim = Claim(scenario=scenario("R"), requirement="R", objectives=(objective,), demands=(key,))
    known = plan({"R": objective})
    known = replace(known, claims=(claim,), demand={**known.demand, key: demand})
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
    """The copies have their turns one after the other; turns that differ bound no closer than they agree."""
    found = judged(*(turn(limit, n) for limit, n in zip((0.5, 1.0, 0.5, 1.0), answers, strict=True)))
    assert found.outcome.value == expected


@pytest.mark.parametrize(
    ("more", "why"),
    [({"busy": 0.95}, "sending the requests took 95% of a core"), ({"failed": 30}, "60 of 1260 requests failed")],
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
    assert judged(failed).because.text == "the throughput was not measured: it has no CPU limit"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((3000, 5900, 3100, 6000), "PASS"),
        ((700, 830, 720, 815), "FAIL"),
        ((3000, 5100, 3000, 5100), "INCONCLUSIVE"),
        ((3000, 5900, 2000, 3900), "INCONCLUSIVE"),
        ((3000, 0, 3000, 0), "FAIL"),
    ],
    ids=["twice", "one lock", "at the limit", "a machine that got slower", "none of four"],
)
def test_answers_of_more_replicas_over_those_of_fewer(answers: tuple[int, ...], expected: str) -> None:
    """Each copy has its own limit: four of them may use twice what two may."""
    turns = [together(copies, n) for copies, n in zip((2, 4, 2, 4), answers, strict=True)]
    assert judged(*turns, sentence=MORE, key=MORE_KEY).outcome.value == expected


@pytest.mark.parametrize(
    ("used", "why"),
    [
        ([0.5, 0.56], "a copy used 112% of its CPU limit, so the limit was not enforced"),
        ([0.5], "the CPU use of each copy was not read in any turn of one size"),
        ([], "the CPU use of each copy was not read in any turn of one size"),
    ],
    ids=["over it", "one was not read", "none was read"],
)
def test_copies_that_were_not_held_to_their_limit_decide_nothing(used: list[float], why: str) -> None:
    """They may have taken what the others were to have; nor is it known of those that were not read."""
    for more in (1200, 2400):
        turns = [together(2, 1200, used=used), together(4, more), together(2, 1200, used=used), together(4, more)]
        found = judged(*turns, sentence=MORE, key=MORE_KEY)
        assert found.outcome.value == "INCONCLUSIVE"
        assert why in found.because.text


def test_one_turn_of_each_set_in_which_all_were_read_is_enough() -> None:
    """The other turns are too short for a window of the metrics API."""
    turns = [together(2, 1200), together(4, 2400), together(2, 1200, used=[]), together(4, 2400, used=[])]
    assert judged(*turns, sentence=MORE, key=MORE_KEY).outcome.value == "PASS"


@pytest.mark.parametrize(
    "numbers", ["2 replicas is at least 1.7 times that at 2", "2 replicas is at least 1.7 times that at 0"]
)
def test_the_greater_number_of_replicas_comes_first(numbers: str) -> None:
    """Nothing can be said of as many, or of none."""
    with pytest.raises(UsageError, match="replicas are not more than"):
        read(f'the throughput of /portal of "web" at {numbers}')
