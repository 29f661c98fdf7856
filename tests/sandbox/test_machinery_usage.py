"""What containers use, measured on real processes and served as a real cluster serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client
from prometheus_client.parser import text_string_to_metric_families

from readiness_sandbox.cluster.quantities import amount
from readiness_sandbox.scales import CPU_SCALE
from tests.sandbox.pocket import server_container

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

METRICS = ("metrics.k8s.io", "v1beta1")
STATE = "/api/v1/namespaces/kube-system/services/kube-state-metrics:http-metrics/proxy/metrics"
BUSY = """
import subprocess, sys, time
child = "import time\\nend = time.monotonic() + 60\\nkept = bytearray(b'x') * (64 << 20)\\nwhile time.monotonic() < end:\\n    sum(range(2000)); time.sleep(0.02)"
subprocess.run([sys.executable, "-c", child])
"""


def started(cluster: PocketCluster, name: str, container: dict[str, Any]) -> None:
    """Start a pod of that name."""
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    meta = {"name": name, "labels": {"app": name}}
    cluster.core.create_namespaced_pod("default", {"metadata": meta, "spec": spec})


@pytest.fixture(scope="module")
def busy(pocket_cluster: PocketCluster) -> Any:
    """A pod whose work and 64 MiB are in a child of its first process, beside an idle one; and the reader of metrics."""
    for name, container in (
        ("busy", {"name": "main", "image": "test/busy:1", "command": ["python", "-c", BUSY]}),
        ("idle", {"name": "main", "image": "test/idle:1", "command": ["sleep", "600"]}),
    ):
        started(pocket_cluster, name, container)
    custom: Any = client.CustomObjectsApi(pocket_cluster.core.api_client)

    def usage(name: str) -> tuple[float, float]:
        """Real cores and MiB."""
        found = custom.get_namespaced_custom_object(*METRICS, "default", "pods", name)
        used = found["containers"][0]["usage"]
        return float(amount(used["cpu"])) / CPU_SCALE, float(amount(used["memory"])) / 2**20

    def both_measured() -> bool:
        return len(custom.list_namespaced_custom_object(*METRICS, "default", "pods")["items"]) == 2

    pocket_cluster.until(both_measured)
    pocket_cluster.until(lambda: usage("busy")[1] > 64)
    yield usage
    pocket_cluster.core.delete_collection_namespaced_pod("default", grace_period_seconds=0)
    pocket_cluster.until(lambda: not pocket_cluster.pods())


def test_a_pod_is_charged_for_all_its_processes(busy: Any) -> None:
    """CPU and memory of a child count; a sleeping pod uses next to nothing."""
    cores, memory = busy("busy")
    assert cores > 0.0005
    assert 64 < memory < 110
    idle_cores, idle_memory = busy("idle")
    assert idle_cores < cores / 2
    assert idle_memory < 32


@pytest.mark.usefixtures("busy")
def test_a_node_uses_what_its_pods_use(pocket_cluster: PocketCluster) -> None:
    """Nodes without pods that run are left out; the scale is named."""
    custom: Any = client.CustomObjectsApi(pocket_cluster.core.api_client)
    nodes = custom.list_cluster_custom_object(*METRICS, "nodes")["items"]
    assert {each["metadata"]["name"] for each in nodes} == {pod.spec.node_name for pod in pocket_cluster.pods()}
    assert {each["metadata"]["annotations"]["sandbox.readiness/cpu-scale"] for each in nodes} == {str(CPU_SCALE)}


def families(cluster: PocketCluster, path: str) -> dict[str, list[Any]]:
    """An exposition, read by Prometheus' own client library."""
    return {family.name: family.samples for family in text_string_to_metric_families(cluster.get(path))}


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("page", ["cadvisor", "resource"])
def test_counters_of_a_kubelet_rise_and_never_fall(pocket_cluster: PocketCluster, page: str) -> None:
    """Under the names of cAdvisor and of the kubelet, with the moment of the measurement."""
    node = next(pod.spec.node_name for pod in pocket_cluster.pods("app=busy"))

    def cpu() -> tuple[float, float]:
        found = families(pocket_cluster, f"/api/v1/nodes/{node}/proxy/metrics/{page}")["container_cpu_usage_seconds"]
        sample = next(each for each in found if each.labels["pod"] == "busy" and each.labels["container"] == "main")
        return sample.timestamp, sample.value

    first = cpu()
    pocket_cluster.until(lambda: cpu()[0] > first[0])
    assert cpu()[1] > first[1]


@pytest.mark.usefixtures("busy")
def test_cadvisor_shows_each_pod_whole_with_its_network(pocket_cluster: PocketCluster) -> None:
    """The series without a container is the pod's cgroup, as on a real node; the network is known per pod only."""
    node = next(pod.spec.node_name for pod in pocket_cluster.pods("app=busy"))
    found = families(pocket_cluster, f"/api/v1/nodes/{node}/proxy/metrics/cadvisor")
    of_busy = [each for each in found["container_memory_working_set_bytes"] if each.labels["pod"] == "busy"]
    assert {each.labels["container"] for each in of_busy} == {"", "main"}
    assert len({each.value for each in of_busy}) == 1
    resident = [each.value for each in found["container_memory_rss"] if each.labels["pod"] == "busy"]
    assert all(1e6 < each < 300e6 for each in resident)
    received = [each for each in found["container_network_receive_bytes"] if each.labels["pod"] == "busy"]
    assert [each.labels["container"] for each in received] == [""]


@pytest.mark.usefixtures("busy")
def test_the_state_of_objects_has_the_names_of_kube_state_metrics(pocket_cluster: PocketCluster) -> None:
    """Phases are 0 or 1 for each phase; restarts are those of the API."""
    found = families(pocket_cluster, STATE)
    phases = {
        each.labels["phase"]: each.value for each in found["kube_pod_status_phase"] if each.labels["pod"] == "busy"
    }
    assert phases == {"Pending": 0, "Running": 1, "Succeeded": 0, "Failed": 0, "Unknown": 0}
    restarts = [each.value for each in found["kube_pod_container_status_restarts"] if each.labels["pod"] == "busy"]
    assert restarts == [0]
    assert {each.labels["status"] for each in found["kube_node_status_condition"]} == {"true", "false", "unknown"}


def test_bytes_through_a_service_are_counted_at_both_ends(cluster: PocketCluster) -> None:
    """What one pod sends another receives."""
    ask = "import os, time, urllib.request\nfor _ in range(600):\n    try:\n        urllib.request.urlopen('http://%s:80/' % os.environ['WEB_SERVICE_HOST'], timeout=2).read()\n    except OSError:\n        pass\n    time.sleep(0.1)"
    service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    cluster.core.create_namespaced_service("default", {"metadata": {"name": "web"}, "spec": service})
    for name, container in (
        ("web", server_container()),
        ("caller", {"name": "main", "image": "test/caller:1", "command": ["python", "-c", ask]}),
    ):
        started(cluster, name, container)
    nodes = {each.metadata.name for each in cluster.core.list_node().items}

    def counted() -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = {}
        for node in nodes:
            page = families(cluster, f"/api/v1/nodes/{node}/proxy/metrics/cadvisor")
            for way in ("receive", "transmit"):
                samples = page.get(f"container_network_{way}_bytes", [])
                found |= {(each.labels["pod"], way): each.value for each in samples}
        return found

    cluster.until(lambda: counted().get(("caller", "receive"), 0) > 100)
    seen = counted()
    assert seen["web", "receive"] > 100
    assert seen["caller", "transmit"] > 100
