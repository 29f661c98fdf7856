"""Services, endpoints and network policies, with real pods behind the real forwarder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.sandbox.pocket import server_container

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox

PORT = {"name": "http", "port": 80, "targetPort": "http"}
SERVICE = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [PORT]}}


def start(cluster: PocketCluster, replicas: int = 2) -> str:
    """A Service over so many ready servers; its URL."""
    cluster.core.create_namespaced_service("default", SERVICE)
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [server_container()]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    cluster.apps.create_namespaced_deployment("default", {"metadata": {"name": "web"}, "spec": spec})
    cluster.until(lambda: len(cluster.ready_pods("app=web")) == replicas)
    address = cluster.core.read_namespaced_service("web", "default").spec.cluster_ip
    return f"http://{address}"


def served(url: str) -> str:
    """Who answers; '' when the connection is refused or reset."""
    try:
        return httpx.get(url, timeout=30).text
    except httpx.TransportError:
        return ""


def ready_addresses(cluster: PocketCluster) -> set[str]:
    """The addresses that Endpoints `web` says are ready."""
    subsets = cluster.core.read_namespaced_endpoints("web", "default").subsets or ()
    return {address.ip for subset in subsets for address in subset.addresses or ()}


def test_a_service_spreads_over_its_ready_pods(cluster: PocketCluster) -> None:
    """By the named port; Endpoints and EndpointSlice say the same."""
    url = start(cluster)
    names = {pod.metadata.name for pod in cluster.ready_pods("app=web")}
    cluster.until(lambda: {served(url) for _ in range(4)} == names)
    assert ready_addresses(cluster) == {pod.status.pod_ip for pod in cluster.ready_pods("app=web")}
    slices = client.DiscoveryV1Api(cluster.core.api_client).list_namespaced_endpoint_slice(
        "default", label_selector="kubernetes.io/service-name=web"
    )
    assert {address for each in slices.items[0].endpoints or () for address in each.addresses} == ready_addresses(
        cluster
    )


def test_an_unready_pod_gets_no_traffic(cluster: PocketCluster) -> None:
    """It moves to notReadyAddresses, and back; it is not restarted for it."""
    url = start(cluster)
    sick, well = cluster.ready_pods("app=web")
    httpx.post(f"http://{sick.status.pod_ip}:8080/sick")
    cluster.until(lambda: ready_addresses(cluster) == {well.status.pod_ip})
    cluster.until(lambda: {served(url) for _ in range(6)} == {well.metadata.name})
    httpx.post(f"http://{sick.status.pod_ip}:8080/well")
    cluster.until(lambda: len(ready_addresses(cluster)) == 2)
    again = cluster.core.read_namespaced_pod(sick.metadata.name, "default")
    assert again.status.container_statuses[0].restart_count == 0


def test_a_service_without_selector_serves_the_endpoints_that_others_write(cluster: PocketCluster) -> None:
    """As Patroni does: they are left alone, mirrored to a slice and forwarded to."""
    start(cluster, 1)
    target = cluster.ready_pods("app=web")[0]
    cluster.core.create_namespaced_service(
        "default", {"metadata": {"name": "main"}, "spec": {"ports": [{"port": 5432}]}}
    )
    subset = {"addresses": [{"ip": target.status.pod_ip}], "ports": [{"name": "postgresql", "port": 8080}]}
    cluster.core.create_namespaced_endpoints("default", {"metadata": {"name": "main"}, "subsets": [subset]})
    address = cluster.core.read_namespaced_service("main", "default").spec.cluster_ip
    cluster.until(lambda: served(f"http://{address}:5432") == target.metadata.name)
    cluster.core.patch_namespaced_endpoints("main", "default", {"subsets": []})
    cluster.until(lambda: served(f"http://{address}:5432") == "")


def caller(cluster: PocketCluster, name: str, labels: dict[str, str]) -> None:
    """A pod that asks the Service again and again and prints who answered, or `refused`."""
    code = (
        "import os, time, urllib.request\n"
        "url = f\"http://{os.environ['WEB_SERVICE_HOST']}:{os.environ['WEB_SERVICE_PORT']}\"\n"
        "while True:\n"
        "    try: print('answered', urllib.request.urlopen(url, timeout=30).status, flush=True)\n"
        "    except OSError: print('refused', flush=True)\n"
        "    time.sleep(0.05)\n"
    )
    container = {"name": "main", "image": "test/caller:1", "command": ["python", "-c", code]}
    body: dict[str, Any] = {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}
    cluster.core.create_namespaced_pod("default", body)


def last_line(cluster: PocketCluster, name: str) -> str:
    """What a caller has said last."""
    try:
        return str(cluster.core.read_namespaced_pod_log(name, "default", tail_lines=1)).strip()
    except ApiException:
        return ""


def test_a_network_policy_admits_its_callers_and_refuses_all_others(cluster: PocketCluster) -> None:
    """Decided per caller though all call from 127.0.0.1; the host, which is the node, is always admitted."""
    url = start(cluster, 1)
    caller(cluster, "friend", {"app": "frontend"})
    caller(cluster, "stranger", {"app": "other"})
    cluster.until(lambda: last_line(cluster, "friend") == last_line(cluster, "stranger") == "answered 200")
    ingress = [{"from": [{"podSelector": {"matchLabels": {"app": "frontend"}}}], "ports": [{"port": 8080}]}]
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": ingress}
    cluster.networking.create_namespaced_network_policy(
        "default", {"metadata": {"name": "only-frontend"}, "spec": spec}
    )
    cluster.until(lambda: last_line(cluster, "stranger") == "refused")
    assert last_line(cluster, "friend") == "answered 200"
    assert served(url) != ""
    cluster.networking.delete_namespaced_network_policy("only-frontend", "default")
    cluster.until(lambda: last_line(cluster, "stranger") == "answered 200")


def partition(name: str, caller: str, **more: Any) -> dict[str, Any]:
    """A NetworkChaos that parts a caller from the pods of `app=web`."""
    spec = {
        "action": "partition",
        "mode": "all",
        "selector": {"pods": {"default": [caller]}},
        "direction": "both",
        "target": {"mode": "all", "selector": {"labelSelectors": {"app": "web"}}},
        **more,
    }
    kind = {"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def test_a_partition_cuts_one_caller_off_until_it_is_deleted(cluster: PocketCluster) -> None:
    """By Chaos Mesh's NetworkChaos and its status; another caller is answered all the time."""
    of = ("chaos-mesh.org", "v1alpha1", "default", "networkchaos")
    custom: Any = client.CustomObjectsApi(cluster.core.api_client)
    start(cluster, 1)
    for name in ("parted", "friend"):
        caller(cluster, name, {"app": name})
    cluster.until(lambda: last_line(cluster, "friend") == last_line(cluster, "parted") == "answered 200")
    custom.create_namespaced_custom_object(*of, partition("cut", "parted"))
    cluster.until(lambda: last_line(cluster, "parted") == "refused")
    assert last_line(cluster, "friend") == "answered 200"
    status = custom.get_namespaced_custom_object(*of, "cut")["status"]
    assert {each["type"]: each["status"] for each in status["conditions"]}["AllInjected"] == "True"
    assert [(each["id"], each["phase"]) for each in status["experiment"]["containerRecords"]] == [
        ("default/parted", "Injected")
    ]
    custom.delete_namespaced_custom_object(*of, "cut")
    cluster.until(lambda: last_line(cluster, "parted") == "answered 200")


