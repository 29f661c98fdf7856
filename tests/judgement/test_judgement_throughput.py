"""So many requests per second are served, and quickly."""

from __future__ import annotations

import pytest
from judgement_builders import evidence, failing, measures, objective, plan, samples, with_load

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Op, Outcome, Quantity


def judged(limit: str, given: Evidence | None = None, below: str = "200 ms") -> list[Measure]:
    """The measures of the sentence; the traffic offers 100 requests/s."""
    times = {"below": Quantity.parse(below)}
    one = objective(Figure.THROUGHPUT, Op.AT_LEAST, limit, quantile=0.95, times=times)
    return measures(judge(plan({"R": one}), given or evidence()))


def test_what_is_served_often_and_quickly_passes() -> None:
    """100 of 100 requests/s, 29 ms."""
    found = judged("90/s")
    assert [one.outcome for one in found] == [Outcome.PASS, Outcome.PASS]
    assert [one.name for one in found] == ["requests served per second", "response time p95"]
    assert found[0].value == pytest.approx(100.0)


def test_one_failure_at_a_rate_that_is_just_offered_proves_nothing() -> None:
    """99.98 of 100 requests/s, and 99.99 are asked for: neither PASS nor NO-GO."""
    (found, *_) = judged("99.99/s", with_load(failing(samples(0, 60), slice(0, 1))))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert judged("99.99/s", with_load(failing(samples(0, 60), slice(0, None, 500))))[0].outcome is Outcome.FAIL


def test_a_slow_platform_fails_however_much_it_serves() -> None:
    """900 ms each."""
    found = judged("90/s", with_load(samples(0, 60, latency_ms=900)))
    assert [one.outcome for one in found][:2] == [Outcome.PASS, Outcome.FAIL]


def test_a_traffic_that_offers_less_shows_nothing() -> None:
    """1000 requests/s are asked for, 100 are planned."""
    (found,) = judged("1000/s")
    assert found.outcome is Outcome.NOT_ASSESSED
    assert "the traffic everyday offers 100 requests/s, expected at least 1000 requests/s" in found.reason


def test_a_load_that_fell_short_of_its_plan_decides_nothing() -> None:
    """Half of what was planned was sent, and all of that was served."""
    assert judged("90/s", with_load(samples(0, 60, per_s=50.0)))[0].outcome is Outcome.INCONCLUSIVE
