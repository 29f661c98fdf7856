"""One experiment under two traffics: each attempt is judged, and the one under the sentence's own traffic can pass it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import evidence, measures, objective, plan, pod

from harness.judgement import judge
from harness.judgement.receipts.attempts import counted_attempt, harmful_attempts
from harness.model import Evidence, Figure, Hit, Op, Outcome, Phase, Restore, fault_name
from tests.builders.recorder import ns

FAIL, PASS = Outcome.FAIL, Outcome.PASS


def twice(*, confirmed: bool = True) -> Evidence:
    """A pod is killed under the everyday traffic, its successor is there after 29 s; under peak traffic that one is killed, and replaced in 3 s."""
    run = evidence()
    (attempt,) = run.experiments["pod-loss"]
    first = replace(attempt, observed_until_ns=ns(105), restore=Restore(ok=True, at_ns=ns(105)))
    hit = Hit(kind="pod", name="track-new", namespace="us-east-1", uid="u-new", region="us-east-1", workload="track")
    fault = replace(first.fault, sent_ns=ns(111), confirmed_ns=ns(112), hit=(hit,))
    restored = Restore(ok=True, at_ns=ns(150))
    second = replace(
        first, attempt=2, observed_from_ns=ns(110), observed_until_ns=ns(150), restore=restored, fault=fault
    )
    if not confirmed:
        first = replace(first, fault=replace(first.fault, confirmed_ns=None))
    pods = (
        pod(1, "ready", "track-old", "u-old"),
        pod(71.5, "deleted", "track-old", "u-old"),
        pod(100, "ready", "track-new", "u-new"),
        pod(111.5, "deleted", "track-new", "u-new"),
        pod(114, "ready", "track-3", "u-3"),
    )
    window = run.windows[fault_name("pod-loss", 1)]
    peak = replace(window, name=fault_name("pod-loss", 2), traffic="peak", start_ns=ns(110), end_ns=ns(150))
    windows = {**run.windows, peak.name: peak}
    return replace(run, pods=pods, windows=windows, experiments={"pod-loss": (first, second)})


@pytest.mark.parametrize(("traffic", "number"), [("everyday", 1), ("peak", 2), ("another", 2), (None, 2)])
def test_the_attempt_that_counts_is_one_under_the_traffic(traffic: str | None, number: int) -> None:
    """Of an unknown traffic, and of none, the last one; the other can only fail a sentence."""
    counted = counted_attempt(plan({}), twice(), "pod-loss", traffic)
    assert counted is not None
    assert counted.attempt == number
    assert [other.attempt for other in harmful_attempts(plan({}), twice(), "pod-loss", traffic)] == [3 - number]


@pytest.mark.parametrize("traffic", ["everyday", "peak", None])
def test_an_attempt_that_fails_is_not_hidden_by_the_next_one(traffic: str | None) -> None:
    """29 s of 10 s allowed, whichever of both counts."""
    asked = objective(Figure.REPLACED, Op.BELOW, "10 s", experiments=("pod-loss",), phase=Phase.FAULT, traffic=traffic)
    found = measures(judge(plan({"R": asked}), twice()))
    assert {(one.scope["pod"], one.outcome) for one in found if one.outcome is FAIL} == {("track-old", FAIL)}


def test_an_attempt_that_was_not_confirmed_fails_nothing() -> None:
    """Whether the fault was in is unknown."""
    asked = objective(Figure.REPLACED, Op.BELOW, "10 s", experiments=("pod-loss",), phase=Phase.FAULT, traffic=None)
    found = measures(judge(plan({"R": asked}), twice(confirmed=False)))
    assert [one.outcome for one in found] == [PASS]
