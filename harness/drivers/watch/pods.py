"""Pods, nodes and the holder of the database's lock, as the cluster reports their changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness import clock
from harness.drivers.watch.recorder import Recorder
from harness.targets.kubernetes import REGION_LABEL, Object, annotations_of, has_condition, labels_of


class _Follower:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def trouble(self, why: str) -> None:
        self._recorder.trouble("pods", why)


class Nodes(_Follower):
    """Knows the region of every node; records `node.ready` and `node.unready`."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._ready: dict[str, bool] = {}
        self._regions: dict[str, str] = {}

    def region(self, node: str) -> str:
        """The node's region by its label; empty when unknown."""
        return self._regions.get(node, "")

    def listed(self, objects: Sequence[Object]) -> None:
        """Take the nodes there are."""
        for node in objects:
            self.changed("MODIFIED", node)

    def changed(self, event: str, obj: Object) -> None:
        """Record a node that became ready or unready; the first sight of one is no change."""
        name, ready = obj["metadata"]["name"], event != "DELETED" and has_condition(obj, "Ready")
        self._regions[name] = labels_of(obj).get(REGION_LABEL, "")
        if self._ready.get(name, ready) != ready:
            kind = "node.ready" if ready else "node.unready"
            self._recorder.pods.put(kind, name, region=self._regions[name], at_ns=clock.now_ns())
        self._ready[name] = ready


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pod:
    name: str
    namespace: str
    uid: str
    workload: str
    region: str


class Pods(_Follower):
    """Follows the pods of one namespace; records `pod.ready`, `pod.unready`, `pod.deleted`.

    Pods that are there when the watch begins are recorded as `pod.present`: nobody saw them become what they are.
    """

    def __init__(self, recorder: Recorder, region: str, nodes: Nodes) -> None:
        super().__init__(recorder)
        self._region = region
        self._nodes = nodes
        self._known: dict[str, tuple[_Pod, bool]] = {}
        self._begun = False

    def listed(self, objects: Sequence[Object]) -> None:
        """Take the pods there are: those that went while nobody watched were deleted."""
        if not self._begun:
            self._begun = True
            for obj in objects:
                pod, ready = self._pod(obj), has_condition(obj, "Ready")
                self._known[pod.uid] = (pod, ready)
                self._put("pod.present", pod, ready=ready)
            return
        there = {obj["metadata"]["uid"] for obj in objects}
        for uid in [uid for uid in self._known if uid not in there]:
            self._put("pod.deleted", self._known.pop(uid)[0])
        for obj in objects:
            self.changed("MODIFIED", obj)

    def changed(self, event: str, obj: Object) -> None:
        """Record what the event changes."""
        pod, ready = self._pod(obj), has_condition(obj, "Ready")
        if event == "DELETED":
            self._known.pop(pod.uid, None)
            self._put("pod.deleted", pod)
            return
        was_ready = self._known[pod.uid][1] if pod.uid in self._known else False
        self._known[pod.uid] = (pod, ready)
        if was_ready != ready:
            self._put("pod.ready" if ready else "pod.unready", pod)

    def _pod(self, obj: Object) -> _Pod:
        metadata = obj["metadata"]
        return _Pod(
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=metadata["uid"],
            workload=labels_of(obj).get("app", ""),
            region=self._region or self._nodes.region(obj["spec"].get("nodeName") or ""),
        )

    def _put(self, kind: str, pod: _Pod, **more: bool) -> None:
        self._recorder.pods.put(
            kind,
            pod.name,
            namespace=pod.namespace,
            uid=pod.uid,
            workload=pod.workload,
            region=pod.region,
            at_ns=clock.now_ns(),
            **more,
        )


class Leader(_Follower):
    """Follows the annotation `leader` of one Endpoints object; records `leader.changed`, the first one from nobody."""

    def __init__(self, recorder: Recorder, namespace: str, endpoints: str) -> None:
        super().__init__(recorder)
        self._subject = f"{namespace}/{endpoints}"
        self._name = endpoints
        self._leader = ""

    def listed(self, objects: Sequence[Object]) -> None:
        """Take the object if it is there."""
        for obj in objects:
            self.changed("MODIFIED", obj)

    def changed(self, event: str, obj: Object) -> None:
        """Record another leader; none is an empty name."""
        if obj["metadata"]["name"] != self._name:
            return
        leader = "" if event == "DELETED" else annotations_of(obj).get("leader") or ""
        if leader != self._leader:
            fields: Mapping[str, str] = {"from": self._leader, "to": leader}
            self._recorder.pods.put("leader.changed", self._subject, **fields, at_ns=clock.now_ns())
            self._leader = leader
