"""Deployments: a ReplicaSet a template, rolling updates, and a history for rollbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from readiness_sandbox.cluster import deletion
from readiness_sandbox.cluster.controllers import rollout_conditions
from readiness_sandbox.cluster.controllers.rolling import (
    DESIRED,
    MOST,
    REVISION,
    is_rolling,
    most_replicas,
    plan,
    replicas_of,
    revision_of,
    scaled,
    was_scaled,
)
from readiness_sandbox.cluster.controllers.view import (
    DEPLOYMENT,
    HASH,
    POD,
    REPLICASET,
    adopt,
    is_over,
    key,
    live,
    normal,
    owned,
    reference,
    template_hash,
    without_hash,
)
from readiness_sandbox.cluster.kubelet.status import condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store

HISTORY: Final = "deployment.kubernetes.io/revision-history"
"""The revisions that a ReplicaSet had before it became current again."""
_OWN: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        *(REVISION, HISTORY, DESIRED, MOST),
    }
)
"""Annotations of a Deployment that its ReplicaSets do not inherit."""


def reconcile(store: Store, record: Recorder) -> None:
    """All Deployments."""
    for each in live(store, DEPLOYMENT):
        adopt(store, REPLICASET, each)
        deployment = _with_conditions(store, each, rollout_conditions.paused(each, clock.wall()))
        new = _current(store, deployment)
        if new is None and not deployment["spec"].get("paused"):
            deployment, new = _create(store, deployment, record)
        if new is not None:
            deployment, new = _with_revision(store, deployment, new)
        old = [each for each in owned(store, REPLICASET, deployment) if new is None or not _same(each, new)]
        spec, every = deployment["spec"], [*old, *([new] if new else [])]
        if new is None or spec.get("paused") or was_scaled(spec, every):
            steps = scaled(spec, new, old)
        else:
            steps = plan(spec, new, old, old_run=not is_rolling(spec) and _run(store, old))
        for replicaset, replicas in steps:
            _scale(store, replicaset, replicas, deployment, record)
        deployment = _report(store, deployment, new)
        if spec.get("paused") or rollout_conditions.is_complete(deployment, deployment["status"]):
            _clean_up(store, deployment, old)


def _run(store: Store, replicasets: Sequence[Object]) -> bool:
    """Whether a pod of theirs is there that is not over; one that is ending still runs."""
    return any(not is_over(pod) for each in replicasets for pod in owned(store, POD, each))


def _current(store: Store, deployment: Object) -> Object | None:
    desired = deployment["spec"]["template"]
    found = [
        each for each in owned(store, REPLICASET, deployment) if _means(without_hash(each["spec"]["template"]), desired)
    ]
    return min(found, key=lambda each: int(each["metadata"]["resourceVersion"]), default=None)


def _means(one: Object, other: Object) -> bool:
    """Whether two templates say the same; most are written in the same way, which is seen at once."""
    return one == other or bool(normal(one) == normal(other))


def _create(store: Store, deployment: Object, record: Recorder) -> tuple[Object, Object]:
    """The Deployment, whose Progressing begins anew, and the ReplicaSet of its template."""
    template = deployment["spec"]["template"]
    name = template_hash(template)
    labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH: name}
    selector = deployment["spec"]["selector"]
    replicaset = store.create(
        REPLICASET,
        {
            "metadata": {
                "name": f"{deployment['metadata']['name']}-{name}",
                "namespace": deployment["metadata"]["namespace"],
                "labels": labels,
                "annotations": _size(deployment),
                "ownerReferences": [reference(deployment)],
            },
            "spec": {
                "replicas": 0,
                "minReadySeconds": deployment["spec"].get("minReadySeconds", 0),
                "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: name}},
                "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
            },
            "status": {"replicas": 0},
        },
    )
    name = replicaset["metadata"]["name"]
    record(deployment, "Normal", "NewReplicaSet", f"Created replica set {name}")
    return _progress(store, deployment, "NewReplicaSetCreated", f'Created new replica set "{name}"'), replicaset


def _with_revision(store: Store, deployment: Object, new: Object) -> tuple[Object, Object]:
    """Give the current ReplicaSet the highest revision, also after a rollback."""
    others = [each for each in owned(store, REPLICASET, deployment) if not _same(each, new)]
    revision = max(revision_of(new), max(map(revision_of, others), default=0) + 1)
    before = new["metadata"].get("annotations") or {}
    given = deployment["metadata"].get("annotations") or {}
    inherited = {key: value for key, value in given.items() if key not in _OWN}
    annotations = {**before, **inherited, REVISION: str(revision)}
    if 0 < revision_of(new) < revision:
        annotations[HISTORY] = ",".join(filter(None, (before.get(HISTORY), before[REVISION])))
    new = _annotated(store, REPLICASET, new, annotations)
    if not condition(deployment, "Progressing") and rollout_conditions.has_deadline(deployment):
        message = f'Found new replica set "{new["metadata"]["name"]}"'
        deployment = _progress(store, deployment, "FoundNewReplicaSet", message)
    return _annotated(store, DEPLOYMENT, deployment, {**given, REVISION: str(revision)}), new


def _progress(store: Store, deployment: Object, reason: str, message: str) -> Object:
    """The Deployment with Progressing True for that reason, unless it has no deadline."""
    if not rollout_conditions.has_deadline(deployment):
        return deployment
    conditions = rollout_conditions.replaced(
        rollout_conditions.conditions_of(deployment), "Progressing", ("True", reason, message), clock.wall()
    )
    return _with_conditions(store, deployment, conditions)


def _with_conditions(store: Store, deployment: Object, conditions: list[Object]) -> Object:
    if conditions == rollout_conditions.conditions_of(deployment):
        return deployment
    status = {**(deployment.get("status") or {}), "conditions": conditions}
    return store.update(DEPLOYMENT, {**deployment, "status": status}, subresource="status")


def _annotated(store: Store, kind: Kind, obj: Object, annotations: Object) -> Object:
    return store.update(kind, {**obj, "metadata": {**obj["metadata"], "annotations": annotations}})


def _size(deployment: Object) -> Object:
    """The annotations of a ReplicaSet with its Deployment's size, for proportional scaling."""
    spec = deployment["spec"]
    return {DESIRED: str(spec.get("replicas", 1)), MOST: str(most_replicas(spec))}


