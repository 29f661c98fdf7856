"""PersistentVolumeClaims: made for the pods of StatefulSets, kept when these go, and removed with their volume when no pod uses them.

A claim is bound to a volume of its own as soon as it is made. One that was deleted is held by `kubernetes.io/pvc-protection` for as long as a
pod uses it, and no new pod of its StatefulSet is made meanwhile. A stated deviation: a pod that names a claim without there being one has a
volume all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster import deletion
from readiness_sandbox.cluster.controllers.view import CLAIM, POD, is_over, key, write_status
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.store import Object, Store

PROTECTION: Final = "kubernetes.io/pvc-protection"
"""The finalizer of a claim that a pod may use."""


def reconcile(store: Store) -> None:
    """Bind new claims, and let go those that were deleted and that no pod uses."""
    claims = store.list(CLAIM)
    if not claims:
        return
    used = {named for pod in store.list(POD) if not is_over(pod) for named in _used(pod)}
    for claim in claims:
        if deletion.is_ending(claim):
            if key(claim) not in used:
                deletion.release(store, CLAIM, claim, PROTECTION)
        elif (claim.get("status") or {}).get("phase") != "Bound":
            _bind(store, claim)


def ready(store: Store, statefulset: Object, pod: str) -> bool:
    """Make the claims of a pod of a StatefulSet where they are missing; whether none of them is being removed."""
    there = True
    for template in statefulset["spec"].get("volumeClaimTemplates") or ():
        name = f"{template['metadata']['name']}-{pod}"
        try:
            there &= not deletion.is_ending(store.get(CLAIM, statefulset["metadata"]["namespace"], name))
        except StatusError:
            store.create(CLAIM, _claim(statefulset, template, name))
    return there


def _claim(statefulset: Object, template: Object, name: str) -> Object:
    meta = template["metadata"]
    labels = {**(meta.get("labels") or {}), **(statefulset["spec"]["selector"].get("matchLabels") or {})}
    return {
        "metadata": {
            "namespace": statefulset["metadata"]["namespace"],
            "name": name,
            "labels": labels,
            "finalizers": [PROTECTION],
        },
        "spec": {**template["spec"], "volumeMode": "Filesystem"},
        "status": {"phase": "Pending"},
    }


def _bind(store: Store, claim: Object) -> None:
    spec = {**claim["spec"], "volumeName": f"pvc-{claim['metadata']['uid']}"}
    bound = store.update(CLAIM, {**claim, "spec": spec})
    capacity = (spec.get("resources") or {}).get("requests") or {}
    status = {"phase": "Bound", "accessModes": spec.get("accessModes") or [], "capacity": capacity}
    write_status(store, CLAIM, bound, status)


def _used(pod: Object) -> Iterator[tuple[str, str]]:
    for volume in pod["spec"].get("volumes") or ():
        if claim := volume.get("persistentVolumeClaim"):
            yield pod["metadata"]["namespace"], claim["claimName"]
