"""Kinds that are another shape of a stored kind.

`events.k8s.io/v1` Events are core Events with other field names.
The other versions of a custom resource differ from the stored one in `apiVersion` alone: the conversion strategy None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.selectors import Selector, SelectorTerm

if TYPE_CHECKING:
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.statuses import Object

NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
"""Field of a stored Event to its name in `events.k8s.io/v1`."""

OF_THE_LIST = ("kind", "apiVersion")

STORED_NAMES = {shown: stored for stored, shown in NAMES.items()}


def stored(kind: Kind) -> Kind:
    """The kind under which a kind's objects are stored."""
    return kind.view_of or kind


def shown(kind: Kind, obj: Object) -> Object:
    """A stored object as this kind shows it.

    `eventTime`, which the new API requires, falls back to what is known.
    """
    if not kind.view_of:
        return obj
    if kind.custom:
        return {**obj, "apiVersion": kind.api_version}
    view = {NAMES.get(key, key): value for key, value in obj.items()} | {"apiVersion": kind.api_version}
    if not view.get("eventTime"):
        view["eventTime"] = obj.get("firstTimestamp") or obj["metadata"]["creationTimestamp"]
    return view


def listed(kind: Kind, obj: Object) -> Object:
    """The same as an item of a list: typed kinds leave `kind` and `apiVersion` out, which the list itself tells."""
    view = shown(kind, obj)
    return view if kind.custom else {key: value for key, value in view.items() if key not in OF_THE_LIST}


def unshown(kind: Kind, obj: Object) -> Object:
    """An object of this kind as it is stored."""
    if not kind.view_of:
        return obj
    names = {} if kind.custom else STORED_NAMES
    return {names.get(key, key): value for key, value in obj.items()} | {"apiVersion": stored(kind).api_version}


def stored_fields(kind: Kind, fields: Selector) -> Selector:
    """A field selector on this kind, with the stored names."""
    if not kind.view_of or kind.custom:
        return fields
    return Selector(
        tuple(SelectorTerm(_stored_path(each.key), each.operator, each.values) for each in fields.requirements)
    )


def _stored_path(path: str) -> str:
    first, dot, rest = path.partition(".")
    return STORED_NAMES.get(first, first) + dot + rest
