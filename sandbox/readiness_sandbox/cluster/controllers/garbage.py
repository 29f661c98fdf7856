"""Garbage: objects whose owners, namespace or node are gone, and what an owner waits for that goes last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster import deletion
from readiness_sandbox.cluster.controllers.view import NAMESPACE, NODE, POD, key

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from readiness_sandbox.cluster.controllers.view import PodTerminator
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Object, Store

    Rows = Sequence[tuple[Kind, Object]]


def reconcile(store: Store, pods: PodTerminator) -> None:
    """Delete what has no owner any more.

    All its owners are gone or wait for it to go, or its namespace is gone, or (a pod) its node.
    """
    objects = [(kind, obj) for kind in store.kinds.stored for obj in store.list(kind)]
    waiting = {obj["metadata"]["uid"] for _, obj in objects if deletion.waits(obj)}
    lasting = {obj["metadata"]["uid"] for _, obj in objects} - waiting
    namespaces = {obj["metadata"]["name"] for obj in store.list(NAMESPACE)}
    nodes = {obj["metadata"]["name"] for obj in store.list(NODE)}
    for kind, obj in objects:
        homeless = kind.namespaced and obj["metadata"]["namespace"] not in namespaces
        stranded = kind is POD and obj["spec"].get("nodeName") and obj["spec"]["nodeName"] not in nodes
        if not homeless and not stranded and not _orphaned(obj, lasting):
            if _is_awaited(obj, waiting):
                _loosen(store, kind, obj, waiting)
            continue
        if kind is POD:
            if not deletion.is_ending(obj):
                pods.begin_delete(*key(obj), 0 if homeless or stranded else None)
        elif homeless:
            store.delete(kind, *key(obj))
        elif not deletion.is_ending(obj):
            deletion.begin(store, kind, obj, "Foreground" if _is_awaited(obj, waiting) else "Background")
    if waiting:
        _release(store, [each for each in objects if _orphaned(each[1], lasting)], objects, waiting)


def _orphaned(obj: Object, lasting: Collection[str]) -> bool:
    owners = obj["metadata"].get("ownerReferences") or ()
    return bool(owners) and all(owner["uid"] not in lasting for owner in owners)


def _is_awaited(obj: Object, waiting: Collection[str]) -> bool:
    return any(owner["uid"] in waiting for owner in obj["metadata"].get("ownerReferences") or ())


def _loosen(store: Store, kind: Kind, obj: Object, waiting: Collection[str]) -> None:
    """What has another owner stays, without those that wait for it to go."""
    meta = obj["metadata"]
    kept = [owner for owner in meta["ownerReferences"] if owner["uid"] not in waiting]
    store.update(kind, {**obj, "metadata": {**meta, "ownerReferences": kept}})


def _release(store: Store, going: Rows, objects: Rows, waiting: Collection[str]) -> None:
    """Let those go that nothing blocks which is going itself."""
    blocked = {
        owner["uid"]
        for _, obj in going
        for owner in obj["metadata"].get("ownerReferences") or ()
        if owner.get("blockOwnerDeletion")
    }
    for kind, obj in objects:
        meta = obj["metadata"]
        if meta["uid"] in waiting and meta["uid"] not in blocked:
            deletion.release(store, kind, obj, deletion.FOREGROUND)
