"""Structural schemas of custom resources.

Unknown fields are pruned, defaults filled in, values checked. Pure.
The order and the words are those of apiextensions-apiserver, see
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema .
Rules in CEL (`x-kubernetes-validations`) are stored and not evaluated.
"""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from readiness_sandbox.cluster.names import Cause
    from readiness_sandbox.cluster.statuses import Object

PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
EMBEDDED: Final = "x-kubernetes-embedded-resource"
INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_OF_OBJECTS: Final = ("apiVersion", "kind", "metadata")
"""Fields that every object has, whatever its schema says."""
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}


def pruned(schema: Object, value: Any, unknown: list[str], path: str = "") -> Any:
    """The value without unknown fields, and without nulls that its schema does not allow.

    Args:
        schema: a structural schema.
        value: JSON; it is not changed.
        unknown: gets the paths that were left out.
        path: where the value is, empty at the root of an object.
    """
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [pruned(items, each, unknown, f"{path}[{i}]") for i, each in enumerate(value)] if items else value
    if not isinstance(value, dict):
        return value
    kept, fields, others = {}, schema.get("properties") or {}, schema.get("additionalProperties")
    for key, each in value.items():
        here = f"{path}.{key}" if path else key
        below = fields.get(key, others)
        if key in _OF_OBJECTS and (not path or schema.get(EMBEDDED)):
            kept[key] = each
        elif isinstance(below, dict):
            if each is not None or below.get("nullable"):
                kept[key] = pruned(below, each, unknown, here)
        elif below is True or schema.get(PRESERVE):
            kept[key] = each
        else:
            unknown.append(here)
    return kept


def defaulted(schema: Object, value: Any) -> Any:
    """The value with the defaults of its schema, at any depth."""
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [defaulted(items, each) for each in value]
    if not isinstance(value, dict):
        return value
    fields, others = schema.get("properties") or {}, schema.get("additionalProperties")
    filled = {
        **value,
        **{
            key: copy.deepcopy(below["default"])
            for key, below in fields.items()
            if value.get(key) is None and "default" in below and not (key in value and below.get("nullable"))
        },
    }
    return {
        key: defaulted(below, each) if isinstance(below := fields.get(key, others), dict) else each
        for key, each in filled.items()
    }


def faults(schema: Object, value: Any, path: str = "") -> Iterator[Cause]:
    """What is wrong with a value, as (field, message)."""
    if value is None and schema.get("nullable"):
        return
    if expected := _mistyped(schema, value):
        actual = _type_of(value)
        yield path, f'Invalid value: "{actual}": {path} in body must be of type {expected}: "{actual}"'
        return
    for keyword, check in _CHECKS.items():
        if keyword in schema and (message := check(schema[keyword], value, schema)):
            yield path, message.replace("{path}", path)
    yield from _combined(schema, value, path)
    if isinstance(value, list):
        for i, each in enumerate(value):
            yield from faults(schema.get("items") or {}, each, f"{path}[{i}]")
    if isinstance(value, dict):
        yield from _faults_of_fields(schema, value, path)


def _faults_of_fields(schema: Object, value: Object, path: str) -> Iterator[Cause]:
    for key in schema.get("required") or ():
        if key not in value:
            yield _below(path, key), "Required value"
    fields, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for key, each in value.items():
        below = fields.get(key, others)
        if isinstance(below, dict) and (path or key not in _OF_OBJECTS):
            yield from faults(below, each, _below(path, key))


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _mistyped(schema: Object, value: Any) -> str:
    """The type that was expected, empty when the value has it."""
    if schema.get(INT_OR_STRING):
        return "" if _is_a("integer", value) or isinstance(value, str) else "integer,string"
    expected: str = schema.get("type") or ""
    return "" if not expected or _is_a(expected, value) else expected


def _is_a(expected: str, value: Any) -> bool:
    if isinstance(value, bool):
        return expected == "boolean"
    if expected == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(expected, (object,)))


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    return next(name for name in _TYPES if _is_a(name, value))


