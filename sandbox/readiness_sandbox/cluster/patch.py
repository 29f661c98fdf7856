"""The three kinds of patch.

Strategic merge (`harness.merge`), JSON merge (RFC 7386) and JSON patch (RFC 6902). Nothing is edited in place.
"""

from __future__ import annotations

from typing import Any, Final

from harness.merge import strategic
from readiness_sandbox.cluster.statuses import Object, StatusError, bad_request

STRATEGIC: Final = "application/strategic-merge-patch+json"
MERGE: Final = "application/merge-patch+json"
JSON: Final = "application/json-patch+json"

MOST_OPERATIONS: Final = 500
"""Operations of one JSON patch: each copies what it changes."""


def patched(obj: Object, patch: Any, content_type: str) -> Object:
    """The object with the patch applied.

    Raises StatusError 400 for a malformed patch, 422 for one that does not apply.
    """
    if content_type == JSON:
        return _json_patched(obj, patch)
    if not isinstance(patch, dict):
        raise bad_request("the patch must be a JSON object")
    if content_type != STRATEGIC:
        changed: Object = merged(obj, patch)
        return changed
    try:
        return strategic(obj, patch)
    except ValueError as error:
        raise bad_request(str(error)) from error


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
