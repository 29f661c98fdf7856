"""NodePools of Karpenter: a node is added for pods that lack room, and goes when it has been empty for long enough.

Nodes are made without NodeClaims, all of one size. A pod lacks room where nodes that would take it otherwise have none: for one whose
nodes are all cordoned or lost nothing is added, else an experiment could not keep it down.
"""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TYPE_CHECKING, Final

from harness import clock
from readiness_sandbox.cluster.controllers import room
from readiness_sandbox.cluster.controllers.scheduler import node_room, refusals, unbound
from readiness_sandbox.cluster.controllers.view import NODE, POD, is_over, reference, write_status
from readiness_sandbox.cluster.durations import seconds
from readiness_sandbox.cluster.kubelet.nodes import CAPACITY
from readiness_sandbox.cluster.kubelet.status import condition, with_condition
from readiness_sandbox.cluster.quantities import amount, from_milli, milli
from readiness_sandbox.cluster.store import controller_of
from readiness_sandbox.cluster.timestamps import passed_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store

POOL: Final = "karpenter.sh/nodepool"
"""The label that names the pool of a node."""
ZONE: Final = "topology.kubernetes.io/zone"
HOSTNAME: Final = "kubernetes.io/hostname"
BATCH_S: Final = 1.0
"""How long a pod has been unschedulable before a node is added for it."""


class NodePools:
    """All NodePools of the cluster; `reconcile` once a second."""

    def __init__(self, store: Store, record: Recorder) -> None:
        self._store = store
        self._record = record
        self._empty_s: dict[str, float] = {}
        """By the uid of a node: since when it has been Ready and without a pod."""

    def reconcile(self) -> None:
        """Add nodes for pods that lack room, remove empty ones, and report the nodes of each pool."""
        kind = self._store.kinds.by_api_version("karpenter.sh/v1", "NodePool")
        if kind is None:
            return
        pools = self._store.list(kind)
        self._provision(pools)
        self._consolidate({each["metadata"]["uid"]: each for each in pools})
        for pool in pools:
            write_status(self._store, kind, pool, self._status(pool))

    def _provision(self, pools: Sequence[Object]) -> None:
        """A node for each pod that has waited for one; pods that fit together share one."""
        waiting = [pod for pod in unbound(self._store) if _is_unschedulable(pod)] if pools else []
        if not waiting:
            return
        nodes = self._store.list(NODE)
        bound = [pod for pod in self._store.list(POD) if pod["spec"].get("nodeName")]
        there = [(node, node_room(node, bound)) for node in nodes]
        coming = [(_reported(node), left) for node, left in there if _is_coming(node)]
        for pod in waiting:
            requests = room.requested(pod)
            if not _lacks_room(pod, requests, there):
                continue
            left = next((left for node, left in coming if _takes(pod, requests, node, left)), None)
            if left is None and (made := self._added(pod, requests, pools, nodes)) is not None:
                nodes.append(_reported(made))
                left = node_room(made, ())
                coming.append((_reported(made), left))
            if left is not None:
                left |= {name: value - requests.get(name, 0) for name, value in left.items()}

    def _added(
        self, pod: Object, requests: room.Amounts, pools: Iterable[Object], nodes: Sequence[Object]
    ) -> Object | None:
        """A new node of the first pool that may have one more, in the zone with the fewest nodes of those that the pod may be in."""
        for pool in pools:
            if not _may_grow(pool, nodes):
                continue
            for zone in _zones(pool, nodes):
                node = _node(pool, zone)
                if _takes(pod, requests, _reported(node), node_room(node, ())):
                    name = node["metadata"]["name"]
                    made = self._store.create(NODE, node)
                    self._record(made, "Normal", "Launched", f"Launched for pool {pool['metadata']['name']}")
                    self._record(pod, "Normal", "Nominated", f"Pod should schedule on: node/{name}")
                    return made
        return None

    def _consolidate(self, pools: Mapping[str, Object]) -> None:
        """Remove each node of a pool that has been Ready and empty for its `consolidateAfter`.

        Nodes of a pool that is gone are garbage.
        """
        pods = self._store.list(POD)
        busy = {pod["spec"].get("nodeName") for pod in pods if not is_over(pod) and not _is_of_daemon_set(pod)}
        now, empty_s = clock.now_s(), dict[str, float]()
        for node in self._store.list(NODE):
            name, uid = node["metadata"]["name"], node["metadata"]["uid"]
            pool = pools.get((controller_of(node) or {}).get("uid", ""))
            if pool is None or name in busy or not _is_ready(node):
                continue
            empty_s[uid] = self._empty_s.get(uid, now)
            after = (pool["spec"].get("disruption") or {}).get("consolidateAfter", "0s")
            if after != "Never" and uid in self._empty_s and now - empty_s[uid] >= seconds(after):
                self._record(node, "Normal", "DisruptionTerminating", "Disrupting Node: Empty")
                self._store.delete(NODE, None, name)
        self._empty_s = empty_s

    def _status(self, pool: Object) -> Object:
        count = len(_of_pool(pool, self._store.list(NODE)))
        conditions = (pool.get("status") or {}).get("conditions") or []
        resources = {name: from_milli(milli(size) * count) for name, size in CAPACITY.items()}
        return {
            "conditions": with_condition(conditions, "Ready", "True", "Ready", now=clock.wall_text()),
            "nodes": count,
            "resources": {**resources, "nodes": str(count)},
        }