def _combined(schema: Object, value: Any, path: str) -> Iterator[Cause]:
    for below in schema.get("allOf") or ():
        yield from faults(below, value, path)
    where, named = path or "<nil>", f'Invalid value: "": "{path}"'
    if (choices := schema.get("anyOf")) and not any(_fits(each, value) for each in choices):
        yield where, f"{named} must validate at least one schema (anyOf)"
    if choices := schema.get("oneOf"):
        fitting = sum(_fits(each, value) for each in choices)
        if fitting != 1:
            found = "Found none valid" if not fitting else f"Found {fitting} valid alternatives"
            yield where, f"{named} must validate one and only one schema (oneOf). {found}"
    if "not" in schema and _fits(schema["not"], value):
        yield where, f"{named} must not validate the schema (not)"


def _fits(schema: Object, value: Any) -> bool:
    return next(faults(schema, value, "value"), None) is None


def _enum(allowed: list[Any], value: Any, _: Object) -> str:
    if value in allowed:
        return ""
    return f"Unsupported value: {_shown(value)}: supported values: {', '.join(map(_shown, allowed))}"


def _minimum(limit: float, value: Any, schema: Object) -> str:
    exclusive = bool(schema.get("exclusiveMinimum"))
    if not _is_a("number", value) or value > limit or (value == limit and not exclusive):
        return ""
    return _outside(value, f"greater than{'' if exclusive else ' or equal to'} {_shown(limit)}")


def _maximum(limit: float, value: Any, schema: Object) -> str:
    exclusive = bool(schema.get("exclusiveMaximum"))
    if not _is_a("number", value) or value < limit or (value == limit and not exclusive):
        return ""
    return _outside(value, f"less than{'' if exclusive else ' or equal to'} {_shown(limit)}")


def _outside(value: float, bound: str) -> str:
    return f"Invalid value: {_shown(value)}: {{path}} in body should be {bound}"


def _multiple_of(factor: float, value: Any, _: Object) -> str:
    if not _is_a("number", value) or value % factor == 0:
        return ""
    return f"Invalid value: {_shown(value)}: {{path}} in body should be a multiple of {_shown(factor)}"


def _min_length(least: int, value: Any, _: Object) -> str:
    if not isinstance(value, str) or len(value) >= least:
        return ""
    return f"Invalid value: {_shown(value)}: {{path}} in body should be at least {least} chars long"


def _max_length(most: int, value: Any, _: Object) -> str:
    return f"Too long: may not be more than {most} bytes" if isinstance(value, str) and len(value) > most else ""


def _pattern(pattern: str, value: Any, _: Object) -> str:
    if not isinstance(value, str) or re.search(pattern, value):
        return ""
    return f"Invalid value: {_shown(value)}: {{path}} in body should match '{pattern}'"


def _format(name: str, value: Any, _: Object) -> str:
    if name != "date-time" or not isinstance(value, str):
        return ""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return f"Invalid value: {_shown(value)}: {{path}} in body must be of type date-time: {_shown(value)}"
    return ""


def _min_items(least: int, value: Any, _: Object) -> str:
    if not isinstance(value, list) or len(value) >= least:
        return ""
    return f"Invalid value: {len(value)}: {{path}} in body should have at least {least} items"


def _max_items(most: int, value: Any, _: Object) -> str:
    if not isinstance(value, list) or len(value) <= most:
        return ""
    return f"Too many: {len(value)}: must have at most {most} items"


def _min_properties(least: int, value: Any, _: Object) -> str:
    if not isinstance(value, dict) or len(value) >= least:
        return ""
    return f"Invalid value: {len(value)}: {{path}} in body should have at least {least} properties"


def _max_properties(most: int, value: Any, _: Object) -> str:
    if not isinstance(value, dict) or len(value) <= most:
        return ""
    return f"Too many: {len(value)}: must have at most {most} items"


def _shown(value: Any) -> str:
    """A value as a message shows it: a text in quotes, a whole number without a fraction."""
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


_CHECKS: Final[dict[str, Callable[[Any, Any, Object], str]]] = {
    "enum": _enum,
    "minimum": _minimum,
    "maximum": _maximum,
    "multipleOf": _multiple_of,
    "minLength": _min_length,
    "maxLength": _max_length,
    "pattern": _pattern,
    "format": _format,
    "minItems": _min_items,
    "maxItems": _max_items,
    "minProperties": _min_properties,
    "maxProperties": _max_properties,
}
"""Keyword to what it finds.

A message in which `{path}` stands for the field, empty when nothing is wrong.
"""
