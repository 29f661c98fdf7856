"""AnalysisRuns at their limits, on a clock that the test moves; the triggers of the platform's manifests at full length."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.cluster.controllers.rollouts.analysis import (
    Measured,
    assessed,
    due,
    phase_of,
    recorded,
    result_of,
)
from readiness_sandbox.cluster.controllers.rollouts.expressions import ConditionError, ResultCondition, Value
from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError
from readiness_sandbox.cluster.controllers.rollouts.metrics import Metric, merged_args, metrics_of

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)
PROVIDER = {"prometheus": {"address": "http://prometheus:9090", "query": "up"}}


def metric(**more: Any) -> Metric:
    """One metric, measured each second."""
    return metrics_of({"metrics": [{"name": "m", "interval": "1s", "provider": PROVIDER, **more}]})[0]


class Bench:
    """A run of some metrics; values are asked of a function of the seconds since its start."""

    def __init__(self, *metrics: Metric) -> None:
        self.metrics = metrics
        self.status: dict[str, Any] = {}
        self.now = BEGIN

    def until(self, end_s: float, value: Callable[[float], Value], step_s: float = 1.0) -> str:
        """Run until that second and say the phase."""
        while True:
            passed_s = (self.now - BEGIN).total_seconds()
            for each in due(self.metrics, self.status, self.now):
                measured = Measured(started=self.now, finished=self.now, value=value(passed_s))
                self.status = recorded(self.status, each, measured)
            self.status = assessed(self.metrics, self.status, self.now)
            if passed_s >= end_s:
                return phase_of(self.status).value
            self.now += timedelta(seconds=step_s)


def test_a_measurement_is_judged_by_its_conditions(subtests: pytest.Subtests) -> None:
    """NaN compares false; an empty vector has no result[0]."""
    cases: list[tuple[str | None, str | None, Value, str]] = [
        (None, None, 7, "Successful"),
        ("result < 1", None, 0.5, "Successful"),
        ("result < 1", None, 1, "Failed"),
        (None, "result > 1", 2, "Failed"),
        (None, "result > 1", 1, "Successful"),
        ("result < 1", "result > 2", 3, "Failed"),
        ("result < 1", "result > 2", 1.5, "Inconclusive"),
        ("result[0] < 1", None, [], "Error"),
        ("len(result) > 0 && result[0] < 1", None, [], "Failed"),
        ("result < 1", None, math.nan, "Failed"),
        ("result < 1", "result >= 1", math.nan, "Inconclusive"),
        ("result", None, 1, "Error"),
    ]
    for success, failure, value, phase in cases:
        with subtests.test(success=success, failure=failure, value=value):
            bench = Bench(metric(count=1, successCondition=success, failureCondition=failure))
            bench.until(0, {0.0: value}.__getitem__)
            assert result_of(bench.status, "m")["measurements"][0]["phase"] == phase


def test_a_limit_trips_with_more_than_its_number(subtests: pytest.Subtests) -> None:
    """FailureLimit 2 accepts two failed measurements; no count means until the run is terminated."""
    for limits, values, phase in [
        ({"failureLimit": 2}, [2, 2], "Running"),
        ({"failureLimit": 2}, [2, 2, 2], "Failed"),
        ({"failureLimit": 2}, [2, 0, 2, 0, 2], "Failed"),
        ({"failureLimit": -1, "consecutiveSuccessLimit": 2}, [2] * 9, "Running"),
        ({"inconclusiveLimit": 1}, [1, 1], "Inconclusive"),
        ({"inconclusiveLimit": 2}, [1, 1], "Running"),
        ({"count": 3}, [0, 0, 0], "Successful"),
        ({"count": 3, "failureLimit": 1}, [0, 2, 0], "Successful"),
    ]:
        with subtests.test(limits=limits, values=values):
            bench = Bench(metric(successCondition="result < 1", failureCondition="result > 1", **limits))
            assert bench.until(len(values) - 1, {float(at): one for at, one in enumerate(values)}.__getitem__) == phase


def test_errors_in_a_row_trip_and_do_not_count() -> None:
    """Five in a row by default, ten seconds apart; one answer in between starts anew."""
    failing = Bench(metric(successCondition="result[0] < 1", count=2))
    assert failing.until(39, lambda _: []) == "Running"
    assert failing.until(40, lambda _: []) == "Error"
    assert result_of(failing.status, "m")["count"] == 0
    between = Bench(metric(successCondition="result[0] < 1"))
    assert between.until(90, lambda second: [0] if second == 40 else []) == "Error"
    assert between.status["completedAt"] == "2026-01-31T12:01:21.000000Z"


def test_a_metric_that_ends_badly_ends_the_others() -> None:
    """The worst decides; of a metric that was not measured there is no result."""
    bench = Bench(metric(failureCondition="result > 0"), metric(name="other", interval="1h", initialDelay="1h"))
    assert bench.until(0, lambda _: 1) == "Failed"
    assert bench.status["message"] == 'Metric "m" assessed Failed due to failed (1) > failureLimit (0)'
    assert result_of(bench.status, "other") == {}
    assert bench.status["runSummary"] == {"count": 2, "successful": 0, "failed": 1, "inconclusive": 0, "error": 0}


def test_a_run_that_is_terminated_below_its_limits_is_successful() -> None:
    """By design of Argo Rollouts, even without a measurement: whoever judges must count measurements."""
    one = metric(successCondition="result < 1")
    status = assessed([one], {}, BEGIN, asked=True)
    assert (status["phase"], status["message"]) == ("Successful", "Run Terminated")
    assert status["runSummary"]["successful"] == 0
    assert due([one], status, BEGIN) == []


def test_a_dry_run_is_measured_and_decides_nothing() -> None:
    """It neither fails the run nor ends the other metric; what it came to is counted by itself."""
    tried = {"name": "tried", "count": 1, "successCondition": "result < 1", "provider": PROVIDER}
    agreed = {"name": "agreed", "count": 2, "interval": "1s", "successCondition": "result > 1", "provider": PROVIDER}
    bench = Bench(*metrics_of({"metrics": [tried, agreed], "dryRun": [{"metricName": "tried"}]}))
    assert bench.until(0, lambda _: 2) == "Running"
    assert bench.until(2, lambda _: 2) == "Successful"
    result = result_of(bench.status, "tried")
    assert (result["phase"], result["dryRun"]) == ("Failed", True)
    assert result["message"] == "Metric assessed Failed due to failed (1) > failureLimit (0)"
    none = {"successful": 0, "failed": 0, "inconclusive": 0, "error": 0}
    assert bench.status["runSummary"] == {"count": 1, **none, "successful": 1}
    assert bench.status["dryRunSummary"] == {"count": 1, **none, "failed": 1}
    assert bench.status["message"] == ""


def test_a_run_of_dry_runs_alone_passes_and_one_that_is_ended_says_so() -> None:
    """`TestAssessRunStatusWithOnlyDryRunMetrics`, `TestTerminateAnalysisRunInDryRunMode`."""
    tried = {"name": "tried", "interval": "20s", "initialDelay": "20s", "provider": PROVIDER}
    tried["successCondition"] = "result[0] > 0.9"
    (one,) = metrics_of({"metrics": [tried], "dryRun": [{"metricName": ".*"}]})
    bench = Bench(one)
    assert bench.until(20, lambda _: [0]) == "Successful"
    ended = assessed([one], {}, BEGIN, asked=True)
    assert (ended["phase"], ended["message"], ended["dryRunSummary"]["count"]) == ("Successful", "Run Terminated", 1)


def test_a_failed_run_says_what_the_last_measurement_said() -> None:
    """`TestAssessRunStatusErrorMessageFromProvider`: behind the limit, the words of the provider."""
    one = metric(consecutiveErrorLimit=0)
    broken = Measured(started=BEGIN, finished=BEGIN, error="execution: no answer")
    status = assessed([one], recorded({}, one, broken), BEGIN)
    why = "consecutiveErrors (1) > consecutiveErrorLimit (0)"
    assert status["message"] == f'Metric "m" assessed Error due to {why}: "Error Message: execution: no answer"'


def test_a_rule_of_retention_keeps_more_measurements() -> None:
    """`measurementRetention`: of the metrics that its pattern is found in; of the others the last ten are kept, and all are counted."""
    every = [{"name": name, "interval": "1s", "provider": PROVIDER} for name in ("many", "few")]
    bench = Bench(*metrics_of({"metrics": every, "measurementRetention": [{"metricName": "^m", "limit": 20}]}))
    bench.until(14, lambda _: 1)
    assert [len(result_of(bench.status, name)["measurements"]) for name in ("many", "few")] == [15, 10]
    assert result_of(bench.status, "few")["count"] == 15


def test_an_analysis_that_cannot_be_followed_is_refused_by_its_path(subtests: pytest.Subtests) -> None:
    """Before anything is measured."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"interval": "5 min"}, "metrics[0].interval: '5 min' is not a duration"),
        ({"failureCondition": "result[0] matches 'x'"}, "'matches' is not supported"),
        ({"failureCondition": "p95 > 2000"}, "'p95' is unknown"),
        ({"interval": "5"}, "interval: '5' has no unit; hint: write 5s"),
        ({"provider": {"prometheus": {"address": "prometheus", "query": "up"}}}, "is not a URL"),
        ({"provider": {"prometheus": {"address": "http://p", "query": "{{args.x}}"}}}, "failed to resolve {{args.x}}"),
    ]
    for fields, message in cases:
        with subtests.test(message):
            with pytest.raises(SpecError) as refusal:
                metric(**fields)
            assert message in str(refusal.value)