def _is_unschedulable(pod: Object) -> bool:
    found = condition(pod, "PodScheduled")
    return found.get("reason") == "Unschedulable" and passed_s(found["lastTransitionTime"], clock.wall()) >= BATCH_S


def _is_ready(node: Object) -> bool:
    return condition(node, "Ready").get("status") == "True"


def _is_coming(node: Object) -> bool:
    """Whether a node of a pool has not been Ready yet."""
    return (controller_of(node) or {}).get("kind") == "NodePool" and not condition(node, "Ready")


def _reported(node: Object) -> Object:
    """A node as it will be once its kubelet has reported."""
    ready = with_condition([], "Ready", "True", "KubeletReady", now=clock.wall_text())
    return {**node, "status": {**node["status"], "conditions": ready}}


def _takes(pod: Object, requests: room.Amounts, node: Object, left: room.Amounts) -> bool:
    return not refusals(pod, node) and not room.lacking(requests, left)


def _lacks_room(pod: Object, requests: room.Amounts, nodes: Iterable[tuple[Object, room.Amounts]]) -> bool:
    """Whether there are nodes that a pod may be on, and none of them has room."""
    left = [left for node, left in nodes if not refusals(pod, node)]
    return bool(left) and all(room.lacking(requests, each) for each in left)


def _is_of_daemon_set(pod: Object) -> bool:
    """Whether a pod is one of a DaemonSet: it keeps no node."""
    return (controller_of(pod) or {}).get("kind") == "DaemonSet"


def _of_pool(pool: Object, nodes: Iterable[Object]) -> list[Object]:
    uid = pool["metadata"]["uid"]
    return [node for node in nodes if (controller_of(node) or {}).get("uid") == uid]


def _may_grow(pool: Object, nodes: Iterable[Object]) -> bool:
    """Whether one more node is within the pool's limits."""
    count = len(_of_pool(pool, nodes)) + 1
    size = {**CAPACITY, "nodes": "1"}
    limits = pool["spec"].get("limits") or {}
    return all(amount(size.get(name, "0")) * count <= amount(limit) for name, limit in limits.items())


def _zones(pool: Object, nodes: Iterable[Object]) -> list[str]:
    """The zones of a pool with a node that is Ready, the one with the fewest such nodes first.

    Of a pool that requires no zone those of the nodes that have what else it requires.
    """
    required = {each["key"]: each["values"] for each in pool["spec"]["template"]["spec"]["requirements"]}
    ready = Counter[str]()
    for node in nodes:
        labels = node["metadata"].get("labels") or {}
        if _is_ready(node) and ZONE in labels:
            ready[labels[ZONE]] += all(labels.get(key, values[0]) in values for key, values in required.items())
    return sorted((zone for zone, count in ready.items() if count), key=lambda zone: ready[zone])


def _node(pool: Object, zone: str) -> Object:
    """A new node of a pool, of which its kubelet has not reported anything yet."""
    template, name = pool["spec"]["template"], pool["metadata"]["name"]
    own = f"{name}-{secrets.token_hex(3)}"
    required = {each["key"]: each["values"][0] for each in template["spec"]["requirements"]}
    metadata = template.get("metadata") or {}
    labels = {**metadata.get("labels", {}), **required, ZONE: zone, HOSTNAME: own, POOL: name}
    return {
        "metadata": {
            "name": own,
            "labels": labels,
            "annotations": dict(metadata.get("annotations", {})),
            "ownerReferences": [reference(pool)],
        },
        "spec": {"taints": template["spec"]["taints"]} if "taints" in template["spec"] else {},
        "status": {"capacity": CAPACITY, "allocatable": CAPACITY},
    }
