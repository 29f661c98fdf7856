"""The three kinds of patch.

Strategic merge, JSON merge (RFC 7386) and JSON patch (RFC 6902). Nothing is edited in place.
Strategic merge follows https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md ;
`$setElementOrder` is accepted and not obeyed: elements keep their order, new ones are appended.
"""

from __future__ import annotations

from typing import Any, Final

from harness.sandbox.cluster.statuses import Object, StatusError, bad_request

STRATEGIC: Final = "application/strategic-merge-patch+json"
MERGE: Final = "application/merge-patch+json"
JSON: Final = "application/json-patch+json"

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

Any other list is replaced whole.
"""

MOST_OPERATIONS: Final = 500
"""Operations of one JSON patch: each copies what it changes."""

PRIMITIVE_SETS: Final = frozenset({"finalizers"})
"""Lists of plain values that merge as sets."""


def patched(obj: Object, patch: Any, content_type: str) -> Object:
    """The object with the patch applied.

    Raises StatusError 400 for a malformed patch, 422 for one that does not apply.
    """
    if content_type == JSON:
        return _json_patched(obj, patch)
    if not isinstance(patch, dict):
        raise bad_request("the patch must be a JSON object")
    return strategic(obj, patch) if content_type == STRATEGIC else merged(obj, patch)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386: maps merge, null deletes, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def strategic(target: Object, patch: Object, parent: str = "") -> Object:
    """A strategic merge.

    It merges maps, deletes by null, merges the lists of `MERGE_KEYS` by element, and obeys the `$` directives.
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


def _direct(result: Object, directive: str, value: Any) -> None:
    name, _, field = directive.partition("/")
    if name == "$deleteFromPrimitiveList":
        left_out, old = _plain(value, directive), _plain(result.get(field) or [], field)
        result[field] = [each for each in old if each not in left_out]
    elif name == "$retainKeys":
        for key in result.keys() - _plain(value, directive).keys():
            del result[key]
    elif name not in ("$patch", "$setElementOrder"):
        raise bad_request(f"unknown directive {directive!r} in strategic merge patch")


def _plain(values: Any, field: str) -> dict[Any, None]:
    """Plain values in their order, each once, quickly found.

    Raises StatusError 400 when they are no list of them.
    """
    if not isinstance(values, list) or any(isinstance(each, dict | list) for each in values):
        raise bad_request(f"{field!r} must be a list of plain values")
    return dict.fromkeys(values)


def _list_merged(old: list[Any], new: list[Any], parent: str, field: str) -> list[Any]:
    if field in PRIMITIVE_SETS:
        return [*(_plain(old, field) | _plain(new, field))]
    merge_key = MERGE_KEYS.get(f"{parent}/{field}") or MERGE_KEYS.get(field)
    if merge_key is None or not all(isinstance(each, dict) for each in (*old, *new)):
        return new
    if any(each.get("$patch") == "replace" for each in new):
        return [each for each in new if "$patch" not in each]
    result: list[Object | None] = list(old)
    at: dict[Any, list[int]] = {}
    for i, each in enumerate(old):
        at.setdefault(_merged_by(each, merge_key, field), []).append(i)
    for element in new:
        if merge_key not in element:
            raise bad_request(f"an element of {field!r} does not contain declared merge key: {merge_key}")
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


def _merged_by(element: Object, merge_key: str, field: str) -> Any:
    value = element.get(merge_key)
    if isinstance(value, dict | list):
        raise bad_request(f"an element of {field!r} has no plain value in its merge key: {merge_key}")
    return value


def _json_patched(obj: Any, operations: Any) -> Object:
    if not isinstance(operations, list):
        raise bad_request("a JSON patch must be a list of operations")
    if len(operations) > MOST_OPERATIONS:
        raise StatusError(
            413,
            "RequestEntityTooLarge",
            f"a JSON patch may have at most {MOST_OPERATIONS} operations, not {len(operations)}",
        )
    for operation in operations:
        try:
            obj = _operated(obj, operation)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise StatusError(
                422,
                "Invalid",
                "the server rejected our request due to an error in our request",
            ) from error
    if not isinstance(obj, dict):
        raise bad_request("the JSON patch leaves no object")
    return obj


def _operated(obj: Any, operation: Object) -> Any:
    path = _steps(operation["path"])
    match operation["op"]:
        case "add":
            return _put(obj, path, operation["value"], insert=True)
        case "replace":
            _at(obj, path)
            return _put(obj, path, operation["value"], insert=False)
        case "remove":
            return _without(obj, path)
        case "move":
            source = _steps(operation["from"])
            return _put(_without(obj, source), path, _at(obj, source), insert=True)
        case "copy":
            return _put(obj, path, _at(obj, _steps(operation["from"])), insert=True)
        case "test":
            if _at(obj, path) != operation["value"]:
                raise ValueError("the tested value differs")
            return obj
        case unknown:
            raise ValueError(f"unknown operation {unknown}")


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is not a JSON pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _at(obj: Any, path: list[str]) -> Any:
    for step in path:
        obj = obj[_index(step, len(obj) - 1)] if isinstance(obj, list) else obj[step]
    return obj


def _put(obj: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(obj, list):
        if rest or not insert:
            at = _index(step, len(obj) - 1)
            return [*obj[:at], _put(obj[at], rest, value, insert=insert), *obj[at + 1 :]]
        at = len(obj) if step == "-" else _index(step, len(obj))
        return [*obj[:at], value, *obj[at:]]
    return {**obj, step: _put(obj[step], rest, value, insert=insert) if rest else value}


def _without(obj: Any, path: list[str]) -> Any:
    if not path:
        raise ValueError("the whole document cannot be removed")
    step, rest = path[0], path[1:]
    if isinstance(obj, list):
        at = _index(step, len(obj) - 1)
        return [*obj[:at], *([_without(obj[at], rest)] if rest else []), *obj[at + 1 :]]
    if rest:
        return {**obj, step: _without(obj[step], rest)}
    _ = obj[step]
    return {key: value for key, value in obj.items() if key != step}


def _index(step: str, last: int) -> int:
    if not step.isdecimal() or int(step) > last:
        raise IndexError(f"no element {step!r}")
    return int(step)
