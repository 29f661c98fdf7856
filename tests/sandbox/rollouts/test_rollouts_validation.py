"""What a Rollout and an analysis may say, in both directions, held against Argo Rollouts.

The cases are those of `pkg/apis/rollouts/validation/validation_test.go`, `utils/analysis/factory_test.go` and `analysis/analysis_test.go` at commit
9f8d111d8f8e that are about fields which the sandbox serves. What it does not serve is refused by its name.
"""

from __future__ import annotations

from typing import Any

import pytest

from readiness_sandbox.cluster.controllers.rollouts.analysis import metric_phase
from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError
from readiness_sandbox.cluster.controllers.rollouts.metrics import metrics_of
from readiness_sandbox.cluster.controllers.rollouts.spec import AnalysisStep, CanaryStrategy, parsed
from tests.sandbox.rollouts.rollout_world import rollout

ROUTED = {
    "stableService": "stable",
    "canaryService": "canary",
    "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}},
}
COLOURS = {"blueGreen": {"activeService": "active", "previewService": "preview"}}


def canary(**fields: Any) -> dict[str, Any]:
    """A strategy without a router."""
    return {"canary": fields}


ACCEPTED: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    (canary(), {}),
    (COLOURS, {}),
    (canary(steps=[{"setWeight": 10}]), {}),
    (canary(steps=[{"setWeight": 10, "pause": None}]), {}),  # a null is no field
    (canary(steps=[{"pause": {}}, {"pause": {"duration": "10"}}, {"pause": {"duration": "1m30s"}}]), {}),
    (canary(maxSurge="25"), {}),  # a text is in percent with its sign or without, as Argo's own default is written
    (canary(maxSurge=0), {}),  # maxUnavailable is 25 % by default
    (canary(maxSurge=0, maxUnavailable="1%"), {"replicas": 2}),  # rounded to none, and then one pod may go
    (canary(stableService="stable", canaryService="canary"), {}),
    (canary(abortScaleDownDelaySeconds=30), {}),
    (canary(scaleDownDelaySeconds=60, **ROUTED), {}),
    ({"canary": {}, "blueGreen": None}, {}),
    (canary(), {"minReadySeconds": 599}),
    (canary(), {"progressDeadlineSeconds": 31, "minReadySeconds": 30}),
    (canary(), {"template": None, "selector": None, "workloadRef": {"kind": "Deployment", "name": "shop"}}),
    (canary(), {"template": {"spec": {}}, "workloadRef": {"kind": "Deployment", "name": "shop"}}),
)
REFUSED: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
    (canary(), {"selector": None}, "spec.template: required"),
    (canary(), {"selector": {"matchLabels": {}}}, "spec.template: required"),
    (canary(), {"minReadySeconds": 600}, "spec.progressDeadlineSeconds: 600 is not above minReadySeconds, 600"),
    (canary(), {"progressDeadlineSeconds": 30, "minReadySeconds": 40}, "spec.progressDeadlineSeconds"),
    (canary(), {"workloadRef": {"kind": "Deployment", "name": "shop"}}, "must be empty with spec.workloadRef"),
    ({}, {}, "exactly one of canary and blueGreen"),
    ({"canary": None}, {}, "exactly one of canary and blueGreen"),
    ({"canary": {}, **COLOURS}, {}, "exactly one of canary and blueGreen"),
    ({"blueGreen": {"activeService": "a", "previewService": "a"}}, {}, "must not be the active Service"),
    (canary(maxSurge=0, maxUnavailable=0), {}, "leaves no room for a pod"),
    (canary(maxSurge="0", maxUnavailable=0), {}, "leaves no room for a pod"),
    (canary(maxSurge="0%", maxUnavailable=0), {}, "leaves no room for a pod"),
    (canary(maxSurge=0, maxUnavailable="0"), {}, "leaves no room for a pod"),
    (canary(maxSurge=0, maxUnavailable="0%"), {}, "leaves no room for a pod"),
    (canary(maxSurge="0", maxUnavailable="0"), {}, "leaves no room for a pod"),
    (canary(maxSurge="0%", maxUnavailable="0%"), {}, "leaves no room for a pod"),
    (canary(stableService="one", canaryService="one"), {}, "is the canaryService too"),
    (canary(**{**ROUTED, "canaryService": "stable"}), {}, "is the canaryService too"),
    (canary(**{**ROUTED, "canaryService": ""}), {}, "are required with trafficRouting"),
    (canary(scaleDownDelaySeconds=60), {}, "scaleDownDelaySeconds: needs trafficRouting"),
    (canary(trafficRouting={}), {}, "httpRoute: required"),
    (canary(steps=[{}]), {}, "exactly one key"),
    (canary(steps=[{"pause": None}]), {}, "write pause: {}"),
    (canary(steps=[{"setWeight": 10, "pause": {"duration": 1}}]), {}, "exactly one key"),
    (canary(steps=[{"setWeight": 101}]), {}, "101 is over 100"),
    (canary(steps=[{"setWeight": -1}]), {}, "is not an integer of at least 0"),
    (canary(steps=[{"pause": {"duration": -1}}]), {}, "is not a duration"),
    (canary(steps=[{"pause": {"duration": "-1s"}}]), {}, "is not a duration"),
    (canary(steps=[{"setCanaryScale": {}}]), {}, "steps[0].setCanaryScale: not supported"),
    (canary(steps=[{"setWeight": 50}, {"setWeight": 25}]), {}, "steps[1].setWeight: 25 is below 50"),
    (canary(steps=[{"pause": {"duration": "10 min"}}]), {}, "steps[0].pause.duration: '10 min' is not"),
    (canary(trafficRouting={"nginx": {}}), {}, "trafficRouting.nginx: not supported"),
    (canary(analysis={}), {}, "analysis.templates: at least one is required"),
    ({"blueGreen": {}}, {}, "activeService: required"),
)


