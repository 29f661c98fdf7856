"""Deployments: a ReplicaSet a template, rolled over within maxSurge and maxUnavailable."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from harness import clock
from harness.sandbox.cluster.controllers.view import (
    DEPLOYMENT,
    HASH,
    REPLICASET,
    adopt,
    normal,
    owned,
    reference,
    template_hash,
    without_hash,
    write_status,
)
from harness.sandbox.cluster.kubelet.status import condition, with_condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.sandbox.cluster.recorder import Recorder
    from harness.sandbox.cluster.store import Object, Store

REVISION = "deployment.kubernetes.io/revision"


def reconcile(store: Store, record: Recorder) -> None:
    """All Deployments."""
    for deployment in store.list(DEPLOYMENT):
        adopt(store, REPLICASET, deployment)
        new = _current(store, deployment)
        if not deployment["spec"].get("paused"):
            new = new or _create(store, deployment, record)
            new = _with_revision(store, deployment, new)
        old = [each for each in owned(store, REPLICASET, deployment) if new is None or not _same(each, new)]
        for replicaset, replicas in _plan(deployment["spec"], new, old):
            _scale(store, replicaset, replicas, deployment, record)
        _clean_up(store, deployment, old)
        _report(store, deployment, new)


def _plan(spec: Object, new: Object | None, old: Sequence[Object]) -> list[tuple[Object, int]]:
    """(ReplicaSet, replicas) to set now: one step of a rolling update, or of a plain scaling. Pure."""
    wanted = spec.get("replicas", 1)
    if new is None:
        newest = max(old, key=_revision_of, default=None)
        return [] if newest is None else [(newest, wanted)]
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        return _recreated(wanted, new, old)
    surge, unavailable = limits(spec)
    total = _replicas(new) + sum(map(_replicas, old))
    room = wanted + surge - total
    steps = []
    if _replicas(new) > wanted:
        steps.append((new, wanted))
    elif _replicas(new) < wanted and room > 0:
        steps.append((new, min(wanted, _replicas(new) + room)))
    return steps + _shrunk(wanted - unavailable, new, old)


def limits(spec: Object) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers: percent of the replicas, surge rounded up, unavailable down; never both 0."""
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    wanted: int = spec.get("replicas", 1)

    def number(name: str, *, up: bool) -> int:
        value: str | int = rolling.get(name, "25%")
        if isinstance(value, int):
            return value
        part = wanted * float(value.rstrip("%")) / 100
        return math.ceil(part) if up else math.floor(part)

    surge, unavailable = number("maxSurge", up=True), number("maxUnavailable", up=False)
    return surge, unavailable or (0 if surge else 1)


def _shrunk(least: int, new: Object, old: Sequence[Object]) -> list[tuple[Object, int]]:
    """Take old replicas away: those not available first, the others while `least` stay available."""
    new_unavailable = _replicas(new) - _available(new)
    spare = _replicas(new) + sum(map(_replicas, old)) - least - new_unavailable
    steps = {}
    for replicaset in old:
        broken = min(max(0, spare), max(0, _replicas(replicaset) - _available(replicaset)))
        spare -= broken
        steps[replicaset["metadata"]["name"]] = (replicaset, _replicas(replicaset) - broken)
    spare = min(spare, _available(new) + sum(map(_available, old)) - least)
    for name, (replicaset, replicas) in steps.items():
        fewer = min(max(0, spare), replicas)
        spare -= fewer
        steps[name] = (replicaset, replicas - fewer)
    return [step for step in steps.values() if step[1] != _replicas(step[0])]


def _recreated(wanted: int, new: Object, old: Sequence[Object]) -> list[tuple[Object, int]]:
    living = [each for each in old if _replicas(each)]
    if living:
        return [(each, 0) for each in living]
    if any((each.get("status") or {}).get("replicas") for each in old):
        return []
    return [(new, wanted)]


def _current(store: Store, deployment: Object) -> Object | None:
    wanted = normal(deployment["spec"]["template"])
    found = [
        each
        for each in owned(store, REPLICASET, deployment)
        if normal(without_hash(each["spec"]["template"])) == wanted
    ]
    return min(found, key=lambda each: int(each["metadata"]["resourceVersion"]), default=None)


def _create(store: Store, deployment: Object, record: Recorder) -> Object:
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
                "annotations": {},
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
    record(deployment, "Normal", "NewReplicaSet", f"Created replica set {replicaset['metadata']['name']}")
    return replicaset


