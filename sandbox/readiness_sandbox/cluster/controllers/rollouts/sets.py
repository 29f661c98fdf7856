"""The ReplicaSets of a rollout: one a pod template, with the hash that Services select by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster import admission
from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError
from readiness_sandbox.cluster.controllers.rollouts.turn import TemplateSet
from readiness_sandbox.cluster.controllers.view import REPLICASET, owned, reference, template_hash
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from readiness_sandbox.cluster.controllers.rollouts.spec import RolloutSpec
    from readiness_sandbox.cluster.store import Object, Store

HASH: Final = "rollouts-pod-template-hash"
REVISION: Final = "rollout.argoproj.io/revision"
SCALE_DOWN_AT: Final = "scale-down-deadline"


def current(store: Store, rollout: Object, made: Object) -> Object:
    """The ReplicaSet of a template, which `made` makes, created when there is none, with the highest revision."""
    mine = owned(store, REPLICASET, rollout)
    name = made["metadata"]["labels"][HASH]
    found = next((each for each in mine if each["metadata"]["labels"][HASH] == name), None)
    found = found or store.create(REPLICASET, made)
    others = [each for each in mine if each["metadata"]["uid"] != found["metadata"]["uid"]]
    revision = max(revision_of(found), max(map(revision_of, others), default=0) + 1)
    return annotated(store, found, REVISION, str(revision))


def view(replicaset: Object) -> TemplateSet:
    """What the state machine reads of a ReplicaSet."""
    meta, status = replicaset["metadata"], replicaset.get("status") or {}
    return TemplateSet(
        hash=meta["labels"][HASH],
        revision=revision_of(replicaset),
        replicas=int(replicaset["spec"].get("replicas", 0)),
        existing=int(status.get("replicas", 0)),
        ready=int(status.get("readyReplicas", 0)),
        available=int(status.get("availableReplicas", 0)),
        created=meta["creationTimestamp"],
        scale_down_at=(meta.get("annotations") or {}).get(SCALE_DOWN_AT),
    )


def annotated(store: Store, replicaset: Object, name: str, value: str | None) -> Object:
    """The ReplicaSet with that annotation, or without it."""
    meta = replicaset["metadata"]
    kept = {key: each for key, each in (meta.get("annotations") or {}).items() if key != name}
    annotations = kept if value is None else {**kept, name: value}
    return store.update(REPLICASET, {**replicaset, "metadata": {**meta, "annotations": annotations}})


def revision_of(replicaset: Object) -> int:
    """The revision that is written on a ReplicaSet; 0 when none is."""
    return int((replicaset["metadata"].get("annotations") or {}).get(REVISION, 0))


def made(rollout: Object, template: Object, selector: Object, spec: RolloutSpec) -> Object:
    """The ReplicaSet of a template, as it is created.

    Its hash is that of the template with all defaults, as an undo restores it.

    Raises:
        SpecError: the template is not that of a pod.
    """
    meta = rollout["metadata"]
    bare = {
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "ownerReferences": [reference(rollout)]},
        "spec": {"replicas": 0, "minReadySeconds": spec.min_ready_s, "selector": selector, "template": template},
    }
    try:
        whole = admission.created(REPLICASET, meta["namespace"], bare)
    except StatusError as error:
        raise SpecError(f"spec.template: {error.message}") from None
    complete = whole["spec"]["template"]
    name = template_hash(complete)
    labels = {**(complete["metadata"].get("labels") or {}), HASH: name}
    chosen = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: name}}
    complete = {**complete, "metadata": {**complete["metadata"], "labels": labels}}
    return {
        "metadata": {**whole["metadata"], "name": f"{meta['name']}-{name}", "labels": labels, "annotations": {}},
        "spec": {**whole["spec"], "selector": chosen, "template": complete},
        "status": {"replicas": 0},
    }
