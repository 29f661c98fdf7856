"""Watcher of the cluster: changes of pods, nodes and the holder of the database's lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness import clock
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.targets.access import LOCK, Access, access
from harness.targets.cluster.workloads import restarts_of
from harness.targets.files.target import Target
from harness.targets.kubernetes import (
    REGION_LABEL,
    Object,
    annotations_of,
    has_condition,
    is_over,
    labels_of,
    serves,
    workload_of,
)


class _Follower:
    def __init__(self, recorder: WatchRecorder) -> None:
        self._recorder = recorder

    def trouble(self, why: str) -> None:
        self._recorder.trouble("pods", why)


class NodeFollower(_Follower):
    """Follows the nodes and their regions; records `node.present`, `node.ready`, `node.unready`.

    Every new node, also one that exists when the watch begins, is recorded as `node.present` with its readiness.
    """

    def __init__(self, recorder: WatchRecorder) -> None:
        super().__init__(recorder)
        self._ready: dict[str, bool] = {}
        self._regions: dict[str, str] = {}

    def region(self, node: str) -> str:
        """Region of the node by its label; empty if unknown."""
        return self._regions.get(node, "")

    def listed(self, objects: Sequence[Object]) -> None:
        """Process a list of all nodes; a known node that is not listed was deleted."""
        there = {node["metadata"]["name"] for node in objects}
        for name in [name for name, ready in self._ready.items() if ready and name not in there]:
            self._put("node.unready", name, ready=False)
        for node in objects:
            self.changed("MODIFIED", node)

    def changed(self, event: str, obj: Object) -> None:
        """Record a new node, or a change of its readiness."""
        name, ready = obj["metadata"]["name"], event != "DELETED" and has_condition(obj, "Ready")
        self._regions[name] = labels_of(obj).get(REGION_LABEL, "")
        if name not in self._ready:
            self._put("node.present", name, ready=ready)
        elif self._ready[name] != ready:
            self._put("node.ready" if ready else "node.unready", name, ready=ready)

    def _put(self, kind: str, name: str, *, ready: bool) -> None:
        self._ready[name] = ready
        region = self._regions.get(name, "")
        self._recorder.pods.put(kind, name, name=name, region=region, ready=ready, at_ns=clock.now_ns())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pod:
    name: str
    namespace: str
    uid: str
    workload: str
    region: str


def _serves(pod: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return serves(pod) and all(owner["kind"] != "Job" for owner in owners)


class PodFollower(_Follower):
    """Follows the pods of one namespace; records `pod.ready`, `pod.unready`, `pod.restarted`, `pod.deleted`.

    Pods that exist when the watch begins are recorded as `pod.present`, since their changes were not observed. An
    evicted, failed or succeeded pod counts as deleted. A terminating pod counts as unready, although it reports Ready
    until it is deleted. A pod of a Job never counts as ready, since its end is expected.
    """

    def __init__(self, recorder: WatchRecorder, region: str, nodes: NodeFollower) -> None:
        super().__init__(recorder)
        self._region = region
        self._nodes = nodes
        self._known: dict[str, tuple[_Pod, bool]] = {}
        self._restarts: dict[str, int] = {}
        self._begun = False

    def listed(self, objects: Sequence[Object]) -> None:
        """Process a list of all pods; a known pod that is not in the list was deleted."""
        objects = [obj for obj in objects if not is_over(obj)]
        if not self._begun:
            self._begun = True
            for obj in objects:
                pod, ready = self._pod(obj), _serves(obj)
                self._known[pod.uid] = (pod, ready)
                self._restarts[pod.uid] = restarts_of(obj)
                self._put("pod.present", pod, ready=ready)
            return
        there = {obj["metadata"]["uid"] for obj in objects}
        for uid in [uid for uid in self._known if uid not in there]:
            self._put("pod.deleted", self._known.pop(uid)[0])
        for obj in objects:
            self.changed("MODIFIED", obj)

    def changed(self, event: str, obj: Object) -> None:
        """Record the change that an event reports."""
        pod, ready = self._pod(obj), _serves(obj)
        if event == "DELETED" or is_over(obj):
            if self._known.pop(pod.uid, None) is not None:
                self._put("pod.deleted", pod)
            return
        before, now = self._restarts.get(pod.uid, 0), restarts_of(obj)
        self._restarts[pod.uid] = now
        if now > before:
            self._put("pod.restarted", pod, ready=ready)
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
            workload=workload_of(labels_of(obj)),
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


class LeaderFollower(_Follower):
    """Follows the annotation `leader` of an Endpoints object; records `leader.changed`.

    The first record is a change from an empty name.
    """

    def __init__(self, recorder: WatchRecorder, namespace: str, endpoints: str) -> None:
        super().__init__(recorder)
        self._subject = f"{namespace}/{endpoints}"
        self._name = endpoints
        self._leader = ""

    def listed(self, objects: Sequence[Object]) -> None:
        """Process a list with the Endpoints object, if it exists."""
        for obj in objects:
            self.changed("MODIFIED", obj)

    def changed(self, event: str, obj: Object) -> None:
        """Record a change of the leader; an empty name means that there is no leader."""
        if obj["metadata"]["name"] != self._name:
            return
        leader = "" if event == "DELETED" else annotations_of(obj).get("leader") or ""
        if leader != self._leader:
            fields: Mapping[str, str] = {"from": self._leader, "to": leader}
            self._recorder.pods.put("leader.changed", self._subject, **fields, at_ns=clock.now_ns())
            self._leader = leader


class ClusterWatcher(Watcher):
    """Watches the pods of the target's namespaces, all nodes, and the holder of the database's lock."""

    name: ClassVar[str] = "pods"
    file: ClassVar[str] = "history/pods.ndjson"

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `kubernetes`."""
        return target.kubernetes is not None

    def accesses(self, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the base class's
        """Permissions for one stream of nodes, one stream of pods per namespace, and one stream of the lock."""
        return (*access("list,watch nodes", "list,watch pods"), *access("list,watch endpoints", at=LOCK))

    def per_s(self, rates: Rates) -> float:  # noqa: ARG002 - the base class's
        """0, since the cluster reports changes without probes."""
        return 0.0

    def begin(self, here: Watching) -> None:
        """Start one stream of nodes, one stream of pods per namespace, and one stream of the lock."""
        kubernetes, database = here.target.kubernetes, here.target.database
        if kubernetes is None:
            return
        nodes = NodeFollower(here.recorder)
        here.follow(self.name, kubernetes.context, "/api/v1/nodes", nodes)
        for context, namespaces in _namespaces(here.target).items():
            for namespace, region in namespaces.items():
                pods = PodFollower(here.recorder, region, nodes)
                here.follow(self.name, context, f"/api/v1/namespaces/{namespace}/pods", pods)
        if database and database.leader:
            lock = database.leader
            leader = LeaderFollower(here.recorder, lock.namespace, lock.endpoints)
            path, only = f"/api/v1/namespaces/{lock.namespace}/endpoints", f"metadata.name={lock.endpoints}"
            here.follow(self.name, kubernetes.context, path, leader, field_selector=only)


def _namespaces(target: Target) -> Mapping[str, Mapping[str, str]]:
    """By context: the namespaces to watch, each with its region; empty if it spans several."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    if target.kubernetes is None:
        return found
    for namespace in (target.kubernetes.namespace, *target.kubernetes.namespaces):
        found[target.kubernetes.context][namespace] = ""
    if target.database and target.database.leader:
        found[target.kubernetes.context][target.database.leader.namespace] = ""
    for name, region in target.regions.items():
        if region.namespace:
            found[region.context or target.kubernetes.context][region.namespace] = name
    return found
