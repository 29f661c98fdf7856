"""Node lifecycle: NotReady 4 s after the last heartbeat, pods lost 5 s later.

A stated deviation: Kubernetes takes 40 s and 5 min.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness import clock
from readiness_sandbox.cluster.controllers.scheduler import tolerates
from readiness_sandbox.cluster.controllers.view import NODE, POD, key
from readiness_sandbox.cluster.kubelet.nodes import LEASES, with_kubelet_status
from readiness_sandbox.cluster.kubelet.status import condition, with_condition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from readiness_sandbox.cluster.controllers.view import PodTerminator
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store, WatchEvent

NOT_READY_S = 4.0
EVICT_S = 5.0
_LOST = "NodeNotReady"
"""Why a pod is not ready whose node is not heard of."""
UNREACHABLE = "node.kubernetes.io/unreachable"
EFFECTS = ("NoSchedule", "NoExecute")


class NodeLifecycle:
    """Watches heartbeats on the own clock.

    The time when a renewal arrived counts, not the time in it.
    """

    def __init__(self, store: Store, pods: PodTerminator, record: Recorder) -> None:
        self._store = store
        self._pods = pods
        self._record = record
        self._seen_s: dict[str, float] = {}
        self._lost_s: dict[str, float] = {}
        self._tainted_s: dict[str, float] = {}
        """By the uid of a pod: since when its node has a taint that it may only tolerate for so long."""
        store.subscribe(self._on_event)

    def check(self) -> None:
        """Judge every node.

        It is called right after the heartbeats, so that a stalled loop does not look like a dead node.
        """
        now, tainted_s = clock.now_s(), dict[str, float]()
        for node in self._store.list(NODE):
            name = node["metadata"]["name"]
            silent_s = now - self._seen_s.setdefault(name, now)
            ready = condition(node, "Ready").get("status") == "True"
            if ready and silent_s > NOT_READY_S:
                self._lose(node)
            elif silent_s <= NOT_READY_S and (not ready or name in self._lost_s):
                self._find(node)
            lost_s = self._lost_s.get(name)
            if lost_s is not None and now - lost_s > EVICT_S:
                self._evict(self._bound(name), grace_s=0)
            if taints := _evicting_taints(node):
                tolerated_s = {pod["metadata"]["uid"]: tolerance_s(pod, taints) for pod in self._bound(name)}
                tainted_s |= {uid: self._tainted_s.get(uid, now) for uid in tolerated_s}
                over = {uid for uid, longest_s in tolerated_s.items() if now - tainted_s[uid] >= longest_s}
                self._evict([pod for pod in self._bound(name) if pod["metadata"]["uid"] in over], grace_s=None)
        self._tainted_s = tainted_s

    def _on_event(self, event: WatchEvent) -> None:
        if event.kind is LEASES and event.object["metadata"]["namespace"] == "kube-node-lease":
            self._seen_s[event.object["metadata"]["name"]] = clock.now_s()
        if event.kind is NODE and event.type == "DELETED":
            self._seen_s.pop(event.object["metadata"]["name"], None)
            self._lost_s.pop(event.object["metadata"]["name"], None)

    def _lose(self, node: Object) -> None:
        """NotReady, tainted; its pods are not ready any more, so that Services leave them out."""
        name, now = node["metadata"]["name"], clock.wall_text()
        self._lost_s[name] = clock.now_s()
        taints = [*_other_taints(node), *({"key": UNREACHABLE, "effect": effect} for effect in EFFECTS)]
        node = self._store.update(NODE, {**node, "spec": {**(node.get("spec") or {}), "taints": taints}})
        status = node["status"]
        conditions = status["conditions"]
        for each in status["conditions"]:
            message = "Kubelet stopped posting node status."
            conditions = with_condition(conditions, each["type"], "Unknown", "NodeStatusUnknown", message, now=now)
        self._store.update(NODE, {**node, "status": {**status, "conditions": conditions}}, subresource="status")
        self._record(node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        for pod in self._bound(name):
            conditions = (pod.get("status") or {}).get("conditions") or []
            self._post(pod, with_condition(conditions, "Ready", "False", _LOST, now=now))

    def _find(self, node: Object) -> None:
        """The heartbeat is back."""
        self._lost_s.pop(node["metadata"]["name"], None)
        if len(_other_taints(node)) != len((node.get("spec") or {}).get("taints") or ()):
            node = self._store.update(NODE, {**node, "spec": {**node["spec"], "taints": _other_taints(node)}})
        with_kubelet_status(self._store, node)
        for pod in self._bound(node["metadata"]["name"]):
            if condition(pod, "Ready").get("reason") == _LOST:  # as a kubelet posts what its pods are like
                ready = condition(pod, "ContainersReady").get("status", "False")
                self._post(pod, with_condition(pod["status"]["conditions"], "Ready", ready, now=clock.wall_text()))

    def _post(self, pod: Object, conditions: list[Object]) -> None:
        status = {**pod["status"], "conditions": conditions}
        self._store.update(POD, {**pod, "status": status}, subresource="status")

    def _evict(self, pods: Iterable[Object], grace_s: int | None) -> None:
        for pod in pods:
            if not pod["metadata"].get("deletionTimestamp"):
                where = "/".join(key(pod))
                self._record(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {where}")
                self._pods.begin_delete(*key(pod), grace_s)

    def _bound(self, name: str) -> list[Object]:
        return [pod for pod in self._store.list(POD) if pod["spec"].get("nodeName") == name]


def tolerance_s(pod: Object, taints: Sequence[Object]) -> float:
    """For how long a pod tolerates all these taints, in seconds; 0 where it does not, infinite where no toleration has an end. Pure."""
    tolerations = pod["spec"].get("tolerations") or ()
    matching = [[each for each in tolerations if tolerates(each, taint)] for taint in taints]
    if not all(matching):
        return 0.0
    bounds = (each.get("tolerationSeconds") for found in matching for each in found)
    return min((float(max(0, bound)) for bound in bounds if bound is not None), default=math.inf)


def _evicting_taints(node: Object) -> list[Object]:
    """Those that end pods; not the one of a lost node, which has its own time."""
    return [each for each in _other_taints(node) if each["effect"] == "NoExecute"]


def _other_taints(node: Object) -> list[Object]:
    return [each for each in (node.get("spec") or {}).get("taints") or () if each["key"] != UNREACHABLE]
