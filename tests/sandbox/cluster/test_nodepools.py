"""NodePools: a node for pods that lack room, within limits, in a zone that is there, and its end once it is empty."""

from __future__ import annotations

from typing import Any

import pytest

from readiness_sandbox.cluster.controllers import scheduler
from readiness_sandbox.cluster.controllers.nodepools import BATCH_S, POOL, ZONE, NodePools
from readiness_sandbox.cluster.controllers.view import NODE, POD
from readiness_sandbox.cluster.custom import definitions
from readiness_sandbox.cluster.kubelet.nodes import with_kubelet_status
from readiness_sandbox.cluster.kubelet.status import condition
from readiness_sandbox.cluster.store import Store
from tests.fake_clock import FakeClock, S

REGION = "topology.kubernetes.io/region"


class Scaled:
    """A cluster of one node of two CPU in zone `a`, with a pool that may have two nodes in zones `a` and `b`."""

    def __init__(self, clock: FakeClock, **spec: Any) -> None:
        self.clock = clock
        self.store = Store()
        self.store.create_system_namespaces()
        for each in definitions.shipped():
            self.store.kinds.define(each["metadata"]["name"], definitions.served(each))
        kind = self.store.kinds.by_api_version("karpenter.sh/v1", "NodePool")
        assert kind is not None
        self.kind = kind
        self.events: list[tuple[str, str]] = []
        self.pools = NodePools(
            self.store, lambda obj, _, reason, __: self.events.append((obj["metadata"]["name"], reason))
        )
        self.node("first", "a")
        required = [
            {"key": REGION, "operator": "In", "values": ["north"]},
            {"key": ZONE, "operator": "In", "values": ["a", "b"]},
        ]
        template = {"spec": {"nodeClassRef": {"group": "g", "kind": "k", "name": "n"}, "requirements": required}}
        pool = {"template": template, "limits": {"cpu": "16"}, "disruption": {"consolidateAfter": "5s"}} | spec
        self.store.create(kind, {"metadata": {"name": "general"}, "spec": pool})

    def node(self, name: str, zone: str) -> dict[str, Any]:
        """One that was there from the beginning."""
        size = {"cpu": "2", "memory": "8Gi", "pods": "10"}
        metadata = {"name": name, "labels": {ZONE: zone, REGION: "north"}}
        made = {"metadata": metadata, "spec": {}, "status": {"capacity": size, "allocatable": size}}
        return with_kubelet_status(self.store, self.store.create(NODE, made))

    def lose(self, name: str) -> None:
        """The power of a node is cut."""
        node = self.store.get(NODE, None, name)
        lost = [{**each, "status": "Unknown"} for each in node["status"]["conditions"]]
        self.store.update(NODE, {**node, "status": {**node["status"], "conditions": lost}}, subresource="status")

    def pod(self, name: str, cpu: str = "5", **spec: Any) -> None:
        """One that requests so much CPU."""
        containers = [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]
        metadata = {"name": name, "namespace": "default"}
        self.store.create(POD, {"metadata": metadata, "spec": {"containers": containers, **spec}, "status": {}})

    def turn(self, seconds: float = 1.0) -> None:
        """Time passes; then one round of pools, kubelets and scheduler."""
        self.clock.now_ns += round(seconds * S)
        self.pools.reconcile()
        for each in self.store.list(NODE):
            if not condition(each, "Ready"):
                with_kubelet_status(self.store, each)
        scheduler.reconcile(self.store, lambda *_: None)

    def added(self) -> list[dict[str, Any]]:
        """The nodes of the pool."""
        return [each for each in self.store.list(NODE) if POOL in each["metadata"]["labels"]]

    def where(self) -> dict[str, str | None]:
        """The node of each pod."""
        return {each["metadata"]["name"]: each["spec"].get("nodeName") for each in self.store.list(POD)}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The time of the test."""
    return FakeClock.installed(monkeypatch)


def waited(cluster: Scaled, rounds: int = 4) -> Scaled:
    """After so many rounds of a second."""
    for _ in range(rounds):
        cluster.turn()
    return cluster


def test_a_pod_that_lacks_cpu_gets_a_node_in_the_zone_with_the_fewest(clock: FakeClock) -> None:
    """Zones `a` and `b` have one node and none that is Ready: the new one is in `a`, has the pool's labels, and the pod runs on it."""
    cluster = Scaled(clock)
    cluster.pod("large")
    waited(cluster)
    [node] = cluster.added()
    assert node["metadata"]["labels"] | {POOL: "general", ZONE: "a", REGION: "north"} == node["metadata"]["labels"]
    assert cluster.where() == {"large": node["metadata"]["name"]}
    assert ("large", "Nominated") in cluster.events
    assert cluster.store.get(cluster.kind, None, "general")["status"]["nodes"] == 1


def test_no_node_comes_before_the_batch_is_over(clock: FakeClock) -> None:
    """The room that another pod gives back at once is none that a node is added for."""
    cluster = Scaled(clock)
    cluster.pod("large")
    cluster.turn(0.0)
    cluster.turn(BATCH_S / 2)
    assert cluster.added() == []


def test_a_zone_with_another_node_is_passed_over_for_one_with_fewer(clock: FakeClock) -> None:
    """Two nodes are Ready in `a`, one in `b`."""
    cluster = Scaled(clock)
    cluster.node("second", "a")
    cluster.node("third", "b")
    cluster.pod("large")
    assert [node["metadata"]["labels"][ZONE] for node in waited(cluster).added()] == ["b"]