def test_what_argo_rollouts_follows_is_followed(subtests: pytest.Subtests) -> None:
    """It is parsed."""
    for strategy, spec in ACCEPTED:
        with subtests.test(strategy=strategy, spec=spec):
            assert parsed(rollout(strategy, **spec)).name == "track"


def test_what_argo_rollouts_refuses_is_refused(subtests: pytest.Subtests) -> None:
    """InvalidSpec, by the path of what is wrong."""
    for strategy, spec, message in REFUSED:
        with subtests.test(message):
            with pytest.raises(SpecError) as refusal:
                parsed(rollout(strategy, **spec))
            assert message in str(refusal.value)


def test_an_abort_keeps_the_new_set_for_good_only_where_a_router_keeps_users_from_it() -> None:
    """`abortScaleDownDelaySeconds`: 30 s by default, 0 is never; without a router the shares of the pods decide alone."""
    found = []
    for fields in ({}, {"abortScaleDownDelaySeconds": 0}, {"abortScaleDownDelaySeconds": 5}):
        strategy = parsed(rollout(canary(**fields, **ROUTED))).strategy
        found.append((strategy.abort_delay_s, strategy.scale_down_delay_s))
    assert found == [(30, 30), (float("inf"), 30), (5, 30)]


def test_an_argument_is_the_field_of_the_rollout_that_it_names(subtests: pytest.Subtests) -> None:
    """The downward API's fields of the metadata, and any single value of the rest."""
    for source, value in [
        ({"fieldRef": {"fieldPath": "metadata.labels['version']"}}, "1.1.0"),
        ({"fieldRef": {"fieldPath": "metadata.labels['app.kubernetes.io/name']"}}, "shop"),
        ({"fieldRef": {"fieldPath": "metadata.labels['absent']"}}, ""),
        ({"fieldRef": {"fieldPath": "metadata.labels"}}, 'app.kubernetes.io/name="shop"\nversion="1.1.0"'),
        ({"fieldRef": {"fieldPath": "metadata.annotations['team']"}}, ""),
        ({"fieldRef": {"fieldPath": "metadata.name"}}, "track"),
        ({"fieldRef": {"fieldPath": "metadata.namespace"}}, "here"),
        ({"fieldRef": {"fieldPath": "metadata.uid"}}, "123"),
        ({"fieldRef": {"fieldPath": "spec.replicas"}}, "4"),
        ({"fieldRef": {"fieldPath": "spec.template.spec.containers[0].image"}}, "track:1"),
        ({"fieldRef": {"fieldPath": "status.stable"}}, "true"),
        ({"podTemplateHashValue": "Latest"}, "{latest}"),
    ]:
        with subtests.test(source=source):
            args = [{"name": "it", "value": "its own value counts less", "valueFrom": source}]
            assert _args(args) == (("it", value),)


@pytest.mark.parametrize(
    "path",
    [
        "metadata.label['app']",
        "metadata.generation",
        "spec.nowhere",
        "spec.template.spec.containers",
        "spec.template.spec.containers[1].image",
    ],
)
def test_an_argument_of_a_field_that_no_rollout_has_is_refused(path: str) -> None:
    """Neither the metadata that the downward API knows, nor a single value of the rest."""
    with pytest.raises(SpecError, match="there is no"):
        _args([{"name": "it", "valueFrom": {"fieldRef": {"fieldPath": path}}}])


