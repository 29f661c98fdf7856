"""Garbage: objects whose owners, namespace or node are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.sandbox.cluster.controllers.view import NAMESPACE, NODE, POD, key

if TYPE_CHECKING:
    from harness.sandbox.cluster.controllers.view import PodTerminator
    from harness.sandbox.cluster.store import Object, Store


def reconcile(store: Store, pods: PodTerminator) -> None:
    """Delete what has no owner any more.

    All its owners are gone, or its namespace, or (a pod) its node.
    """
    objects = [(kind, obj) for kind in store.kinds.stored for obj in store.list(kind)]
    uids = {obj["metadata"]["uid"] for _, obj in objects}
    namespaces = {obj["metadata"]["name"] for obj in store.list(NAMESPACE)}
    nodes = {obj["metadata"]["name"] for obj in store.list(NODE)}
    for kind, obj in objects:
        homeless = kind.namespaced and obj["metadata"]["namespace"] not in namespaces
        stranded = kind is POD and obj["spec"].get("nodeName") and obj["spec"]["nodeName"] not in nodes
        if not homeless and not stranded and not _orphaned(obj, uids):
            continue
        if kind is POD:
            if not obj["metadata"].get("deletionTimestamp"):
                pods.begin_delete(*key(obj), 0 if homeless or stranded else None)
        else:
            store.delete(kind, *key(obj))


def _orphaned(obj: Object, uids: set[str]) -> bool:
    owners = obj["metadata"].get("ownerReferences") or ()
    return bool(owners) and all(owner["uid"] not in uids for owner in owners)