def test_a_pod_whose_nodes_are_cordoned_gets_none(clock: FakeClock) -> None:
    """An experiment keeps it down so; it does not lack room, however much it requests."""
    cluster = Scaled(clock)
    node = cluster.store.get(NODE, None, "first")
    cluster.store.update(NODE, {**node, "spec": {"unschedulable": True}})
    cluster.pod("primary", "5")
    assert waited(cluster).added() == []


def test_a_pool_without_disruption_keeps_its_node_until_the_pod_is_on_it(clock: FakeClock) -> None:
    """`consolidateAfter` is 0 s then: a node is not removed before it has been Ready and empty twice in a row."""
    cluster = Scaled(clock, disruption={})
    cluster.pod("large")
    waited(cluster)
    (node,) = cluster.added()
    assert cluster.where() == {"large": node["metadata"]["name"]}
    cluster.store.delete(POD, "default", "large")
    waited(cluster, 2)
    assert cluster.added() == []


def test_an_empty_node_that_is_not_ready_stays(clock: FakeClock) -> None:
    """Its power was cut by an experiment, which waits for it to come back."""
    cluster = Scaled(clock)
    cluster.pod("large")
    (node,) = waited(cluster).added()
    cluster.store.delete(POD, "default", "large")
    cluster.lose(node["metadata"]["name"])
    assert len(waited(cluster, 20).added()) == 1


def test_a_node_of_that_label_that_no_pool_has_made_stays(clock: FakeClock) -> None:
    """As of a manifest that was taken from another cluster."""
    cluster = Scaled(clock)
    node = cluster.node("foreign", "b")
    labels = {**node["metadata"]["labels"], POOL: "general"}
    cluster.store.update(NODE, {**node, "metadata": {**node["metadata"], "labels": labels}})
    assert len(waited(cluster, 10).added()) == 1


def test_pods_that_wait_while_there_is_room_get_no_node(clock: FakeClock) -> None:
    """The scheduler binds a few pods in one run: the others wait for its next one."""
    cluster = Scaled(clock)
    cluster.pod("small", "100m")
    since = "2026-01-30T00:00:00Z"
    lacking = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": since}
    pod = cluster.store.get(POD, "default", "small")
    cluster.store.update(POD, {**pod, "status": {"conditions": [lacking]}}, subresource="status")
    cluster.pools.reconcile()
    assert cluster.added() == []


def test_a_zone_that_is_out_gives_no_node(clock: FakeClock) -> None:
    """The region is lost: its only node is not Ready. Pods that belong there wait."""
    cluster = Scaled(clock)
    cluster.lose("first")
    cluster.pod("small", "1", nodeSelector={REGION: "north"})
    assert waited(cluster).added() == []


def test_no_node_is_added_that_would_not_help(clock: FakeClock, subtests: pytest.Subtests) -> None:
    """A pod that a new node would not take stays pending, and nothing is added for it; nor by a pool that may have no node."""
    cases: list[tuple[str, str, str, dict[str, Any]]] = [
        ("larger than a node", "16", "9", {}),
        ("on another node", "16", "5", {"nodeSelector": {"kubernetes.io/hostname": "first"}}),
        ("of another region", "16", "5", {"nodeSelector": {REGION: "south"}}),
        ("no node is allowed, as in the release `fixed`", "0", "5", {}),
    ]
    for why, limit, cpu, spec in cases:
        with subtests.test(why):
            cluster = Scaled(clock, limits={"cpu": limit})
            cluster.pod("odd", cpu, **spec)
            assert waited(cluster).added() == []


def test_pods_that_fit_together_share_a_node_and_limits_hold(clock: FakeClock) -> None:
    """Five of three CPU: two on each node of eight, of which the pool may have two; the fifth waits."""
    cluster = Scaled(clock)
    for name in "pqrst":
        cluster.pod(name, "3")
    waited(cluster)
    names = [node["metadata"]["name"] for node in cluster.added()]
    assert len(names) == 2
    assert sorted(cluster.where().values(), key=str).count(None) == 1
    assert all(list(cluster.where().values()).count(name) == 2 for name in names)


def test_an_empty_node_goes_after_its_time_and_not_one_in_use(clock: FakeClock) -> None:
    """`consolidateAfter` is 5 s; what a DaemonSet has put there keeps no node."""
    cluster = Scaled(clock)
    cluster.pod("large")
    [node] = waited(cluster).added()
    waited(cluster, 10)
    assert len(cluster.added()) == 1
    cluster.store.delete(POD, "default", "large")
    cluster.pod("agent", "100m", nodeName=node["metadata"]["name"])
    agent = cluster.store.get(POD, "default", "agent")
    owner = {"kind": "DaemonSet", "name": "agent", "uid": "u", "controller": True, "apiVersion": "apps/v1"}
    cluster.store.update(POD, {**agent, "metadata": {**agent["metadata"], "ownerReferences": [owner]}})
    waited(cluster, 5)
    assert len(cluster.added()) == 1
    cluster.turn()
    assert cluster.added() == []
    assert (node["metadata"]["name"], "DisruptionTerminating") in cluster.events


def test_nodes_never_go_where_the_pool_says_so(clock: FakeClock) -> None:
    """`consolidateAfter: Never`; the pool owns them, so they are garbage once it is deleted."""
    cluster = Scaled(clock, disruption={"consolidateAfter": "Never"})
    cluster.pod("large")
    waited(cluster)
    cluster.store.delete(POD, "default", "large")
    waited(cluster, 30)
    (node,) = cluster.added()
    assert [owner["kind"] for owner in node["metadata"]["ownerReferences"]] == ["NodePool"]
