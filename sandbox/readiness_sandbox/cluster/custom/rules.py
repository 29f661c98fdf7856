"""The rules of CustomResourceDefinitions beyond their shape, as apiextensions-apiserver's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster.custom.columns import json_path
from readiness_sandbox.cluster.custom.structural import INT_OR_STRING, PRESERVE
from readiness_sandbox.cluster.names import DNS_LABEL, DNS_SUBDOMAIN, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.names import Cause
    from readiness_sandbox.cluster.statuses import Object

APPROVED: Final = "api-approved.kubernetes.io"
_PROTECTED: Final = (".k8s.io", ".kubernetes.io")
_NAMED: Final = "DNS-1035 label must consist of lower case alphanumeric characters"


def definition(obj: Object) -> Iterator[Cause]:
    """The rules of one definition, whose defaults were filled in."""
    spec = obj["spec"]
    yield from _names(obj)
    if spec["scope"] not in ("Cluster", "Namespaced"):
        yield "spec.scope", f'Unsupported value: "{spec["scope"]}": supported values: "Cluster", "Namespaced"'
    if (strategy := spec["conversion"]["strategy"]) != "None":
        yield "spec.conversion.strategy", f'Unsupported value: "{strategy}": supported values: "None"'
    stored = [each["name"] for each in spec["versions"] if each["storage"]]
    if len(stored) != 1:
        yield "spec.versions", f"Invalid value: {stored}: must have exactly one version marked as storage version"
    for i, version in enumerate(spec["versions"]):
        yield from _version(version, f"spec.versions[{i}]")


def _names(obj: Object) -> Iterator[Cause]:
    meta, group, names = obj["metadata"], obj["spec"]["group"], obj["spec"]["names"]
    if meta.get("name") != f"{names['plural']}.{group}":
        yield "metadata.name", f'Invalid value: "{meta.get("name")}": must be spec.names.plural+"."+spec.group'
    if group.endswith(_PROTECTED) and not meta.get("annotations", {}).get(APPROVED):
        why = f'protected groups must have approval annotation "{APPROVED}"'
        yield f"metadata.annotations[{APPROVED}]", f"Required value: {why}"
    if not DNS_SUBDOMAIN.fullmatch(group):
        yield "spec.group", f'Invalid value: "{shown(group)}": a lowercase RFC 1123 subdomain is expected'
    elif "." not in group:
        yield "spec.group", f'Invalid value: "{shown(group)}": should be a domain with at least one dot'
    for field in ("plural", "singular", "kind"):
        if not DNS_LABEL.fullmatch(names[field].lower() if field == "kind" else names[field]):
            yield f"spec.names.{field}", f'Invalid value: "{shown(names[field])}": a {_NAMED}'


def change(old: Object, new: Object) -> Iterator[Cause]:
    """What may not change: objects of the definition may be stored."""
    before, after = old["spec"], new["spec"]
    if before["scope"] != after["scope"]:
        yield "spec.scope", f'Invalid value: "{after["scope"]}": field is immutable'
    if before["names"]["kind"] != after["names"]["kind"]:
        yield "spec.names.kind", f'Invalid value: "{after["names"]["kind"]}": field is immutable'


def _version(version: Object, path: str) -> Iterator[Cause]:
    if not DNS_LABEL.fullmatch(version["name"]):
        yield f"{path}.name", f'Invalid value: "{shown(version["name"])}": a {_NAMED}'
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        yield f"{path}.schema.openAPIV3Schema", "Required value: schemas are required"
    else:
        yield from _structural(schema, f"{path}.schema.openAPIV3Schema", "at the root")
    for i, column in enumerate(version.get("additionalPrinterColumns") or ()):
        if json_path(column["jsonPath"]) is None:
            where = f"{path}.additionalPrinterColumns[{i}].jsonPath"
            yield where, f'Invalid value: "{shown(column["jsonPath"])}": this JSON path cannot be read here'
    scale = (version.get("subresources") or {}).get("scale") or {}
    for field in scale:
        begins = (".spec.",) if field == "specReplicasPath" else (".status.", ".spec.")
        if not scale[field].startswith(begins):
            where = f"{path}.subresources.scale.{field}"
            yield where, f'Invalid value: "{shown(scale[field])}": should be a json path under {begins[0][:-1]}'


def _structural(schema: Any, path: str, what: str) -> Iterator[Cause]:
    """Each value has a type, and each pattern can be read."""
    if not isinstance(schema, dict):
        yield path, "Invalid value: must be a schema"
        return
    if not schema.get("type") and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        yield f"{path}.type", f"Required value: must not be empty {what}"
    if what == "at the root" and schema.get("type", "object") != "object":
        yield f"{path}.type", f'Invalid value: "{schema["type"]}": must be object at the root'
    if schema.get("uniqueItems"):
        yield (
            f"{path}.uniqueItems",
            "Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        )
    if pattern := schema.get("pattern"):
        try:
            re.compile(pattern)
        except re.error as error:
            yield (
                f"{path}.pattern",
                f'Invalid value: "{shown(pattern)}": must be a valid regular expression, but isn\'t: {error}',
            )
    yield from _below(schema, path)


def _below(schema: Object, path: str) -> Iterator[Cause]:
    for name, below in (schema.get("properties") or {}).items():
        yield from _structural(below, f"{path}.properties[{name}]", "for specified object fields")
    if schema.get("type") == "array":
        if "items" not in schema:
            yield f"{path}.items", "Required value: must be specified"
        else:
            yield from _structural(schema["items"], f"{path}.items", "for specified array items")
    if isinstance(others := schema.get("additionalProperties"), dict):
        yield from _structural(others, f"{path}.additionalProperties", "for specified object fields")
