"""A genuine autoscaler, with the usage of a genuine metrics API: read by the driver `scale` and recorded by the watch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from kubernetes import client, config

from harness import clock
from harness.drivers.scale.scaled import find_scaled
from harness.drivers.scale.stress import stressed
from harness.drivers.watch.cluster.autoscalers import AutoscalerFollower
from harness.drivers.watch.recorder import WatchRecorder
from harness.errors import TargetUnreachable
from harness.evidence import History
from harness.targets import Target, platform_of
from harness.targets.cluster.usage import METRICS
from harness.targets.safety.intents import pending_intents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx

NAME: Final = "web"
CONTAINER: Final = {
    "name": "web",
    "image": "test/web:1",
    "ports": [{"containerPort": 8080}],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
}


def until(holds: Callable[[], bool], seconds: float = 90.0) -> None:
    """Wait for it."""
    for _ in clock.Deadline.after(seconds).ticks(0.5):
        if holds():
            return
    pytest.fail(f"did not hold within {seconds:g} s")


def find_place(target: Target) -> str:
    """The namespace that autoscalers are read in."""
    assert target.kubernetes is not None
    return target.kubernetes.namespace


@pytest.fixture
def api(target: Target) -> Any:
    """The official client."""
    assert target.kubernetes is not None
    return config.new_client_from_config(str(target.kubernetes.kubeconfig), persist_config=False)  # type: ignore[no-untyped-call]


@pytest.fixture
def autoscaled(target: Target, api: Any, genuine: httpx.Client) -> Iterator[Any]:
    """Two pods of one container, scaled at 50 % of the CPU that they ask for; skipped where no metrics API is served."""
    if genuine.get(f"/apis/{METRICS}").status_code != 200:
        pytest.skip("metrics-server was not built")
    apps: Any = client.AppsV1Api(api)
    scaling: Any = client.AutoscalingV2Api(api)
    place = find_place(target)
    labels = {"app": NAME}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [CONTAINER]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    apps.create_namespaced_deployment(place, {"metadata": {"name": NAME}, "spec": spec})
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    bounds = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 4, "metrics": [metric]}
    scaling.create_namespaced_horizontal_pod_autoscaler(
        place,
        {"metadata": {"name": NAME}, "spec": bounds},
    )
    yield scaling
    scaling.delete_namespaced_horizontal_pod_autoscaler(NAME, place)
    apps.delete_namespaced_deployment(NAME, place)


def test_replicas_follow_the_usage_that_the_driver_reads(
    autoscaled: Any, api: Any, target: Target, tmp_path: Path
) -> None:
    """Two pods that use 90 % of their request become four; usage, bounds and the decision are read as the sandbox's are."""
    here = find_scaled(target, NAME)
    assert (here.autoscaler, here.least, here.requests["cpu"]) == (NAME, 2, 0.1)
    until(here.at_rest)
    core, busy = client.CoreV1Api(api), {pod["metadata"]["name"] for pod in here.pods()}
    for name in busy:
        core.patch_namespaced_pod(name, here.namespace, {"metadata": {"annotations": {"genuine/cpu": "90m"}}})
    until(lambda: here.usage("cpu").mean > 0.8 or here.replicas() > 2)
    until(lambda: here.replicas() == 4)
    history = History(tmp_path / "autoscalers.ndjson", "autoscalers")
    follower = AutoscalerFollower(WatchRecorder.__new__(WatchRecorder), history, "autoscalers")
    follower.listed(
        api.sanitize_for_serialization(autoscaled.list_namespaced_horizontal_pod_autoscaler(here.namespace))["items"]
    )
    history.close()
    lines = [json.loads(line) for line in (tmp_path / "autoscalers.ndjson").read_text().splitlines()]
    assert [
        (one["kind"], one["fields"]["most"], one["fields"]["desired"], one["fields"]["active"]) for one in lines
    ] == [("autoscaler.present", 4, 4, True)]
    assert {one.pod for one in here.cpu_readings()} >= busy


def test_load_that_a_cluster_has_no_means_for_is_refused_and_leaves_nothing(autoscaled: Any, target: Target) -> None:
    """Chaos Mesh is not installed: the refusal is the API server's, and the undo log is empty."""
    assert autoscaled
    here, platform = find_scaled(target, NAME), platform_of(target)
    with (
        pytest.raises(TargetUnreachable, match="404"),
        stressed(here, {"cpu": {"workers": 1, "load": 50}}, target, platform, needs_s=1),
    ):
        pytest.fail("was stressed")
    assert pending_intents(platform) == []