def test_two_templates_may_share_an_argument_but_not_with_two_values() -> None:
    """The value that one of them has is that of both; what the rollout gives goes before it."""
    one, other = ({"metadata": {"name": name}, "spec": {"args": [{"name": "limit"}]}} for name in ("one", "other"))
    other["spec"] = {"args": [{"name": "limit", "value": "5"}]}
    assert merged_args([one, other], []) == [{"name": "limit", "value": "5"}]
    assert merged_args([one, other], [{"name": "limit", "value": "3"}]) == [{"name": "limit", "value": "3"}]
    one["spec"] = {"args": [{"name": "limit", "value": "4"}]}
    with pytest.raises(SpecError, match="'4' in one template and '5' in another"):
        merged_args([one, other], [])


def test_an_argument_without_a_value_is_refused() -> None:
    """The rollout's value goes before the template's own."""
    template = {
        "metadata": {"name": "errors"},
        "spec": {"args": [{"name": "release"}, {"name": "limit", "value": "5"}]},
    }
    assert merged_args([template], [{"name": "release", "value": "1.1.0"}, {"name": "limit", "value": "3"}]) == [
        {"name": "release", "value": "1.1.0"},
        {"name": "limit", "value": "3"},
    ]
    with pytest.raises(SpecError, match="needs a value"):
        merged_args([template], [])


