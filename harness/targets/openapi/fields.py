"""The fields of bodies: those that a schema describes, and those that a value has, as paths like `$.items[].id`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.targets.openapi.schemas import Schema

_DEEPEST: Final = 8
"""Maximum number of keys in a path: a schema may contain itself."""


def described_fields(schema: Schema) -> frozenset[str]:
    """The paths of all fields that a schema of an answer describes, at most 8 keys deep."""
    return frozenset(_of_schema(schema, schema.get("$defs", {}), "$", 0, frozenset()))


def _of_schema(schema: Any, defs: Schema, path: str, depth: int, within: frozenset[str]) -> Iterator[str]:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    if isinstance(reference := schema.get("$ref"), str) and reference not in within:
        target = defs.get(reference.rpartition("/")[2], {})
        yield from _of_schema(target, defs, path, depth, within | {reference})
    for key, one in schema.get("properties", {}).items():
        yield f"{path}.{key}"
        yield from _of_schema(one, defs, f"{path}.{key}", depth + 1, within)
    yield from _of_schema(schema.get("items"), defs, f"{path}[]", depth + 1, within)
    for key in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(key, ()):
            yield from _of_schema(one, defs, path, depth, within)


def fields_in(value: Any, path: str = "$", depth: int = 0) -> Iterator[str]:
    """The paths of all fields that a JSON value has, at most 8 keys deep."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, one in value.items():
            yield f"{path}.{key}"
            yield from fields_in(one, f"{path}.{key}", depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from fields_in(one, f"{path}[]", depth + 1)