def _with_revision(store: Store, deployment: Object, new: Object) -> Object:
    """Give the current ReplicaSet the highest revision, also when a rollback made it current again."""
    others = [each for each in owned(store, REPLICASET, deployment) if not _same(each, new)]
    highest = max(map(_revision_of, others), default=0)
    revision = max(_revision_of(new), highest + 1)
    new = _annotated(store, new, revision)
    deployment_now = store.get(DEPLOYMENT, deployment["metadata"]["namespace"], deployment["metadata"]["name"])
    annotations = {**(deployment_now["metadata"].get("annotations") or {}), REVISION: str(revision)}
    store.update(DEPLOYMENT, {**deployment_now, "metadata": {**deployment_now["metadata"], "annotations": annotations}})
    return new


def _annotated(store: Store, replicaset: Object, revision: int) -> Object:
    annotations = {**(replicaset["metadata"].get("annotations") or {}), REVISION: str(revision)}
    return store.update(REPLICASET, {**replicaset, "metadata": {**replicaset["metadata"], "annotations": annotations}})


def _scale(store: Store, replicaset: Object, replicas: int, deployment: Object, record: Recorder) -> None:
    if replicas == _replicas(replicaset):
        return
    way = "up" if replicas > _replicas(replicaset) else "down"
    name = replicaset["metadata"]["name"]
    message = f"Scaled {way} replica set {name} from {_replicas(replicaset)} to {replicas}"
    store.update(REPLICASET, {**replicaset, "spec": {**replicaset["spec"], "replicas": replicas}})
    record(deployment, "Normal", "ScalingReplicaSet", message)


def _clean_up(store: Store, deployment: Object, old: Sequence[Object]) -> None:
    """Keep `revisionHistoryLimit` old ReplicaSets for an undo."""
    empty = [each for each in old if not _replicas(each) and not (each.get("status") or {}).get("replicas")]
    surplus = len(empty) - deployment["spec"].get("revisionHistoryLimit", 10)
    for replicaset in sorted(empty, key=_revision_of)[: max(0, surplus)]:
        store.delete(REPLICASET, replicaset["metadata"]["namespace"], replicaset["metadata"]["name"])


def _report(store: Store, deployment: Object, new: Object | None) -> None:
    deployment = store.get(DEPLOYMENT, deployment["metadata"]["namespace"], deployment["metadata"]["name"])
    spec, old_status = deployment["spec"], deployment.get("status") or {}
    every = [each.get("status") or {} for each in owned(store, REPLICASET, deployment)]
    current = next((each for each in owned(store, REPLICASET, deployment) if new and _same(each, new)), {})
    updated = (current.get("status") or {}).get("replicas", 0)
    wanted = spec.get("replicas", 1)
    available = sum(each.get("availableReplicas", 0) for each in every)
    counts = {
        "replicas": sum(each.get("replicas", 0) for each in every),
        "updatedReplicas": updated,
        "readyReplicas": sum(each.get("readyReplicas", 0) for each in every),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }
    complete = updated == wanted == counts["replicas"] == available
    status = {
        **counts,
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "conditions": _conditions(deployment, counts, complete=complete, moved=counts != _counts(old_status)),
    }
    write_status(store, DEPLOYMENT, deployment, status)


def _conditions(deployment: Object, counts: Object, *, complete: bool, moved: bool) -> list[Object]:
    now = clock.wall_text()
    spec = deployment["spec"]
    _, unavailable = limits(spec)
    enough = counts["availableReplicas"] >= spec.get("replicas", 1) - unavailable
    conditions = with_condition(
        (deployment.get("status") or {}).get("conditions") or [],
        "Available",
        "True" if enough else "False",
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        now=now,
    )
    old = condition(deployment, "Progressing")
    since = now if moved else old.get("lastUpdateTime", now)
    waited_s = (clock.wall() - datetime.fromisoformat(since)).total_seconds()
    if complete:
        verdict = ("True", "NewReplicaSetAvailable")
    elif waited_s > spec.get("progressDeadlineSeconds", 600):
        verdict = ("False", "ProgressDeadlineExceeded")
    else:
        verdict = ("True", "ReplicaSetUpdated")
    if verdict[1] == old.get("reason"):
        since = old.get("lastUpdateTime", since) if complete else since
    conditions = with_condition(conditions, "Progressing", *verdict, now=now)
    return [{**each, "lastUpdateTime": since} if each["type"] == "Progressing" else each for each in conditions]


def _counts(status: Object) -> Object:
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
    return {name: status.get(name) for name in names}


def _same(one: Object, other: Object) -> bool:
    return bool(one["metadata"]["uid"] == other["metadata"]["uid"])


def _replicas(replicaset: Object) -> int:
    return int(replicaset["spec"].get("replicas", 0))


def _available(replicaset: Object) -> int:
    return int((replicaset.get("status") or {}).get("availableReplicas", 0))


def _revision_of(replicaset: Object) -> int:
    return int((replicaset["metadata"].get("annotations") or {}).get(REVISION, 0))