def test_a_partition_from_nobody_is_not_injected(cluster: PocketCluster) -> None:
    """A target that selects no pod is said, and the caller goes on."""
    of = ("chaos-mesh.org", "v1alpha1", "default", "networkchaos")
    custom: Any = client.CustomObjectsApi(cluster.core.api_client)
    start(cluster, 1)
    caller(cluster, "caller", {"app": "caller"})
    cluster.until(lambda: last_line(cluster, "caller") == "answered 200")
    target = {"mode": "all", "selector": {"labelSelectors": {"app": "nobody"}}}
    custom.create_namespaced_custom_object(*of, partition("none", "caller", target=target))
    cluster.until(lambda: "status" in custom.get_namespaced_custom_object(*of, "none"))
    (record,) = custom.get_namespaced_custom_object(*of, "none")["status"]["experiment"]["containerRecords"]
    assert (record["phase"], record["events"][-1]["type"]) == ("Not Injected", "Failed")
    assert "no pod of `target`" in record["events"][-1]["message"]
    custom.delete_namespaced_custom_object(*of, "none")
    assert last_line(cluster, "caller") == "answered 200"


def test_no_request_is_lost_when_a_pod_is_killed(cluster: PocketCluster) -> None:
    """Each request on a connection of its own, one kill in between: the dead endpoint is passed over."""
    url = start(cluster, 3)
    cluster.until(lambda: served(url) != "")
    answers = [served(url) for _ in range(5)]
    cluster.core.delete_namespaced_pod(cluster.pods("app=web")[0].metadata.name, "default", grace_period_seconds=0)
    answers += [served(url) for _ in range(20)]
    assert "" not in answers
