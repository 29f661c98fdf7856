"""Nodes: scheduling, cordon, power loss, deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from harness import clock
from tests.sandbox.pocket import ready, server_container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox

EUROPE = {"topology.kubernetes.io/region": "eu-west-1"}
POWER = "sandbox.readiness/power"


@pytest.fixture
def europe(cluster: PocketCluster) -> Iterator[PocketCluster]:
    """The cluster with a Deployment of two on the two nodes of eu-west-1, which are healthy again afterwards."""
    spec = {"containers": [server_container()], "nodeSelector": EUROPE, "terminationGracePeriodSeconds": 2}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    body = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    cluster.apps.create_namespaced_deployment("default", {"metadata": {"name": "web"}, "spec": body})
    cluster.until(lambda: len(cluster.ready_pods("app=web")) == 2)
    yield cluster
    for name in ("eu-west-1a", "eu-west-1b"):
        power(cluster, name, None)
        cordon(cluster, name, on=False)
    cluster.until(lambda: is_ready(cluster, "eu-west-1a") and is_ready(cluster, "eu-west-1b"))


def power(cluster: PocketCluster, node: str, value: str | None) -> None:
    """Take a node's power away with 'off', give it back with None."""
    cluster.core.patch_node(node, {"metadata": {"annotations": {POWER: value}}})


def cordon(cluster: PocketCluster, node: str, *, on: bool) -> None:
    """Close a node for new pods, or open it."""
    cluster.core.patch_node(node, {"spec": {"unschedulable": on}})


def is_ready(cluster: PocketCluster, node: str) -> bool:
    """Whether a node's Ready condition is True."""
    conditions = cluster.core.read_node(node).status.conditions
    return any(each.type == "Ready" and each.status == "True" for each in conditions)


def where(cluster: PocketCluster) -> list[str]:
    """The nodes of the ready pods."""
    return sorted(pod.spec.node_name for pod in cluster.ready_pods("app=web"))


def test_a_cordoned_node_gets_no_new_pods(europe: PocketCluster) -> None:
    """What is there stays; a replacement goes to the other node; with none left it is Pending and says why."""
    cordon(europe, "eu-west-1a", on=True)
    assert where(europe) == ["eu-west-1a", "eu-west-1b"]
    on_a = next(pod for pod in europe.pods("app=web") if pod.spec.node_name == "eu-west-1a")
    europe.core.delete_namespaced_pod(on_a.metadata.name, "default", grace_period_seconds=0)
    europe.until(lambda: where(europe) == ["eu-west-1b", "eu-west-1b"])
    cordon(europe, "eu-west-1b", on=True)
    europe.core.delete_namespaced_pod(europe.pods("app=web")[0].metadata.name, "default", grace_period_seconds=0)

    def pending() -> list[Any]:
        return [pod for pod in europe.pods("app=web") if pod.status.phase == "Pending"]

    europe.until(lambda: len(pending()) == 1)
    conditions = {each.type: each for each in pending()[0].status.conditions}
    assert conditions["PodScheduled"].reason == "Unschedulable"
    cordon(europe, "eu-west-1a", on=False)
    europe.until(lambda: where(europe) == ["eu-west-1a", "eu-west-1b"])


def test_power_loss_kills_at_once_and_is_noticed_later(europe: PocketCluster) -> None:
    """Silent at first; NotReady after 4 s, pods unready; evicted 5 s later and running on the other node."""
    lost = next(pod for pod in europe.pods("app=web") if pod.spec.node_name == "eu-west-1a")
    began_s = clock.now_s()
    power(europe, "eu-west-1a", "off")
    europe.until(lambda: not is_ready(europe, "eu-west-1a"))
    assert clock.now_s() - began_s > 2.5
    assert not ready(europe.core.read_namespaced_pod(lost.metadata.name, "default"))
    europe.until(lambda: where(europe) == ["eu-west-1b", "eu-west-1b"])
    with pytest.raises(ApiException, match="404"):
        europe.core.read_namespaced_pod(lost.metadata.name, "default")
    power(europe, "eu-west-1a", None)
    europe.until(lambda: is_ready(europe, "eu-west-1a"))
    assert not europe.core.read_node("eu-west-1a").spec.taints


