"""The scale subresource: where a workload has its replicas, built-in or custom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readiness_sandbox.cluster.selectors import Selector
from readiness_sandbox.cluster.statuses import Object, StatusError

if TYPE_CHECKING:
    from readiness_sandbox.cluster.kinds import Kind

REPLICAS, STATUS_REPLICAS, SELECTOR = "specReplicasPath", "statusReplicasPath", "labelSelectorPath"
SCALE = {REPLICAS: ".spec.replicas", STATUS_REPLICAS: ".status.replicas"}
"""Where the built-in workloads have the fields of a Scale."""


def scale_of(kind: Kind, obj: Object) -> Object:
    """The `autoscaling/v1` Scale of a workload. Raises StatusError 500 when a custom resource has no number of replicas."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = _at(obj, _scale_path(kind, REPLICAS))
    if replicas is None:
        path = ".".join(("", *_scale_path(kind, REPLICAS)))
        raise StatusError(
            500, "InternalError", f'Internal error occurred: the spec replicas field "{path}" does not exist'
        )
    selector = (
        str(Selector.of(obj["spec"]["selector"]))
        if kind.custom is None
        else _at(obj, _scale_path(kind, SELECTOR)) or ""
    )
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": replicas},
        "status": {"replicas": _at(obj, _scale_path(kind, STATUS_REPLICAS)) or 0, "selector": selector},
    }


def with_replicas(kind: Kind, obj: Object, replicas: Any) -> Object:
    """A workload that asks for so many replicas."""
    return _put(obj, _scale_path(kind, REPLICAS), replicas)


def _scale_path(kind: Kind, name: str) -> list[str]:
    """The steps to a field of the scale subresource; none when a definition names no such field."""
    path = SCALE[name] if kind.custom is None else kind.custom.scale.get(name, "")
    return path.split(".")[1:]


def _at(obj: Object, steps: list[str]) -> Any:
    value: Any = obj if steps else None
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _put(obj: Object, steps: list[str], value: Any) -> Object:
    first, rest = steps[0], steps[1:]
    return {**obj, first: _put(obj.get(first) or {}, rest, value) if rest else value}