def _scale(store: Store, replicaset: Object, replicas: int, deployment: Object, record: Recorder) -> None:
    meta, before = replicaset["metadata"], replicas_of(replicaset)
    annotations = {**(meta.get("annotations") or {}), **_size(deployment)}
    spec = {**replicaset["spec"], "replicas": replicas}
    store.update(REPLICASET, {**replicaset, "metadata": {**meta, "annotations": annotations}, "spec": spec})
    if replicas != before:
        way = "up" if replicas > before else "down"
        message = f"Scaled {way} replica set {meta['name']} from {before} to {replicas}"
        record(deployment, "Normal", "ScalingReplicaSet", message)


def _clean_up(store: Store, deployment: Object, old: Sequence[Object]) -> None:
    """Keep `revisionHistoryLimit` old ReplicaSets for an undo."""
    alive = [each for each in old if not deletion.is_ending(each)]
    empty = [each for each in alive if not replicas_of(each) and not (each.get("status") or {}).get("replicas")]
    surplus = len(empty) - deployment["spec"].get("revisionHistoryLimit", 10)
    for replicaset in sorted(empty, key=revision_of)[: max(0, surplus)]:
        deletion.begin(store, REPLICASET, store.get(REPLICASET, *key(replicaset)))


def _report(store: Store, deployment: Object, new: Object | None) -> Object:
    """Write the status, and return the Deployment with it."""
    every = owned(store, REPLICASET, deployment)
    current = next((each for each in every if new and _same(each, new)), {})
    statuses = [each.get("status") or {} for each in every]
    available = sum(each.get("availableReplicas", 0) for each in statuses)
    counts = {
        "replicas": sum(each.get("replicas", 0) for each in statuses),
        "updatedReplicas": (current.get("status") or {}).get("replicas", 0),
        "readyReplicas": sum(each.get("readyReplicas", 0) for each in statuses),
        "availableReplicas": available,
        "unavailableReplicas": max(0, deployment["spec"].get("replicas", 1) - available),
    }
    status = {
        **counts,
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "conditions": rollout_conditions.written(deployment, new, counts, clock.wall()),
    }
    return store.update(DEPLOYMENT, {**deployment, "status": status}, subresource="status")


def _same(one: Object, other: Object) -> bool:
    return bool(one["metadata"]["uid"] == other["metadata"]["uid"])