def test_power_that_comes_back_soon_restarts_the_same_pods(europe: PocketCluster) -> None:
    """Same uid, one restart more."""
    pod = next(pod for pod in europe.pods("app=web") if pod.spec.node_name == "eu-west-1b")
    power(europe, "eu-west-1b", "off")
    power(europe, "eu-west-1b", "on")

    def restarted() -> bool:
        now = europe.core.read_namespaced_pod(pod.metadata.name, "default")
        return (
            now.metadata.uid == pod.metadata.uid and ready(now) and now.status.container_statuses[0].restart_count == 1
        )

    europe.until(restarted)


def test_a_deleted_node_takes_its_pods_with_it(europe: PocketCluster) -> None:
    """They come up on the other node; the node can be registered again."""
    node = europe.core.read_node("eu-west-1a")
    europe.core.delete_node("eu-west-1a")
    europe.until(lambda: where(europe) == ["eu-west-1b", "eu-west-1b"])
    europe.core.create_node({"metadata": {"name": "eu-west-1a", "labels": node.metadata.labels}})
    europe.until(lambda: is_ready(europe, "eu-west-1a"))


def test_a_node_says_what_strict_clients_demand(cluster: PocketCluster) -> None:
    """Ten facts of its system, a heartbeat, an address."""
    node = cluster.core.read_node("edge")
    assert node.status.node_info.kubelet_version.endswith("+pocket")
    assert node.status.addresses[0].type == "InternalIP"
    lease = client.CoordinationV1Api(cluster.core.api_client).read_namespaced_lease("edge", "kube-node-lease")
    assert lease.spec is not None
    assert lease.spec.holder_identity == "edge"


def test_a_node_is_added_for_pods_without_room_and_goes_after_them(europe: PocketCluster) -> None:
    """A NodePool of eu-west-1; three replicas of six CPU on two nodes of eight: the third runs on the node that comes."""
    requirements = [{"key": key, "operator": "In", "values": [value]} for key, value in EUROPE.items()]
    reference = {"group": "sandbox.readiness", "kind": "ProcessNodeClass", "name": "default"}
    pooled = {
        "template": {"spec": {"nodeClassRef": reference, "requirements": requirements}},
        "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "1s"},
    }
    pool = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "europe"}, "spec": pooled}
    container = server_container() | {"resources": {"requests": {"cpu": "6"}}}
    spec = {"containers": [container], "nodeSelector": EUROPE, "terminationGracePeriodSeconds": 2}
    template = {"metadata": {"labels": {"app": "heavy"}}, "spec": spec}
    body = {"replicas": 3, "selector": {"matchLabels": {"app": "heavy"}}, "template": template}

    def nodes() -> set[str]:
        return {node.metadata.name for node in europe.core.list_node().items}

    there, custom = nodes(), client.CustomObjectsApi(europe.core.api_client)
    custom.create_cluster_custom_object("karpenter.sh", "v1", "nodepools", pool)
    try:
        europe.apps.create_namespaced_deployment("default", {"metadata": {"name": "heavy"}, "spec": body})
        europe.until(lambda: len(europe.ready_pods("app=heavy")) == 3)
        (added,) = nodes() - there
        used = sorted(pod.spec.node_name for pod in europe.ready_pods("app=heavy"))
        assert used == ["eu-west-1a", "eu-west-1b", added]
        europe.apps.delete_namespaced_deployment("heavy", "default")
        europe.until(lambda: nodes() == there)
        leases = client.CoordinationV1Api(europe.core.api_client).list_namespaced_lease("kube-node-lease").items
        assert added not in {lease.metadata.name for lease in leases if lease.metadata}
    finally:
        custom.delete_cluster_custom_object("karpenter.sh", "v1", "nodepools", "europe")
