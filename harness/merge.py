"""Strategic merge patch of Kubernetes objects, as in kustomize and the API server. The arguments are not changed.

Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md ;
`$setElementOrder` is accepted and not obeyed: elements keep their order, new ones are appended.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

_Object: TypeAlias = "dict[str, Any]"

MERGE_KEYS: Final = {
    "addresses": "type",
    "conditions": "type",
    "containers": "name",
    "containers/ports": "containerPort",
    "containers/volumeMounts": "mountPath",
    "containers/volumeDevices": "devicePath",
    "env": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "initContainers/ports": "containerPort",
    "initContainers/volumeMounts": "mountPath",
    "ownerReferences": "uid",
    "podIPs": "ip",
    "secrets": "name",
    "spec/ports": "port",
    "topologySpreadConstraints": "topologyKey",
    "volumes": "name",
}
"""Lists that merge element by element: `field` or `parent/field` to the key of an element.

Any other list is replaced completely.
"""

PRIMITIVE_SETS: Final = frozenset({"finalizers"})
"""Lists of plain values that merge as sets."""


def strategic(target: _Object, patch: _Object, parent: str = "") -> _Object:
    """Apply a strategic merge patch: merge maps, delete by null, merge lists of `MERGE_KEYS` by element, obey `$` directives.

    Raises:
        ValueError: the patch is malformed.
    """
    directive = patch.get("$patch")
    if directive == "delete":
        return {}
    result = {} if directive == "replace" else dict(target)
    for key, value in patch.items():
        if key.startswith("$"):
            _direct(result, key, value)
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = strategic(old if isinstance(old, dict) else {}, value, key)
        elif isinstance(value, list):
            old = result.get(key)
            result[key] = _list_merged(old if isinstance(old, list) else [], value, parent, key)
        else:
            result[key] = value
    return result


def _direct(result: _Object, directive: str, value: Any) -> None:
    name, _, field = directive.partition("/")
    if name == "$deleteFromPrimitiveList":
        left_out, old = _plain(value, directive), _plain(result.get(field) or [], field)
        result[field] = [each for each in old if each not in left_out]
    elif name == "$retainKeys":
        for key in result.keys() - _plain(value, directive).keys():
            del result[key]
    elif name not in ("$patch", "$setElementOrder"):
        raise ValueError(f"unknown directive {directive!r} in strategic merge patch")


def _plain(values: Any, field: str) -> dict[Any, None]:
    """Plain values in their order, each once, quickly found.

    Raises ValueError when they are no list of them.
    """
    if not isinstance(values, list) or any(isinstance(each, dict | list) for each in values):
        raise ValueError(f"{field!r} must be a list of plain values")
    return dict.fromkeys(values)


def _list_merged(old: list[Any], new: list[Any], parent: str, field: str) -> list[Any]:
    if field in PRIMITIVE_SETS:
        return [*(_plain(old, field) | _plain(new, field))]
    merge_key = MERGE_KEYS.get(f"{parent}/{field}") or MERGE_KEYS.get(field)
    if merge_key is None or not all(isinstance(each, dict) for each in (*old, *new)):
        return new
    if any(each.get("$patch") == "replace" for each in new):
        return [each for each in new if "$patch" not in each]
    result: list[_Object | None] = list(old)
    at: dict[Any, list[int]] = {}
    for i, each in enumerate(old):
        at.setdefault(_merged_by(each, merge_key, field), []).append(i)
    for element in new:
        if merge_key not in element:
            raise ValueError(f"an element of {field!r} does not contain declared merge key: {merge_key}")
        key = _merged_by(element, merge_key, field)
        if element.get("$patch") == "delete":
            for i in at.pop(key, ()):
                result[i] = None
        elif there := at.get(key):
            result[there[0]] = strategic(result[there[0]] or {}, element, field)
        else:
            at[key] = [len(result)]
            result.append(strategic({}, element, field))
    return [each for each in result if each is not None]


def _merged_by(element: _Object, merge_key: str, field: str) -> Any:
    value = element.get(merge_key)
    if isinstance(value, dict | list):
        raise ValueError(f"an element of {field!r} has no plain value in its merge key: {merge_key}")  # noqa: TRY004 - the patch is wrong, not the call
    return value
