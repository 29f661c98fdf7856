"""Write `sandbox/readiness_sandbox/cluster/schemas.json` from the models of the official client (37 or newer, which are pydantic's).

Run `python tests/sandbox/cluster/schema_from_client.py` after a new kind or a new client; a test holds the file to this.
"""

from __future__ import annotations

import datetime as dt
import json
import types
import typing
from importlib.resources import files
from pathlib import Path

from kubernetes.client import models

ROOTS = (
    *("V1Namespace", "V1Node", "V1Pod", "V1Service", "V1Endpoints", "V1ConfigMap", "V1Secret", "V1ServiceAccount"),
    *("CoreV1Event", "EventsV1Event", "V1EndpointSlice", "V1Lease", "V1NetworkPolicy", "V1Ingress"),
    *("V1Deployment", "V1ReplicaSet", "V1StatefulSet", "V1Scale", "V1Eviction", "V1DeleteOptions"),
    *("V1PodDisruptionBudget", "V1Job", "V1CronJob", "V1CustomResourceDefinition"),
    "V2HorizontalPodAutoscaler",
    *("V1Role", "V1RoleBinding", "V1ClusterRole", "V1ClusterRoleBinding"),
    *("V1SelfSubjectAccessReview", "V1SelfSubjectRulesReview", "V1SelfSubjectReview"),
)
SCALARS = {str: "string", bytes: "bytes", int: "integer", float: "number", bool: "boolean", dt.datetime: "time"}
QUANTITIES = {
    *(
        "limits",
        "requests",
        "capacity",
        "allocatable",
        "allocatedResources",
        "overhead",
        "sizeLimit",
        "divisor",
        "averageValue",
    ),
    *("MetricTarget.value", "MetricValueStatus.value"),
}
"""Fields that the API's own schema calls a Quantity, and the client a text; with their definition where others have the name."""


def schemas() -> dict[str, dict[str, str]]:
    """Definitions by name, each a map of field to type code (see `readiness_sandbox.cluster.schema`)."""
    found: dict[str, dict[str, str]] = {}
    for root in ROOTS:
        _walk(getattr(models, root), found)
    return found


def _walk(model: typing.Any, found: dict[str, dict[str, str]]) -> str:
    name = str(model.__name__).removeprefix("V1").removeprefix("V2")
    if name not in found:
        fields = found[name] = {}
        for attribute, info in model.model_fields.items():
            field = info.serialization_alias or info.alias or attribute
            code = _code(info.annotation, found)
            if not {field, f"{name}.{field}"}.isdisjoint(QUANTITIES):
                code = code.replace("string", "quantity")
            fields[field] = code + ("!" if info.is_required() else "")
    return name


def _code(annotation: typing.Any, found: dict[str, dict[str, str]]) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        choices = [each for each in arguments if each is not type(None)]
        plain = {SCALARS.get(typing.get_args(each)[0]) if typing.get_args(each) else None for each in choices}
        if len(choices) > 1:
            return "string" if plain == {"bytes", "string"} else "any"
        return _code(choices[0], found)
    if origin is typing.Annotated:
        return _code(arguments[0], found)
    if origin in (list, dict):
        return ("[]" if origin is list else "{}") + _code(arguments[-1], found)
    if hasattr(annotation, "model_fields"):
        return _walk(annotation, found)
    return SCALARS.get(annotation, "any")


def text() -> str:
    """The file: one definition a line, sorted."""
    lines = (f"{json.dumps(name)}: {json.dumps(fields, sort_keys=True)}" for name, fields in sorted(schemas().items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    Path(str(files("readiness_sandbox.cluster") / "schemas.json")).write_text(text(), encoding="utf-8")