def test_an_argument_reads_the_template_of_the_workload_that_the_rollout_refers_to() -> None:
    """The controller has resolved it: `spec.template` is the Deployment's."""
    source = {"fieldRef": {"fieldPath": "spec.template.metadata.labels.version"}}
    step = {"analysis": {"templates": [{"templateName": "errors"}], "args": [{"name": "it", "valueFrom": source}]}}
    refers = {"workloadRef": {"kind": "Deployment", "name": "shop"}, "template": None, "selector": None}
    manifest = rollout(canary(steps=[step]), **refers)
    with pytest.raises(SpecError, match="there is no"):
        parsed(manifest)
    strategy = parsed(manifest, {"metadata": {"labels": {"version": "1.1.0"}}}).strategy
    assert isinstance(strategy, CanaryStrategy)
    (found,) = strategy.steps
    assert isinstance(found, AnalysisStep)
    assert found.analysis.args == (("it", "1.1.0"),)


def test_an_argument_without_any_value_is_empty() -> None:
    """As Argo Rollouts has it: a rollout's argument goes before the template's, empty or not."""
    assert _args([{"name": "it"}]) == (("it", ""),)


def _args(args: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    step = {"analysis": {"templates": [{"templateName": "errors", "clusterScope": False}], "args": args}}
    manifest = rollout(canary(steps=[step]))
    manifest["metadata"] |= {"uid": "123", "labels": {"version": "1.1.0", "app.kubernetes.io/name": "shop"}}
    strategy = parsed({**manifest, "status": {"stable": True}}).strategy
    assert isinstance(strategy, CanaryStrategy)
    (found,) = strategy.steps
    assert isinstance(found, AnalysisStep)
    return found.analysis.args


PROMETHEUS = {"prometheus": {"address": "http://prometheus:9090", "query": "up"}}
MEASURED: tuple[tuple[dict[str, Any], str], ...] = (  # fields of a metric, and what is wrong; empty: nothing is
    ({"count": 1, "failureLimit": 2}, "count: 1 measurements never come to failureLimit"),
    ({"count": 0, "failureLimit": 2}, ""),
    ({"count": 1, "inconclusiveLimit": 2}, "count: 1 measurements never come to inconclusiveLimit, 2"),
    ({"count": 0, "inconclusiveLimit": 2}, ""),
    ({"count": 2, "interval": "60s", "failureLimit": 2}, ""),
    ({"count": 1, "interval": "5s", "failureLimit": 1}, ""),
    ({"count": 2, "interval": "60s-typo"}, "interval: '60s-typo' is not a duration"),
    ({"count": 2, "interval": "60"}, "interval: '60' has no unit"),
    ({"count": 2, "interval": "60s", "initialDelay": "60s-typo"}, "initialDelay: '60s-typo' is not a duration"),
    ({"count": 2}, "interval: must be specified when count > 1"),
    ({"failureLimit": -2}, "failureLimit: -2 is not an integer of at least -1"),
    ({"failureLimit": -1}, "-1 needs a consecutiveSuccessLimit"),
    ({"failureLimit": -1, "consecutiveSuccessLimit": 0}, "-1 needs a consecutiveSuccessLimit"),
    ({"failureLimit": -1, "consecutiveSuccessLimit": 3}, ""),
    ({"inconclusiveLimit": -1}, "inconclusiveLimit: -1 is not an integer of at least 0"),
    ({"consecutiveErrorLimit": -1}, "consecutiveErrorLimit: -1 is not an integer of at least 0"),
    ({"consecutiveSuccessLimit": -1}, "consecutiveSuccessLimit: -1 is not an integer of at least 0"),
    ({"count": 5, "interval": "1s", "failureLimit": 2, "consecutiveSuccessLimit": 4}, "count: 5 measurements"),
    ({"count": 6, "interval": "1s", "failureLimit": 2, "consecutiveSuccessLimit": 4}, ""),
    ({"count": 3, "interval": "1s", "failureLimit": -1, "consecutiveSuccessLimit": 4}, "count: 3 measurements"),
    ({"count": "2", "interval": "1s", "failureLimit": "1"}, ""),
    ({"provider": {}}, "provider.prometheus: required"),
    ({"provider": {**PROMETHEUS, "web": {}}}, "provider.web: not supported"),
)


def test_the_limits_of_a_metric_are_refused_and_taken_as_by_argo_rollouts(subtests: pytest.Subtests) -> None:
    """`ValidateMetrics`."""
    for fields, message in MEASURED:
        with subtests.test(message, fields=fields):
            spec = {"metrics": [{"name": "m", "provider": PROMETHEUS, **fields}]}
            if not message:
                assert len(metrics_of(spec)) == 1
                continue
            with pytest.raises(SpecError) as refusal:
                metrics_of(spec)
            assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"metricName": "p95"}], ""),
        ([{"metricName": ".*"}], ""),
        ([{"metricName": "err"}, {"metricName": "p9"}], ""),  # found anywhere in the name
        ([{"metricName": "latency"}], "dryRun[0].metricName: 'latency' matches none of the metrics p95, errors"),
        ([{"metricName": "*"}], "dryRun[0].metricName: '*' matches none"),  # no pattern
        ([{"metricName": "p95"}, {"metricName": "p95"}], "dryRun[1].metricName: 'p95' is in two rules"),
    ],
)
def test_a_rule_of_a_dry_run_is_for_a_metric_that_there_is(rules: list[dict[str, str]], message: str) -> None:
    """Patterns, each of which is found in the name of a metric."""
    spec = {"metrics": [{"name": name, "provider": PROMETHEUS} for name in ("p95", "errors")], "dryRun": rules}
    if not message:
        assert any(each.dry_run for each in metrics_of(spec))
        return
    with pytest.raises(SpecError) as refusal:
        metrics_of(spec)
    assert message in str(refusal.value)


