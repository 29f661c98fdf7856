"""What objects say of themselves, as their products write it: recorded shapes of Argo Rollouts, Deployments, Services and AnalysisRuns."""

from __future__ import annotations

from typing import Any

import pytest

from harness.drivers.rollout.status import ObjectStatus, read_analysis, read_deployment, read_rollout, read_service

CANARY = {"canary": {"steps": [{"setWeight": 5}, {"pause": {}}]}}


def rollout(*, generation: int = 7, spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """A Rollout; `observedGeneration` is a text there."""
    return {
        "kind": "Rollout",
        "metadata": {"name": "cart", "generation": generation},
        "spec": {"strategy": CANARY, **(spec or {})},
        "status": {"observedGeneration": "7", "phase": "Progressing", **status},
    }


def weights(canary: int) -> dict[str, Any]:
    """As a Rollout with traffic routing has them."""
    return {"weights": {"canary": {"weight": canary}, "stable": {"weight": 100 - canary}}}


def test_the_phase_is_read_as_argos_own_clients_read_it(subtests: pytest.Subtests) -> None:
    """A status of an older generation says nothing, and a pause is over as soon as its condition is gone. Older controllers wrote a hash for the generation."""
    paused: dict[str, Any] = {"controllerPause": True, "phase": "Paused"}
    step: dict[str, Any] = {"pauseConditions": [{"reason": "CanaryPauseStep"}], "message": "CanaryPauseStep"}
    for obj, phase, message in [
        (rollout(generation=8, phase="Healthy"), "Progressing", "waiting for rollout spec update to be observed"),
        (rollout(generation=8, phase="Healthy", observedGeneration="6f8b9c"), "Healthy", ""),
        (rollout(**paused), "Progressing", "waiting for rollout to unpause"),
        (rollout(**paused, **step), "Paused", "CanaryPauseStep"),
        (rollout(phase="Degraded", message="RolloutAborted: …", abort=True), "Degraded", "RolloutAborted: …"),
        (rollout(phase="Healthy"), "Healthy", ""),
        ({**rollout(), "status": {}}, "Progressing", ""),
    ]:
        with subtests.test(phase, message=message):
            status = read_rollout(obj)
            assert (status.phase, status.message) == (phase, message)


def test_the_share_is_that_of_the_traffic_and_without_routing_that_of_the_pods() -> None:
    """And 1 once the canary is the stable one, when its weight goes back to 0. Where traffic is routed and no weight is written, pods tell nothing."""
    hashes: dict[str, Any] = {"currentPodHash": "b", "stableRS": "a"}
    assert read_rollout(rollout(**hashes, canary=weights(25), replicas=4, updatedReplicas=2)).share == 0.25
    assert read_rollout(rollout(**hashes, replicas=4, updatedReplicas=1)).share == 0.25
    assert read_rollout(rollout(**hashes)).share is None
    routed = {"strategy": {"canary": {**CANARY["canary"], "trafficRouting": {"plugins": {}}}}}
    assert read_rollout(rollout(**hashes, spec=routed, replicas=4, updatedReplicas=2)).share is None
    assert read_rollout(rollout(**hashes, spec=routed, canary=weights(5), replicas=4, updatedReplicas=2)).share == 0.05
    promoted = read_rollout(rollout(currentPodHash="b", stableRS="b", canary=weights(0), phase="Healthy"))
    assert (promoted.share, promoted.switched, promoted.at_rest) == (1.0, True, True)


def test_a_weight_is_a_share_of_the_most_that_the_rollout_has() -> None:
    """100 of `maxTrafficWeight: 1000` are a tenth of the users, and not all of them."""
    routed = {"strategy": {"canary": {"trafficRouting": {"maxTrafficWeight": 1000, "plugins": {}}}}}
    of_1000 = {"weights": {"canary": {"weight": 100}, "stable": {"weight": 900}}}
    status = read_rollout(rollout(currentPodHash="b", stableRS="a", spec=routed, canary=of_1000, phase="Paused"))
    assert (status.share, status.switched) == (0.1, False)
    all_1000 = {"weights": {"canary": {"weight": 1000}, "stable": {"weight": 0}}}
    status = read_rollout(rollout(currentPodHash="b", stableRS="a", spec=routed, canary=all_1000, phase="Paused"))
    assert (status.share, status.switched) == (1.0, True)


def test_a_weight_that_is_not_in_effect_yet_is_no_share() -> None:
    """The router says later that it follows; where it cannot be asked, the weight counts as it is written."""
    for verified, share in ((False, None), (True, 1.0), (None, 1.0)):
        canary = {"weights": {**weights(100)["weights"], "verified": verified}}
        status = read_rollout(rollout(currentPodHash="b", stableRS="a", canary=canary))
        assert (status.share, status.switched) == (share, share == 1.0)


def test_an_aborted_canary_is_degraded_and_not_switched() -> None:
    """Its spec still has the candidate."""
    hashes: dict[str, Any] = {"currentPodHash": "b", "stableRS": "a"}
    status = read_rollout(rollout(**hashes, canary=weights(0), abort=True, phase="Degraded"))
    assert (status.aborted, status.switched, status.at_rest, status.share) == (True, False, False, 0.0)


def test_blue_green_is_switched_when_the_active_service_selects_the_new_pods() -> None:
    """The preview does not count."""
    spec = {"strategy": {"blueGreen": {"activeService": "cart"}}}
    before = {"activeSelector": "a", "previewSelector": "b"}
    status = read_rollout(rollout(spec=spec, currentPodHash="b", stableRS="a", blueGreen=before))
    assert (status.switched, status.share) == (False, 0.0)
    after = {"activeSelector": "b", "previewSelector": "b"}
    status = read_rollout(rollout(spec=spec, currentPodHash="b", stableRS="a", blueGreen=after))
    assert (status.switched, status.share) == (True, 1.0)


def deployment(*counts: int, generation: int = 3, **status: Any) -> dict[str, Any]:
    """A Deployment of three replicas: how many there are, were updated and are available, as far as its status says it."""
    meta = {"name": "cart", "generation": generation, "annotations": {"deployment.kubernetes.io/revision": "4"}}
    said = dict(zip(("replicas", "updatedReplicas", "availableReplicas"), counts, strict=False))
    status = {"observedGeneration": 3, **said, **status}
    return {"kind": "Deployment", "metadata": meta, "spec": {"replicas": 3}, "status": status}


def test_a_deployment_is_read_as_kubectl_rollout_status_reads_it(subtests: pytest.Subtests) -> None:
    """It never goes back by itself."""
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    for obj, phase, message in [
        (deployment(generation=4), "Progressing", "waiting for deployment spec update to be observed"),
        (deployment(4, 1, 4), "Progressing", "1 of 3 new replicas have been updated"),
        (deployment(4, 3, 4), "Progressing", "1 old replicas are pending termination"),
        (deployment(3, 3, 2), "Progressing", "2 of 3 updated replicas are available"),
        (deployment(3, 3, 3), "Healthy", ""),
        (deployment(4, 1, conditions=[late]), "Degraded", "exceeded its progress deadline"),
    ]:
        with subtests.test(message):
            status = read_deployment(obj)
            assert (status.phase, status.message, status.current, status.aborted) == (phase, message, "4", False)


def pod(ip: str, *, ready: bool = True) -> dict[str, Any]:
    """A pod."""
    return {"status": {"podIP": ip, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}}


def test_a_service_is_switched_when_its_endpoints_are_exactly_the_ready_pods_that_it_selects() -> None:
    """One of the other colour among them is one too many, and a pod that is not ready is not waited for."""
    service = {"spec": {"selector": {"app": "cart", "colour": "green"}}}
    pods = [pod("10.0.0.3"), pod("10.0.0.4"), pod("10.0.0.5", ready=False)]

    def read(*addresses: str) -> ObjectStatus:
        return read_service(service, pods, {"subsets": [{"addresses": [{"ip": one} for one in addresses]}]})

    assert read("10.0.0.3", "10.0.0.4").at_rest
    assert not read("10.0.0.3", "10.0.0.1").switched
    assert read("10.0.0.3", "10.0.0.1").share == 0.5
    assert read("10.0.0.3", "10.0.0.4").current == "app=cart,colour=green"
    nobody = read_service(service, [], None)
    assert (nobody.switched, nobody.message) == (False, "no ready pod is selected by app=cart,colour=green")


def analysis(phase: str, *results: dict[str, Any], metrics: int = 1) -> dict[str, Any]:
    """An AnalysisRun of step 1."""
    return {
        "metadata": {"name": "cart-1-1", "labels": {"rollout-type": "Step", "step-index": "1"}},
        "spec": {"metrics": [{"name": str(number)} for number in range(metrics)]},
        "status": {"phase": phase, "metricResults": list(results)},
    }


def test_an_analysis_that_was_ended_early_is_successful_and_measured_nothing() -> None:
    """So its phase alone is no verdict; errors do not count as measurements."""
    result = {"name": "p95", "phase": "Successful", "count": 3, "successful": 3, "measurements": [{"value": "[0.12]"}]}
    whole = read_analysis(analysis("Successful", result))
    assert (whole.kind, whole.step, whole.phase, whole.measured) == ("Step", 1, "Successful", 3)
    assert (whole.metrics[0]["values"], whole.metrics[0]["conditions"]) == (["[0.12]"], [])
    assert read_analysis(analysis("Successful")).measured == 0
    assert read_analysis(analysis("Successful", result, metrics=2)).measured == 0
    errors = {"name": "p95", "phase": "Error", "error": 5}
    assert read_analysis(analysis("Error", result, errors, metrics=2)).measured == 0
    stopped = analysis("Successful", result)
    stopped["spec"]["terminate"] = True  # as `promote` past its step does: one measurement of five may be all
    assert read_analysis(stopped).measured == 0
    dry = {"name": "dry", "dryRun": True, "phase": "Failed", "count": 0}
    beside = read_analysis(analysis("Successful", result, dry, metrics=2))
    assert beside.measured == 3
    assert [one.get("dry_run", False) for one in beside.metrics] == [False, True]


def test_the_conditions_of_a_metric_are_read_with_its_values() -> None:
    """By its name, from what the run was asked to measure."""
    run = analysis("Successful", {"name": "p95", "phase": "Successful", "count": 1})
    conditions = {"successCondition": "result[0] < 1", "failureCondition": "result[0] > 2"}
    run["spec"]["metrics"] = [{"name": "errors", "failureCondition": "result[0] > 9"}, {"name": "p95", **conditions}]
    assert read_analysis(run).metrics[0]["conditions"] == ["result[0] < 1", "result[0] > 2"]