def test_a_condition_is_evaluated_as_expr_does(subtests: pytest.Subtests) -> None:
    """The subset that analysis templates use."""
    cases: list[tuple[str, Value, bool]] = [
        ("all(result, # < 1000)", [1, 2], True),
        ("all(result, {# < 1000})", [1, 2000], False),
        ("any(result, # >= 0.05) || false", [0.05], True),
        ("none(result, isNaN(#)) and not (len(result) == 0)", [1.0], True),
        ("count(result, # > 1) >= 2 ? true : false", [1, 2, 3], True),
        ("len(filter(result, # > 1)) in [1, 2]", [1, 2, 3], True),
        ("isNil(default(nil, nil))", [], True),
        ("default(nil, 3) == 3", [], True),
        ("asInt('4') % 3 == 1 && asFloat(\"0.5\") / 2 == 0.25", [], True),
        ("-2 * -3 - 1 == 5 && abs(-1) == 1", [], True),
        ("isInf(1 / 0) && isNaN(0 / 0)", [], True),
        ("result[-1] == 3", [1, 2, 3], True),
        ("true == 1", [], False),
    ]
    for text, result, expected in cases:
        with subtests.test(text):
            assert ResultCondition.parse(text).holds(result) is expected


def test_what_is_not_served_is_refused(subtests: pytest.Subtests) -> None:
    """By name, when it is parsed."""
    for text in [
        "",
        "result >",
        "result[0",
        "result.value > 1",
        "1 < 2 < 3",
        "map(result, #)",
        "__import__('os')",
        "result | len",
        "a ?? b",
        "1..3",
        "{a: 1}",
        "(" * 60 + "1" + ")" * 60,
        "let x = 1",
    ]:
        with subtests.test(text), pytest.raises(ConditionError):
            ResultCondition.parse(text)


@given(st.text(alphabet="result[]()#&|!<>=+-*/%.,?:0123456789 \"'alnyfcoudti{}", max_size=60), st.lists(st.floats()))
def test_any_text_is_a_condition_or_refused(text: str, result: list[Value]) -> None:
    """Nothing else is ever raised."""
    with contextlib.suppress(ConditionError):
        ResultCondition.parse(text).holds(result)
