"""From what a client sent to what may be stored: one path for creation, one for change."""

from __future__ import annotations

import uuid
from itertools import islice
from typing import TYPE_CHECKING, Any

from readiness_sandbox.cluster import defaults, names, rules, schema
from readiness_sandbox.cluster.custom import structural
from readiness_sandbox.cluster.deletion import is_ending, with_finalizers
from readiness_sandbox.cluster.statuses import Object, bad_request, invalid

if TYPE_CHECKING:
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.schema import OnUnknown

OURS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
)
"""Metadata that only the server writes."""

FIRST_STATUS: dict[str, Object] = {
    "Pod": {"phase": "Pending", "qosClass": "BestEffort"},
    "Ingress.networking.k8s.io": {"loadBalancer": {}},
    "HorizontalPodAutoscaler.autoscaling": {"desiredReplicas": 0},
}
"""What an object's status is when it is made."""


def created(kind: Kind, namespace: str | None, body: Any, on_unknown: OnUnknown = schema.tolerate) -> Object:
    """The object to store for a POST. Raises StatusError 400 or 422."""
    obj = _copied(kind, body)
    meta = obj["metadata"]
    for key in OURS:
        meta.pop(key, None)
    meta["uid"] = str(uuid.uuid4())  # some defaults are made of it
    if isinstance(begin := meta.get("generateName"), str) and begin and not meta.get("name"):
        meta["name"] = names.generated(begin)
    if meta.pop("resourceVersion", ""):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if kind.has_status and kind.qualified != "Node":
        obj.pop("status", None)
    if meta.get("namespace", namespace or "") != (namespace or ""):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if kind.namespaced:
        meta["namespace"] = namespace
    obj = _shaped(kind, obj, on_unknown)
    rules.check(kind, obj)
    if kind.qualified in FIRST_STATUS:
        obj["status"] = dict(FIRST_STATUS[kind.qualified])
    return obj


def changed(kind: Kind, old: Object, body: Any, on_unknown: OnUnknown = schema.tolerate) -> Object:
    """The object to store for a PUT, or for the outcome of a PATCH. Raises StatusError 400 or 422."""
    obj = _copied(kind, body)
    meta = obj["metadata"]
    for key in OURS:
        if key != "uid" or not meta.get("uid"):
            meta.pop(key, None)
            if key in old["metadata"]:
                meta[key] = old["metadata"][key]
    for key in ("name", "namespace"):
        expected = old["metadata"].get(key, "")
        if meta.get(key, expected) != expected:
            what = f"the {key} of the object ({meta[key]}) does not match the {key} on the URL ({expected})"
            raise bad_request(what)
        if expected:
            meta[key] = expected
    if kind.qualified == "Service" and "clusterIP" in old["spec"]:
        obj.setdefault("spec", {}).setdefault("clusterIP", old["spec"]["clusterIP"])
    obj = _shaped(kind, obj, on_unknown)
    if kind.qualified == "Namespace":  # what is to be emptied before it goes is the cluster's own
        obj["spec"]["finalizers"] = (old.get("spec") or {}).get("finalizers", [])
    before = _complete(kind, old) if _content(obj) != _content(old) else None
    rules.check(kind, obj, before, held_by=old["metadata"].get("finalizers", []) if is_ending(old) else None)
    return obj


def finalized(kind: Kind, old: Object, body: Any, on_unknown: OnUnknown = schema.tolerate) -> Object:
    """The object to store for a PUT to the subresource `finalize` of a Namespace: `spec.finalizers` are the client's here.

    Raises StatusError 400 or 422.
    """
    obj = changed(kind, old, body, on_unknown)
    given = defaults.fresh(body.get("spec") or {}).get("finalizers", ())
    obj = with_finalizers(obj, given)
    rules.check_finalize(kind, obj)
    return obj


def with_status(kind: Kind, old: Object, body: Any, on_unknown: OnUnknown = schema.tolerate) -> Object:
    """The object to store for a write to the status subresource: only `status` and the precondition are the client's."""
    obj = _copied(kind, body)
    meta = {
        **old["metadata"],
        **{key: obj["metadata"][key] for key in ("uid", "resourceVersion") if key in obj["metadata"]},
    }
    new = _shaped(kind, {**old, "metadata": meta, "status": obj.get("status", {})}, on_unknown)
    rules.check_status(kind, new)
    return new


def _shaped(kind: Kind, obj: Object, on_unknown: OnUnknown) -> Object:
    """The object in its kind's shape, defaults filled in. Raises StatusError 400 or 422."""
    if kind.custom is None:
        schema.check(kind, obj, on_unknown)
        defaults.fill(kind, obj)
        return obj
    schema.check_metadata(kind, obj, on_unknown)
    unknown: list[str] = []
    known = structural.pruned(kind.custom.schema, obj, unknown)
    if unknown:
        on_unknown(unknown)
    shaped: Object = structural.defaulted(kind.custom.schema, known)
    if causes := list(islice(structural.faults(kind.custom.schema, shaped), rules.MOST_CAUSES)):
        raise invalid(kind, obj["metadata"].get("name", ""), causes)
    return shaped


def _content(obj: Object) -> Object:
    """What is neither status nor metadata nor the name of its kind."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status", "kind", "apiVersion")}


def _complete(kind: Kind, old: Object) -> Object:
    """A stored object with the defaults that a controller which wrote it may have left out.

    They are no change.
    """
    obj: Object = defaults.fresh(old)
    if kind.custom is None:
        defaults.fill(kind, obj)
    return obj


def _copied(kind: Kind, body: Any) -> Object:
    if not isinstance(body, dict):
        raise bad_request(f"the body must be a JSON object of kind {kind.kind}")
    # a schema may allow a null in a custom resource; anywhere else it means absent
    obj: Object = (
        defaults.fresh(body) if kind.custom is None else {**body, "metadata": defaults.fresh(body.get("metadata"))}
    )
    for key, expected in (("kind", kind.kind), ("apiVersion", kind.api_version)):
        if obj.setdefault(key, expected) != expected:
            raise bad_request(f"the {key} in the data ({obj[key]}) does not match the expected {key} ({expected})")
    for key in ("metadata", "spec") if kind.custom is None and schema.has_spec(kind) else ("metadata",):
        if obj.get(key) is None:
            obj[key] = {}
        if not isinstance(obj[key], dict):
            raise bad_request(f"{key} must be a JSON object")
    return obj
