"""The scaled workload as the API says, and how much stress a level takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.scale.scaled import Scaled, cheapest, every_service, find_scaled, pod_spec
from harness.drivers.scale.stress import stressors_for
from harness.errors import DriverError
from harness.targets import load_target
from harness.targets.kubernetes import Cluster
from readiness_sandbox.cluster import kinds
from tests.together import objects

if TYPE_CHECKING:
    from pathlib import Path

    from harness.targets import Target
    from tests.together.conftest import PocketCluster

TARGET = """
name: pocket
environment: sandbox
disposable: true
entry: http://127.95.3.9:8080
regions: {{north: {{entry: 'http://127.95.3.9:8080', namespace: north, share: 100 %}}}}
primary_region: north
probes: {{health: /health, services: {{small: /health, large: /health}}}}
kubernetes: {{context: pocket, namespace: north, kubeconfig: {kubeconfig}}}
"""


@pytest.fixture
def target(cluster: PocketCluster, tmp_path: Path) -> Target:
    """One region in one pocket cluster."""
    file = tmp_path / "target.yaml"
    file.write_text(TARGET.format(kubeconfig=cluster.kubeconfig))
    return load_target(file)


def deployment(name: str, cpu: str, *, replicas: int = 2) -> dict[str, Any]:
    """Of pods with two containers, each of which asks for that CPU."""
    requests = {"cpu": cpu, "memory": "128Mi"}
    containers = [{"name": f"c{number}", "image": "a:1", "resources": {"requests": requests}} for number in range(2)]
    return objects.deployment(name, "north", *containers, replicas=replicas)


def autoscaler(name: str, least: int = 2) -> dict[str, Any]:
    """Of the Deployment of that name."""
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    metrics = [{"type": "Resource", "resource": cpu}]
    spec = {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": 9, "metrics": metrics}
    return {"metadata": {"name": f"{name}-hpa", "namespace": "north"}, "spec": spec}


def test_a_workload_is_found_with_its_autoscaler(cluster: PocketCluster, target: Target) -> None:
    """What its pods ask for is the sum of their containers; the replicas are those of its specification."""
    cluster.create("Deployment", deployment("small", "100m", replicas=3))
    cluster.create("HorizontalPodAutoscaler", autoscaler("small", 3))
    found = find_scaled(target, "small")
    assert (found.subject, found.autoscaler, found.least, found.replicas()) == ("north/small", "small-hpa", 3, 3)
    assert found.requests == {"cpu": 0.2, "memory": 2 * 128 * 2**20}
    assert not found.at_rest()
    beside = deployment("beside", "100m")
    pod = beside["spec"]["template"]["spec"]
    pod["initContainers"] = [{**pod["containers"].pop(), "restartPolicy": "Always"}]
    cluster.create("Deployment", beside)
    assert find_scaled(target, "beside").requests == found.requests, "a sidecar asks as well"


def test_the_service_that_asks_for_the_least_is_chosen(cluster: PocketCluster, target: Target) -> None:
    """Of those behind the entry that are autoscaled; without one there is nothing to choose from, and without a name none behind it."""
    for name, cpu in (("small", "100m"), ("large", "1"), ("foreign", "10m")):
        cluster.create("Deployment", deployment(name, cpu))
    with pytest.raises(DriverError, match="no service behind the entry has an autoscaler in north"):
        cheapest(target)
    for name in ("large", "small", "foreign"):
        cluster.create("HorizontalPodAutoscaler", autoscaler(name))
    assert cheapest(target).name == "small"


def test_every_service_is_each_that_is_autoscaled_or_behind_the_entry(cluster: PocketCluster, target: Target) -> None:
    """One that nobody named is there by its autoscaler; without either there is nothing to give load to."""
    for name in ("large", "foreign"):
        cluster.create("Deployment", deployment(name, "100m"))
        cluster.create("HorizontalPodAutoscaler", autoscaler(name))
    assert every_service(target) == ["foreign", "large", "small"]
    named = target.probes.model_copy(update={"services": {}})
    assert every_service(target.model_copy(update={"probes": named})) == ["foreign", "large"]
    kind = kinds.by_name("HorizontalPodAutoscaler")
    cluster.do(lambda store: [store.delete(kind, "north", f"{name}-hpa") for name in ("large", "foreign")])
    with pytest.raises(DriverError, match="there is no autoscaler in north, and the target file names no service"):
        every_service(target.model_copy(update={"probes": named}))


def test_what_is_not_there_is_said(cluster: PocketCluster, target: Target) -> None:
    """A name that the region does not have, and a workload that asks for nothing."""
    with pytest.raises(DriverError, match="Deployment north/small does not exist"):
        find_scaled(target, "small")
    bare = deployment("small", "1")
    del bare["spec"]["template"]["spec"]["containers"][0]["resources"]
    cluster.create("Deployment", bare)
    with pytest.raises(DriverError, match="north/small has a container without a resource request for cpu"):
        find_scaled(target, "small")


def test_the_stress_that_a_level_takes(target: Target, subtests: pytest.Subtests) -> None:
    """Of a request of 250m and 256Mi: a share of a core, split where it is more than one, and memory less what holding it takes."""
    requests = {"cpu": 0.25, "memory": 256 * 2**20}
    here = Scaled(cluster=Cluster.of(target), namespace="north", name="a", requests=requests, labels={"app": "a"})
    cases: list[tuple[str, float, dict[str, Any]]] = [
        ("cpu", 0.8, {"workers": 1, "load": 20}),
        ("cpu", 6.0, {"workers": 2, "load": 75}),
        ("cpu", 0.0, {"workers": 1, "load": 1}),
        ("memory", 0.9, {"workers": 1, "size": "222MB"}),
        ("memory", 0.0, {"workers": 1, "size": "1MB"}),
    ]
    for resource, usage, expected in cases:
        with subtests.test(resource=resource, usage=usage):
            assert stressors_for(here, resource, usage) == {resource: expected}


def test_a_rollout_that_refers_to_a_deployment_has_its_pods(cluster: PocketCluster, target: Target) -> None:
    """One that refers to nothing that is there has none, which is said."""
    cluster.create("Deployment", deployment("small", "100m"))
    reference = {"kind": "Deployment", "name": "small"}
    rollout: dict[str, Any] = {"metadata": {"name": "small"}, "spec": {"workloadRef": reference}}
    spec = pod_spec(Cluster.of(target), "north", rollout)
    assert (spec["selector"], len(spec["template"]["spec"]["containers"])) == ({"matchLabels": {"app": "small"}}, 2)
    reference["name"] = "gone"
    with pytest.raises(DriverError, match="north/small has no pod template") as caught:
        pod_spec(Cluster.of(target), "north", rollout)
    assert caught.value.hint == "check `workloadRef`, and whether the Deployment gone exists"
