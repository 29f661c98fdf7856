"""ReplicaSets: as many active pods as desired, and the counts in status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.view import (
    BURST,
    POD,
    REPLICASET,
    adopt,
    count,
    deletion_order,
    is_active,
    key,
    live,
    owned,
    pod_from,
    write_status,
)

if TYPE_CHECKING:
    from readiness_sandbox.cluster.controllers.view import PodTerminator
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store


def reconcile(store: Store, pods: PodTerminator, record: Recorder) -> None:
    """All ReplicaSets."""
    for replicaset in live(store, REPLICASET):
        _scale(store, replicaset, pods, record)
        _report(store, replicaset)


def _scale(store: Store, replicaset: Object, pods: PodTerminator, record: Recorder) -> None:
    adopt(store, POD, replicaset)
    active = [pod for pod in owned(store, POD, replicaset) if is_active(pod)]
    desired = replicaset["spec"].get("replicas", 1)
    name = replicaset["metadata"]["name"]
    for _ in range(min(BURST, desired - len(active))):
        pod = store.create(POD, pod_from(replicaset, replicaset["spec"]["template"], generateName=f"{name}-"))
        record(replicaset, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    for pod in deletion_order(active)[: max(0, min(BURST, len(active) - desired))]:
        pods.begin_delete(*key(pod), None)
        record(replicaset, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")


def _report(store: Store, replicaset: Object) -> None:
    active = [pod for pod in owned(store, POD, replicaset) if is_active(pod)]
    replicas, ready, available = count(active, replicaset["spec"].get("minReadySeconds", 0))
    status = {
        "replicas": replicas,
        "fullyLabeledReplicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": available,
        "observedGeneration": replicaset["metadata"].get("generation", 1),
    }
    write_status(store, REPLICASET, replicaset, status)
