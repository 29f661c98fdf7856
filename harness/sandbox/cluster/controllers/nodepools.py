"""NodePools of Karpenter: a node is added for pods that no node has room for, and goes when it has been empty for long enough.

Nodes are made without NodeClaims, all of one size. A zone none of whose nodes is Ready is taken to be out: it gives no new one.
"""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.sandbox.cluster.controllers import room
from harness.sandbox.cluster.controllers.scheduler import node_room, refusals, unbound
from harness.sandbox.cluster.controllers.view import NODE, POD, controller_of, is_over, write_status
from harness.sandbox.cluster.durations import seconds
from harness.sandbox.cluster.kubelet.nodes import CAPACITY
from harness.sandbox.cluster.kubelet.status import condition, with_condition
from harness.sandbox.cluster.quantities import amount, from_milli, milli
from harness.sandbox.cluster.timestamps import passed_s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.sandbox.cluster.recorder import Recorder
    from harness.sandbox.cluster.store import Object, Store

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
        """By the uid of a node: since when it has been without a pod."""

    def reconcile(self) -> None:
        """Add what pods lack, remove what is empty, and report what there is."""
        kind = self._store.kinds.by_api_version("karpenter.sh/v1", "NodePool")
        if kind is None:
            return
        pools = {each["metadata"]["name"]: each for each in self._store.list(kind)}
        self._provision(list(pools.values()))
        self._consolidate(pools)
        for pool in pools.values():
            write_status(self._store, kind, pool, self._status(pool))

    def _provision(self, pools: list[Object]) -> None:
        """A node for each pod that has waited for one; pods that fit together share one."""
        bound = [pod for pod in self._store.list(POD) if pod["spec"].get("nodeName")]
        coming = [(node, node_room(node, bound)) for node in self._store.list(NODE) if _is_coming(node)]
        for pod in filter(_is_unschedulable, unbound(self._store)):
            asked = room.requested(pod)
            found = next((left for node, left in coming if _takes(pod, asked, _reported(node), left)), None)
            if found is None and (node := self._added(pod, asked, pools)) is not None:
                found = room.free(node, ())
                coming.append((node, found))
            if found is not None:
                found |= {name: value - asked.get(name, 0) for name, value in found.items()}

    def _added(self, pod: Object, asked: room.Amounts, pools: Iterable[Object]) -> Object | None:
        """A new node of the first pool that may have one more, in the zone with the fewest nodes of those that the pod may be in."""
        nodes = self._store.list(NODE)
        for pool in pools:
            if not _may_grow(pool, nodes):
                continue
            for zone in _zones(pool, nodes):
                node = _node(pool, zone)
                if _takes(pod, asked, _reported(node), room.free(node, ())):
                    name = node["metadata"]["name"]
                    made = self._store.create(NODE, node)
                    self._record(made, "Normal", "Launched", f"Launched for pool {pool['metadata']['name']}")
                    self._record(pod, "Normal", "Nominated", f"Pod should schedule on: node/{name}")
                    return made
        return None

    def _consolidate(self, pools: dict[str, Object]) -> None:
        """Remove each node of a pool that has been empty for its `consolidateAfter`, and those of a pool that is gone."""
        busy = {pod["spec"].get("nodeName") for pod in self._store.list(POD) if not is_over(pod) and not _stays(pod)}
        now, empty_s = clock.now_s(), dict[str, float]()
        for node in self._store.list(NODE):
            name, uid = node["metadata"]["name"], node["metadata"]["uid"]
            owner = (node["metadata"].get("labels") or {}).get(POOL)
            if owner is None or name in busy:
                continue
            empty_s[uid] = self._empty_s.get(uid, now)
            after = (
                (pools[owner]["spec"].get("disruption") or {}).get("consolidateAfter", "0s") if owner in pools else 0
            )
            if after != "Never" and now - empty_s[uid] >= seconds(after):
                self._record(node, "Normal", "DisruptionTerminating", "Disrupting Node: Empty")
                self._store.delete(NODE, None, name)
        self._empty_s = empty_s

    def _status(self, pool: Object) -> Object:
        own = _of(pool, self._store.list(NODE))
        conditions = (pool.get("status") or {}).get("conditions") or []
        resources = {name: from_milli(milli(size) * len(own)) for name, size in CAPACITY.items()}
        return {
            "conditions": with_condition(conditions, "Ready", "True", "Ready", now=clock.wall_text()),
            "nodes": len(own),
            "resources": {**resources, "nodes": str(len(own))},
        }


def _is_unschedulable(pod: Object) -> bool:
    found = condition(pod, "PodScheduled")
    return found.get("reason") == "Unschedulable" and passed_s(found["lastTransitionTime"], clock.wall()) >= BATCH_S


def _is_coming(node: Object) -> bool:
    """Whether a node of a pool has not been Ready yet."""
    return POOL in (node["metadata"].get("labels") or {}) and not condition(node, "Ready")


def _reported(node: Object) -> Object:
    """A node as it will be once its kubelet has reported."""
    ready = with_condition([], "Ready", "True", "KubeletReady", now=clock.wall_text())
    return {**node, "status": {**node["status"], "conditions": ready}}


def _takes(pod: Object, asked: room.Amounts, node: Object, left: room.Amounts) -> bool:
    return not refusals(pod, node) and not room.lacking(asked, left)


def _stays(pod: Object) -> bool:
    """Whether a pod is one of a DaemonSet, which keeps no node."""
    return (controller_of(pod) or {}).get("kind") == "DaemonSet"


def _of(pool: Object, nodes: Iterable[Object]) -> list[Object]:
    name = pool["metadata"]["name"]
    return [node for node in nodes if (node["metadata"].get("labels") or {}).get(POOL) == name]


def _may_grow(pool: Object, nodes: Iterable[Object]) -> bool:
    """Whether one more node is within the pool's limits."""
    count = len(_of(pool, nodes)) + 1
    limits = pool["spec"].get("limits") or {}
    return all(amount(CAPACITY[name]) * count <= amount(limit) for name, limit in limits.items() if name in CAPACITY)


def _zones(pool: Object, nodes: Iterable[Object]) -> list[str]:
    """The zones of a pool that are not out, the one with the fewest nodes first."""
    ready = Counter(
        (node["metadata"].get("labels") or {}).get(ZONE, "")
        for node in nodes
        if condition(node, "Ready").get("status") == "True"
    )
    required = (each for each in pool["spec"]["template"]["spec"]["requirements"] if each["key"] == ZONE)
    zones = next((each["values"] for each in required), list(ready))
    return sorted((zone for zone in zones if ready[zone]), key=lambda zone: ready[zone])


def _node(pool: Object, zone: str) -> Object:
    """A new node of a pool, of which its kubelet has not reported anything yet."""
    template, name = pool["spec"]["template"], pool["metadata"]["name"]
    own = f"{name}-{secrets.token_hex(3)}"
    required = {each["key"]: each["values"][0] for each in template["spec"]["requirements"]}
    metadata = template.get("metadata") or {}
    labels = {**metadata.get("labels", {}), **required, ZONE: zone, HOSTNAME: own, POOL: name}
    return {
        "metadata": {"name": own, "labels": labels, "annotations": dict(metadata.get("annotations", {}))},
        "spec": {"taints": template["spec"]["taints"]} if "taints" in template["spec"] else {},
        "status": {"capacity": CAPACITY, "allocatable": CAPACITY},
    }
