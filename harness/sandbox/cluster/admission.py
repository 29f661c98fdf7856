"""From what a client sent to what may be stored: one path for creation, one for change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.sandbox.cluster import defaults, rules, schema
from harness.sandbox.cluster.statuses import Object, bad_request

if TYPE_CHECKING:
    from harness.sandbox.cluster.kinds import Kind

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


def created(kind: Kind, namespace: str | None, body: Any, *, strict: bool = False) -> Object:
    """The object to store for a POST. Raises StatusError 400 or 422."""
    obj = _copied(kind, body)
    meta = obj["metadata"]
    for key in OURS:
        meta.pop(key, None)
    if meta.pop("resourceVersion", ""):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if kind.has_status and kind.kind != "Node":
        obj.pop("status", None)
    if meta.get("namespace", namespace or "") != (namespace or ""):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if kind.namespaced:
        meta["namespace"] = namespace
    schema.check(kind, obj, strict=strict)
    defaults.fill(kind, obj)
    rules.check(kind, obj)
    if kind.kind == "Pod":
        obj["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
    return obj


def changed(kind: Kind, old: Object, body: Any, *, strict: bool = False) -> Object:
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
    schema.check(kind, obj, strict=strict)
    if kind.kind == "Service" and "clusterIP" in old["spec"]:
        obj.setdefault("spec", {}).setdefault("clusterIP", old["spec"]["clusterIP"])
    defaults.fill(kind, obj)
    rules.check(kind, obj, _complete(kind, old) if obj.get("spec") != old.get("spec") else None)
    return obj


def with_status(kind: Kind, old: Object, body: Any) -> Object:
    """The object to store for a write to the status subresource: only `status` and the precondition are the client's."""
    obj = _copied(kind, body)
    meta = {
        **old["metadata"],
        **{key: obj["metadata"][key] for key in ("uid", "resourceVersion") if key in obj["metadata"]},
    }
    new = {**old, "metadata": meta, "status": obj.get("status", {})}
    schema.check(kind, new, strict=False)
    return new


def _complete(kind: Kind, old: Object) -> Object:
    """A stored object with the defaults that a controller which wrote it may have left out: they are no change."""
    obj: Object = defaults.fresh(old)
    defaults.fill(kind, obj)
    return obj


def _copied(kind: Kind, body: Any) -> Object:
    if not isinstance(body, dict):
        raise bad_request(f"the body must be a JSON object of kind {kind.kind}")
    obj: Object = defaults.fresh(body)
    for key, expected in (("kind", kind.kind), ("apiVersion", kind.api_version)):
        if obj.setdefault(key, expected) != expected:
            raise bad_request(f"the {key} in the data ({obj[key]}) does not match the expected {key} ({expected})")
    for key in ("metadata", "spec") if schema.has_spec(kind) else ("metadata",):
        if not isinstance(obj.setdefault(key, {}), dict):
            raise bad_request(f"{key} must be a JSON object")
    return obj
