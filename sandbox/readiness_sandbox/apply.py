"""Apply objects to the cluster.

New ones are created, others replaced, as by `kubectl apply`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import SandboxError
from readiness_sandbox.cluster import admission
from readiness_sandbox.cluster.statuses import Object, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness_sandbox.cluster.kinds import Kind, ServedKinds
    from readiness_sandbox.cluster.store import Store


def kind_of(served: ServedKinds, obj: Object) -> Kind:
    """The row of an object's kind. Raises SandboxError when it is not served."""
    kind = served.by_api_version(obj["apiVersion"], obj["kind"])
    if kind is None:
        name = f"{obj['kind']}/{obj['metadata']['name']}"
        raise SandboxError(f"the sandbox does not serve {obj['apiVersion']} {obj['kind']}", where=name)
    return kind


def replacement(live: Object, desired: Object) -> Object:
    """What to PUT over a live object.

    It is the desired one, with the labels and annotations that others have added.
    """
    meta = {"name": live["metadata"]["name"], **desired["metadata"]}
    for key in ("labels", "annotations"):
        both = {**(live["metadata"].get(key) or {}), **(desired["metadata"].get(key) or {})}
        if both:
            meta[key] = both
    if owners := live["metadata"].get("ownerReferences"):
        meta["ownerReferences"] = owners
    return {**desired, "metadata": meta}


def apply(store: Store, objects: Iterable[Object]) -> None:
    """Put objects into the store, in this order.

    Raises SandboxError that names the object that is refused.
    """
    for obj in objects:
        kind = kind_of(store.kinds, obj)
        namespace = obj["metadata"].get("namespace", "default") if kind.namespaced else None
        try:
            try:
                live = store.get(kind, namespace, obj["metadata"]["name"])
            except StatusError:
                store.create(kind, admission.created(kind, namespace, obj))
            else:
                store.update(kind, admission.changed(kind, live, replacement(live, obj)))
        except StatusError as error:
            where = "/".join(filter(None, (obj["kind"], namespace, obj["metadata"]["name"])))
            raise SandboxError(
                error.message, where=where, hint="correct the manifest, or the patch of the release"
            ) from error
