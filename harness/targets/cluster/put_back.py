"""Puts objects back as they were before an action of another package changed them.

The undo log has each object as it was, before the action. After the action it also has what the action left, so that
a field that was changed again by others stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.targets.cluster.objects import Objects, Ref
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, is_terminating
from harness.targets.undo import undoable

Parts = Mapping[str, Any]
"""Parts of an object that a client may set."""

_OF_THE_SERVER: Final = ("apiVersion", "kind", "metadata", "status")
_KEPT_META: Final = ("name", "namespace", "labels", "annotations", "ownerReferences")
"""Fields of the metadata with which a deleted object is created again."""
_CHANGED_META: Final = ("labels", "annotations", "finalizers", "ownerReferences")
"""Fields of the metadata that an action may change."""
_OF_CONTROLLERS: Final = ("deployment.kubernetes.io/", "deprecated.daemonset.")
"""Begins of annotations by which controllers count the changes of an object; they go on with each undo."""
_ABSENT: Final[Any] = object()


def parts_of(obj: Mapping[str, Any] | None, fields: Sequence[str] = ()) -> dict[str, Any] | None:
    """The parts of an object that an action may change; None if there is no object.

    Args:
        obj: the object.
        fields: the fields that the action changes, like `spec.replicas`; empty: everything that a client may set.
    """
    if obj is None:
        return None
    if not fields:
        own = {key: value for key, value in obj.items() if key not in _OF_THE_SERVER}
        meta = {key: _without_counters(obj["metadata"][key]) for key in _CHANGED_META if obj["metadata"].get(key)}
        return {**own, "metadata": meta}
    parts: dict[str, Any] = {}
    for field in fields:
        *above, last = field.split(".")
        found: Any = obj
        below = parts
        for key in above:
            found = (found or {}).get(key)
            below = below.setdefault(key, {})
        below[last] = (found or {}).get(last)
    return parts


def _without_counters(values: Any) -> Any:
    """Labels or annotations without those by which controllers count changes; other values as they are."""
    if not isinstance(values, Mapping):
        return values
    return {key: value for key, value in values.items() if not key.startswith(_OF_CONTROLLERS)}


def manifest_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object as it can be created again."""
    meta = {key: obj["metadata"][key] for key in _KEPT_META if obj["metadata"].get(key)}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}


def way_back(before: Parts, left: Parts | None, now: Parts) -> dict[str, Any]:
    """The merge patch that puts an object back; empty if it is as before.

    Args:
        before: parts of the object before the action.
        left: the parts as the action left them, of which others are not changed; None: not known, so all are put back.
        now: parts of the object now.
    """
    patch: dict[str, Any] = {}
    for key in {**before, **now}:
        was, here = before.get(key), now.get(key)
        after = _ABSENT if left is None else left.get(key)
        if _are_equal(was, here) or (_is_empty(was) and _is_empty(here)):
            continue
        if isinstance(was, Mapping) and isinstance(here, Mapping):
            known = None if after is _ABSENT else after if isinstance(after, Mapping) else {}
            if below := way_back(was, known, here):
                patch[key] = below
        elif after is _ABSENT or _are_equal(after, here):
            patch[key] = was
    return patch


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two values are equal in JSON, where 0 is not false."""
    return one == other and json.dumps(one, sort_keys=True, default=str) == json.dumps(
        other, sort_keys=True, default=str
    )


def _is_empty(value: Any) -> bool:
    """Whether a value is as good as none in the API, which leaves out `false`; 0 is not, for replicas."""
    return value is None or value is False or value in ("", {}, [])


def _put_back(
    cluster: Cluster,
    _target: Target,
    *,
    version: str,
    plural: str,
    name: str,
    namespace: str = "",
    before: dict[str, Any] | None,
    left: Parts | None = None,
    fields: Sequence[str] = (),
) -> None:
    """Put one object back: delete it, create it again, or change it; nothing if it is as before."""
    objects, ref = Objects(cluster.api), Ref(version, plural, name, namespace)
    now = objects.read(ref)
    if before is None:
        if now is not None:
            objects.delete(ref)
    elif now is None:
        if _is_manifest(before):  # else it was changed, and another action deleted it
            objects.create(ref, before)
    elif patch := _way_back(before, left, now, fields):
        objects.merge(ref, patch)


@undoable("put-back", undo=_put_back, of_a_cluster=True)
def change_object() -> None:
    """The change is made by an action of another package."""


def is_put_back(objects: Objects, undo: Mapping[str, Any]) -> bool:
    """Whether an object is as before an entry of the undo log. An object that terminates counts as gone."""
    found = objects.read(ref_of(undo))
    now = None if found is None or is_terminating(found) else found
    if undo["before"] is None or now is None:
        return undo["before"] is None and now is None
    return not _way_back(undo["before"], undo.get("left"), now, undo.get("fields") or ())


def ref_of(undo: Mapping[str, Any]) -> Ref:
    """The object of an entry of the undo log."""
    return Ref(str(undo["version"]), str(undo["plural"]), str(undo["name"]), str(undo.get("namespace") or ""))


def _is_manifest(before: Mapping[str, Any]) -> bool:
    """Whether an entry has a complete object, which was deleted; else it has the parts that were changed."""
    return "name" in before.get("metadata", {})


def _way_back(
    before: Mapping[str, Any], left: Parts | None, now: Mapping[str, Any], fields: Sequence[str]
) -> dict[str, Any]:
    """The merge patch for an object that exists; of one that was deleted and created again, only what it had is compared."""
    if not _is_manifest(before):
        return way_back(before, left, parts_of(now, fields) or {})
    had = _without_addresses(parts_of(before) or {})
    had["metadata"] = {"labels": had["metadata"].get("labels")}  # the others are written by what creates it again
    return way_back(had, None, _within(had, parts_of(now) or {}))


def _without_addresses(parts: dict[str, Any]) -> dict[str, Any]:
    """Without the addresses of a Service, which the server assigns anew and which cannot be changed."""
    spec = parts.get("spec")
    if not isinstance(spec, Mapping):
        return parts
    return {**parts, "spec": {key: value for key, value in spec.items() if key not in ("clusterIP", "clusterIPs")}}


def _within(had: Parts, now: Parts) -> dict[str, Any]:
    """The parts of an object now, with the keys that it had."""
    return {
        key: _within(had[key], value) if isinstance(had[key], Mapping) and isinstance(value, Mapping) else value
        for key, value in now.items()
        if key in had
    }
