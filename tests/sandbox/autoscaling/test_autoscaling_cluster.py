"""Autoscalers on a cluster of real processes, through the official client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.sandbox.pocket import PocketCluster

BURN = """
import sys, time
while True:
    end = time.monotonic() + 0.1
    busy = time.process_time() + 0.1 * float(open(sys.argv[1]).read() or 0)
    while time.process_time() < busy and time.monotonic() < end:
        pass
    time.sleep(max(0.0, end - time.monotonic()))
"""


def metric(name: str, **target: Any) -> dict[str, Any]:
    """A resource metric with a target such as `averageUtilization=70`."""
    kind = "Utilization" if "averageUtilization" in target else "AverageValue"
    return {"type": "Resource", "resource": {"name": name, "target": {"type": kind, **target}}}


@pytest.fixture
def autoscaled(cluster: PocketCluster, tmp_path: Path) -> Iterator[Callable[..., Autoscaled]]:
    """Makes a Deployment of pods that burn what a file says, and an autoscaler on it."""
    made: list[Autoscaled] = []

    def make(*metrics: dict[str, Any], requests: dict[str, str] | None = None, **spec: Any) -> Autoscaled:
        made.append(Autoscaled(cluster, tmp_path / "burn"))
        made[0].create(metrics, {"cpu": "150m", "memory": "64Mi"} if requests is None else requests, spec)
        return made[0]

    yield make
    for each in made:
        each.api.delete_collection_namespaced_horizontal_pod_autoscaler("default")


class Autoscaled:
    """The Deployment `web` and its autoscaler."""

    def __init__(self, cluster: PocketCluster, burn: Path) -> None:
        self.cluster = cluster
        self.api: Any = client.AutoscalingV2Api(cluster.core.api_client)
        self._burn = burn

    def create(self, metrics: Any, requests: dict[str, str], spec: dict[str, Any]) -> None:
        """Two replicas; between 2 and 4 unless the spec says otherwise."""
        self.burn(0)
        command = {"command": ["python", "-c", BURN], "args": [str(self._burn)]}
        main = {"name": "main", "image": "test/burn:1", **command, "resources": {"requests": requests}}
        pod = {"containers": [main], "terminationGracePeriodSeconds": 0}
        template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
        deployed = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        self.cluster.apps.create_namespaced_deployment("default", {"metadata": {"name": "web"}, "spec": deployed})
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        scaled = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 4, "metrics": list(metrics), **spec}
        self.api.create_namespaced_horizontal_pod_autoscaler("default", {"metadata": {"name": "web"}, "spec": scaled})

    def burn(self, share: float) -> None:
        """The share of a real core that each pod uses from now on."""
        self._burn.with_suffix(".new").write_text(str(share))
        self._burn.with_suffix(".new").rename(self._burn)

    @property
    def replicas(self) -> int:
        """What the Deployment asks for."""
        return int(self.cluster.apps.read_namespaced_deployment("web", "default").spec.replicas)

    @property
    def status(self) -> Any:
        """The autoscaler's status."""
        return self.api.read_namespaced_horizontal_pod_autoscaler("web", "default").status

    @property
    def conditions(self) -> dict[str, tuple[str, str]]:
        """Type to status and reason."""
        return {each.type: (each.status, each.reason) for each in self.status.conditions or ()}

    def events(self) -> set[tuple[str, str]]:
        """Reason and message of what has happened to the autoscaler."""
        listed = self.cluster.core.list_namespaced_event(
            "default", field_selector="involvedObject.kind=HorizontalPodAutoscaler"
        )
        return {(each.reason, each.message) for each in listed.items}


@pytest.mark.slow
def test_replicas_follow_the_cpu_of_real_processes_up_and_down(autoscaled: Callable[..., Autoscaled]) -> None:
    """Over the target up to the maximum, and back to the minimum once the load has been gone for the window."""
    web = autoscaled(metric("cpu", averageUtilization=50))
    web.burn(0.08)
    web.cluster.until(lambda: web.replicas == 4, 120)
    assert web.conditions["ScalingActive"] == ("True", "ValidMetricFound")
    assert any(reason == "SuccessfulRescale" and "above target" in message for reason, message in web.events())
    assert web.status.last_scale_time is not None
    assert web.status.current_metrics[0].resource.current.average_utilization > 55
    web.burn(0)
    web.cluster.until(lambda: web.conditions["AbleToScale"][1] == "ScaleDownStabilized", 120)
    web.cluster.until(lambda: web.replicas == 2, 120)
    assert ("SuccessfulRescale", "New size: 2; reason: All metrics below target") in web.events()
    web.cluster.until(lambda: len(web.cluster.pods("app=web")) == 2)


def test_memory_over_its_average_scales_to_the_maximum(autoscaled: Callable[..., Autoscaled]) -> None:
    """And the status says that the maximum holds it back."""
    web = autoscaled(metric("memory", averageValue="1Mi"), maxReplicas=3)
    web.cluster.until(lambda: web.replicas == 3, 120)
    assert ("SuccessfulRescale", "New size: 3; reason: memory resource above target") in web.events()
    web.cluster.until(lambda: web.conditions["ScalingLimited"] == ("True", "TooManyReplicas"))
    assert web.status.desired_replicas == 3


def test_a_container_without_a_request_stops_the_autoscaler_and_says_so(autoscaled: Callable[..., Autoscaled]) -> None:
    """Replicas stay as they are."""
    web = autoscaled(metric("cpu", averageUtilization=50), requests={})
    web.cluster.until(lambda: web.conditions.get("ScalingActive") == ("False", "FailedGetResourceMetric"))
    web.cluster.until(lambda: any("missing request for cpu" in message for _, message in web.events()))
    assert web.replicas == 2


def test_a_failed_metric_blocks_scaling_down_and_not_up(autoscaled: Callable[..., Autoscaled]) -> None:
    """Memory asks for more and gets it, although there is no source of the other metric."""
    pods = {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "1"}}
    web = autoscaled({"type": "Pods", "pods": pods}, metric("memory", averageValue="1Mi"), maxReplicas=3)
    web.cluster.until(lambda: web.replicas == 3, 120)
    web.api.patch_namespaced_horizontal_pod_autoscaler(
        "web", "default", {"spec": {"metrics": [{"type": "Pods", "pods": pods}, metric("memory", averageValue="8Gi")]}}
    )
    web.cluster.until(lambda: web.conditions["ScalingActive"] == ("False", "FailedGetPodsMetric"))
    assert web.replicas == 3


def test_a_target_of_zero_replicas_is_left_alone(autoscaled: Callable[..., Autoscaled]) -> None:
    """ScalingDisabled until somebody scales it up; then the minimum holds."""
    web = autoscaled(metric("memory", averageValue="1Mi"))
    web.cluster.apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 0}})
    web.cluster.until(lambda: web.conditions.get("ScalingActive") == ("False", "ScalingDisabled"))
    assert web.replicas == 0
    web.cluster.apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 1}})
    web.cluster.until(lambda: web.replicas >= 2)
    assert any("below Spec.MinReplicas" in message for _, message in web.events())


def test_a_target_that_is_not_there_is_named(autoscaled: Callable[..., Autoscaled]) -> None:
    """FailedGetScale."""
    nobody = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"}
    web = autoscaled(metric("cpu", averageUtilization=50), scaleTargetRef=nobody)
    web.cluster.until(lambda: web.conditions.get("AbleToScale") == ("False", "FailedGetScale"))
    assert any('"nobody" not found' in message for _, message in web.events())
