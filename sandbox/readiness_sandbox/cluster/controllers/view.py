"""What controllers ask of objects.

Who owns whom, which pods count, and how an object is made to be owned.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from harness import clock
from readiness_sandbox.cluster import deletion, kinds
from readiness_sandbox.cluster.kubelet.status import condition, is_ready
from readiness_sandbox.cluster.names import ALPHABET
from readiness_sandbox.cluster.selectors import Selector
from readiness_sandbox.cluster.timestamps import passed_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Object, Store

POD = kinds.by_name("Pod")
NODE = kinds.by_name("Node")
SERVICE = kinds.by_name("Service")
ENDPOINTS = kinds.by_name("Endpoints")
SLICE = kinds.by_name("EndpointSlice")
DEPLOYMENT = kinds.by_name("Deployment")
REPLICASET = kinds.by_name("ReplicaSet")
STATEFULSET = kinds.by_name("StatefulSet")
JOB = kinds.by_name("Job")
CRONJOB = kinds.by_name("CronJob")
NAMESPACE = kinds.by_name("Namespace")
POLICY = kinds.by_name("NetworkPolicy")
CLAIM = kinds.by_name("PersistentVolumeClaim")
HASH = "pod-template-hash"
BURST = 10
"""How many pods a controller makes, binds or ends in one run; that they change calls for its next one."""


class PodTerminator(Protocol):
    """Ends pods; the kubelet agent."""

    def begin_delete(self, namespace: str, name: str, grace_s: int | None) -> Object:
        """Mark a pod as ending and begin to end it."""
        ...


def key(obj: Object) -> tuple[str, str]:
    """(namespace, name)."""
    return obj["metadata"].get("namespace") or "", obj["metadata"]["name"]


def live(store: Store, kind: Kind) -> list[Object]:
    """The objects of a kind that are not ending: a controller brings back nothing of one that is."""
    return [each for each in store.list(kind) if not deletion.is_ending(each)]


def owned(store: Store, kind: Kind, owner: Object) -> list[Object]:
    """The objects of a kind that this owner controls."""
    return store.controlled(kind, owner["metadata"]["namespace"], owner["metadata"]["uid"])


def adopt(store: Store, kind: Kind, owner: Object) -> None:
    """Become the controller of matching objects that have none, as Kubernetes' controllers do."""
    selector = Selector.of(owner["spec"]["selector"])
    for obj in store.controlled(kind, owner["metadata"]["namespace"], ""):
        if selector.matches(obj["metadata"].get("labels")) and not obj["metadata"].get("deletionTimestamp"):
            references = [*(obj["metadata"].get("ownerReferences") or ()), reference(owner)]
            store.update(kind, {**obj, "metadata": {**obj["metadata"], "ownerReferences": references}})


def reference(owner: Object) -> Object:
    """The owner reference that makes `owner` the controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_from(owner: Object, template: Object, **metadata: Any) -> Object:
    """A pod of that template, owned."""
    meta = template.get("metadata") or {}
    return {
        "metadata": {
            "namespace": owner["metadata"]["namespace"],
            "labels": dict(meta.get("labels") or {}),
            "annotations": dict(meta.get("annotations") or {}),
            "ownerReferences": [reference(owner)],
            **metadata,
        },
        "spec": {"volumes": [], **template["spec"]},
        "status": {"phase": "Pending"},
    }


def is_over(pod: Object) -> bool:
    """Whether all containers of a pod have ended for good."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_active(pod: Object) -> bool:
    """Whether a pod counts as a replica: not over, not about to end."""
    return not is_over(pod) and not pod["metadata"].get("deletionTimestamp")


def is_available(pod: Object, min_ready_s: float) -> bool:
    """Whether a pod has been Ready for so long."""
    if not is_ready(pod):
        return False
    return passed_s(condition(pod, "Ready")["lastTransitionTime"], clock.wall()) >= min_ready_s


def template_hash(template: Object) -> str:
    """A name for a pod template.

    The same however it was serialised (`creationTimestamp: null`, `resources: {}`).
    """
    return _hash_of(json.dumps(template))


@lru_cache(maxsize=1024)
def _hash_of(written: str) -> str:
    """Of a template as it is written: controllers ask for the same ones every second."""
    text = json.dumps(normal(json.loads(written)), sort_keys=True, separators=(",", ":"))
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in hashlib.sha256(text.encode()).digest()[:10])


def normal(value: Any) -> Any:
    """A value without what is empty, at any depth."""
    if isinstance(value, dict):
        kept = {name: normal(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in (None, {}, [])}
    if isinstance(value, list):
        return [normal(each) for each in value]
    return value


def without_hash(template: Object) -> Object:
    """A ReplicaSet's template as its Deployment wrote it."""
    meta = template.get("metadata") or {}
    labels = {name: value for name, value in (meta.get("labels") or {}).items() if name != HASH}
    return {**template, "metadata": {**meta, "labels": labels}}


def write_status(store: Store, kind: Kind, obj: Object, status: Object) -> None:
    """Write a status; equal ones are not written."""
    store.update(kind, {**obj, "status": status}, subresource="status")


def deletion_order(pods: Iterable[Object]) -> list[Object]:
    """Which replicas go first: not bound, not running, not ready, youngest.

    After Kubernetes' ActivePods order.
    """

    def rank(pod: Object) -> tuple[bool, bool, bool]:
        running = (pod.get("status") or {}).get("phase") == "Running"
        return bool(pod["spec"].get("nodeName")), running, is_ready(pod)

    youngest_first = sorted(pods, key=lambda pod: int(pod["metadata"]["resourceVersion"]), reverse=True)
    return sorted(youngest_first, key=rank)


def count(pods: Sequence[Object], min_ready_s: float) -> tuple[int, int, int]:
    """(all, ready, available)."""
    return len(pods), sum(map(is_ready, pods)), sum(is_available(pod, min_ready_s) for pod in pods)
