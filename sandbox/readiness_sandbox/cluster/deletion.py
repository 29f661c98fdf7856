"""How objects are deleted that are not gone at once: finalizers hold them, and namespaces are emptied first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.timestamps import now_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.statuses import Object
    from readiness_sandbox.cluster.store import Store

NAMESPACE, POD = kinds.by_name("Namespace"), kinds.by_name("Pod")
DEFINITION = kinds.by_name("CustomResourceDefinition")
FOREGROUND: Final = "foregroundDeletion"
"""The finalizer of an object that waits for its dependents."""
CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer of a CustomResourceDefinition that was deleted and waits for its objects."""


def is_ending(obj: Object) -> bool:
    """Whether an object was deleted and is still there."""
    return "deletionTimestamp" in obj["metadata"]


def waits(obj: Object) -> bool:
    """Whether an object was deleted in the foreground, and its dependents go first."""
    return is_ending(obj) and FOREGROUND in (obj["metadata"].get("finalizers") or ())


def begin(store: Store, kind: Kind, obj: Object, policy: str = "Background") -> Object:
    """Delete a stored object (not a pod, which its kubelet ends), or mark it as ending where something holds it.

    The policy `Foreground` makes the object wait for its dependents; a CustomResourceDefinition waits for its objects. Returns it as it is
    then, or as it was last.
    """
    meta = obj["metadata"]
    finalizers = [each for each in meta.get("finalizers") or () if each != FOREGROUND]
    if kind is DEFINITION and not is_ending(obj):
        finalizers = list(dict.fromkeys([*finalizers, CLEANUP]))
    if policy == "Foreground" or waits(obj):
        finalizers.append(FOREGROUND)
    if not finalizers and not _to_be_emptied(kind, obj):
        return store.delete(kind, meta.get("namespace"), meta["name"])
    if kind is NAMESPACE:
        status = {**(obj.get("status") or {}), "phase": "Terminating"}
        obj = store.update(kind, {**obj, "status": status}, subresource="status")
    marked = {"deletionTimestamp": now_text(), "deletionGracePeriodSeconds": 0, **obj["metadata"]}
    if finalizers:
        marked["finalizers"] = finalizers
    return store.update(kind, {**obj, "metadata": marked})


def finish(store: Store, kind: Kind, obj: Object) -> bool:
    """Remove an ending object that nothing holds any more; whether it was one."""
    held = obj["metadata"].get("finalizers") or _to_be_emptied(kind, obj)
    if kind is POD or held or not is_ending(obj):
        return False
    store.delete(kind, obj["metadata"].get("namespace"), obj["metadata"]["name"])
    return True


def release(store: Store, kind: Kind, obj: Object, finalizer: str) -> bool:
    """Take a finalizer from an ending object, and remove it when that was the last one; whether it is gone."""
    meta = obj["metadata"]
    left = [each for each in meta.get("finalizers") or () if each != finalizer]
    return finish(store, kind, store.update(kind, {**obj, "metadata": {**meta, "finalizers": left}}))


def with_finalizers(namespace: Object, finalizers: Sequence[str]) -> Object:
    """A namespace that these finalizers of its spec hold; without any the field is left out."""
    spec = {key: value for key, value in (namespace.get("spec") or {}).items() if key != "finalizers"}
    return {**namespace, "spec": {**spec, "finalizers": list(finalizers)} if finalizers else spec}


def _to_be_emptied(kind: Kind, obj: Object) -> bool:
    return kind is NAMESPACE and bool((obj.get("spec") or {}).get("finalizers"))