# fmt: off
ASSESSED: tuple[tuple[dict[str, int], dict[str, int], str, str], ...] = (  # limits, counters, phase while it goes on, phase when the run ends
    ({"failureLimit": 2}, {"failed": 3, "count": 3}, "Failed", "Failed"),
    ({"failureLimit": 3}, {"failed": 3, "count": 3}, "Running", "Successful"),
    ({"failureLimit": -1, "consecutiveSuccessLimit": 3}, {"failed": 3, "consecutiveSuccess": 3, "count": 7}, "Successful", "Successful"),
    ({"failureLimit": -1, "consecutiveSuccessLimit": 5}, {"failed": 3, "consecutiveSuccess": 3, "count": 7}, "Running", "Successful"),
    ({"failureLimit": -1, "consecutiveSuccessLimit": 5, "count": 7}, {"failed": 3, "consecutiveSuccess": 3, "count": 7}, "Failed", "Failed"),
    ({"failureLimit": -1, "consecutiveSuccessLimit": 3, "count": 7}, {"failed": 3, "consecutiveSuccess": 3, "count": 7}, "Successful", "Successful"),
    ({"failureLimit": -1, "consecutiveSuccessLimit": 3, "count": 9}, {"failed": 3, "consecutiveSuccess": 3, "count": 7}, "Successful", "Successful"),
    ({"failureLimit": -1, "consecutiveSuccessLimit": 5, "count": 9}, {"failed": 3, "consecutiveSuccess": 3, "count": 7}, "Running", "Successful"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4}, {"failed": 3, "consecutiveSuccess": 3, "count": 7}, "Running", "Successful"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4}, {"failed": 5, "consecutiveSuccess": 0, "count": 9}, "Failed", "Failed"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4}, {"failed": 3, "consecutiveSuccess": 4, "count": 8}, "Successful", "Successful"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4}, {"failed": 5, "consecutiveSuccess": 4, "count": 10}, "Failed", "Failed"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4, "count": 10}, {"failed": 4, "consecutiveSuccess": 3, "count": 10}, "Inconclusive", "Inconclusive"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4, "count": 10}, {"failed": 5, "consecutiveSuccess": 3, "count": 10}, "Failed", "Failed"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4, "count": 10}, {"failed": 4, "consecutiveSuccess": 4, "count": 10}, "Successful", "Successful"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4, "count": 10}, {"failed": 3, "consecutiveSuccess": 3, "count": 8}, "Running", "Successful"),
    ({"failureLimit": 4, "consecutiveSuccessLimit": 4, "count": 10}, {"failed": 3, "consecutiveSuccess": 4, "count": 8}, "Successful", "Successful"),
    ({"inconclusiveLimit": 2}, {"inconclusive": 3, "count": 3}, "Inconclusive", "Inconclusive"),
    ({"inconclusiveLimit": 3}, {"inconclusive": 3, "count": 3}, "Running", "Successful"),
    ({}, {"consecutiveError": 5, "count": 5}, "Error", "Error"),
    ({}, {"consecutiveError": 4, "count": 5}, "Running", "Successful"),
    ({"count": 10}, {"successful": 10, "count": 10}, "Successful", "Successful"),
    ({"count": 10}, {"successful": 5, "inconclusive": 5, "count": 10}, "Inconclusive", "Inconclusive"),
)
# fmt: on


def test_a_metric_is_assessed_as_by_argo_rollouts(subtests: pytest.Subtests) -> None:
    """`assessMetricStatus`, with the counters of its own tests."""
    for limits, counters, going_on, ending in ASSESSED:
        with subtests.test(going_on, limits=limits, counters=counters):
            (metric,) = metrics_of({"metrics": [{"name": "m", "interval": "60s", "provider": PROMETHEUS, **limits}]})
            result = {"count": 0, "consecutiveSuccess": 0, **counters}
            assert [metric_phase(metric, result, ends=ends).value for ends in (False, True)] == [going_on, ending]
