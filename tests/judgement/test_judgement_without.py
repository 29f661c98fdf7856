"""Requests while a service is gone that the platform can do without: none fails, and they stay quick."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from judgement_builders import SPANS, evidence, measures, objective, plan, pod, samples, window

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Op, Outcome, Phase, Table, fault_name

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
UNDER: dict[str, Any] = {"phase": Phase.FAULT, "experiments": ("pod-loss",), "params": {"service": "track"}}
SENTENCE = objective(Figure.WITHOUT_SERVICE, Op.BELOW, "1000 ms", quantile=0.95, **UNDER)
START = SPANS["pod-loss"][1]


def gone(failing: int = 0, *, slow_ms: int = 0, other: bool = False) -> Evidence:
    """The run in which all of `track` was gone for half a minute: so many requests failed, and all were so much slower. `other`: a pod was left."""
    rows: Table = samples(START, START + 30)
    bad = np.arange(len(rows)) < failing
    error = rows.words["error"]
    broken = replace(error, codes=np.where(bad, 0, error.codes).astype(np.int8), names=("status 500",))
    ints = {**rows.ints, "done_ns": rows.ints["done_ns"] + slow_ms * 10**6}
    rows = replace(rows, words={**rows.words, "error": broken}, ints=ints)
    base = evidence()
    left = (pod(0, "present", "track-left", "u-left"),) if other else ()
    return replace(
        base,
        windows={**base.windows, fault_name("pod-loss"): window(rows, START, START + 30, "pod-loss")},
        pods=(
            pod(0, "present", "track-old", "u-old"),
            *left,
            pod(START + 1.5, "deleted", "track-old", "u-old"),
            pod(START + 28.5, "ready", "track-new", "u-new"),
        ),
    )


def judged(given: Evidence) -> list[Measure]:
    """The measures of the sentence: the quantile, and the failures."""
    return measures(judge(plan({"R": SENTENCE}), given))


def test_nobody_notices() -> None:
    """No request failed, and 95 % were answered in time."""
    times, failures = judged(gone())
    assert (times.outcome, failures.outcome, failures.value) == (PASS, PASS, 0.0)
    assert failures.reason.startswith("0 of 3000 requests failed while track was gone, expected none")


def test_one_failed_request_is_one_too_many() -> None:
    """A bound is not needed: the requests were counted."""
    times, failures = judged(gone(1))
    assert (times.outcome, failures.outcome, failures.value) == (PASS, FAIL, 1.0)
    assert "1 of 3000 requests failed while track was gone (status 500 1), expected none" in failures.reason


def test_slow_answers_fail() -> None:
    """Though each is right."""
    times, failures = judged(gone(slow_ms=1500))
    assert (times.outcome, failures.outcome) == (FAIL, PASS)


def test_a_pod_that_was_left_proves_nothing() -> None:
    """The service was not gone as a whole."""
    _, failures = judged(gone(other=True))
    assert failures.outcome is INCONCLUSIVE
    assert "the fault did not hit track-left of track, expected every pod of the service" in failures.reason
