"""The shape of objects: required fields and types, as the official client's strict models demand of what we answer.

`schemas.json` maps each definition to its fields. A type code is `string`, `integer`, `number`, `boolean`, `time`,
`quantity`, `any` or the name of a definition, after `[]` (list of) or `{}` (map of), before `!` (required).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from harness.sandbox.cluster.statuses import Object, StatusError, bad_request, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.sandbox.cluster.kinds import Kind

SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "time": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "quantity": (str, int, float),
}
_LARGEST = 1 << 63
CORE_EVENT = "CoreV1Event"
NEW_EVENT = "EventsV1Event"


@dataclass(kw_only=True, slots=True)
class Findings:
    """What is wrong with a body: paths of wrong types, of missing fields, of fields nobody knows."""

    mistyped: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def check(kind: Kind, obj: Object, *, strict: bool) -> None:
    """Refuse a body that does not have the kind's shape.

    Raises:
        StatusError: 400 for a wrong type (and for an unknown field when `strict`), 422 for a missing field.
    """
    _refuse(kind, obj, inspect(definition_of(kind), obj), strict=strict)


def check_metadata(kind: Kind, obj: Object, *, strict: bool) -> None:
    """The same of the metadata alone: a custom resource has a schema of its own for the rest."""
    found = Findings()
    _object("ObjectMeta", obj["metadata"], "metadata", found)
    _refuse(kind, obj, found, strict=strict)


def unknown_fields(paths: Iterable[str]) -> StatusError:
    """400: a strict client sent fields that nobody knows."""
    return bad_request("strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in paths))


def _refuse(kind: Kind, obj: Object, found: Findings, *, strict: bool) -> None:
    if found.mistyped:
        path, why = found.mistyped[0]
        raise bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {path}: {why}')
    if strict and found.unknown:
        raise unknown_fields(found.unknown)
    if found.missing:
        name = (obj.get("metadata") or {}).get("name") or ""
        raise invalid(kind, name, [(path, "Required value") for path in found.missing])


def definition_of(kind: Kind) -> str:
    """The name of the definition of a kind's objects."""
    if kind.kind == "Event":
        return NEW_EVENT if kind.group else CORE_EVENT
    return kind.kind


def has_spec(kind: Kind) -> bool:
    """Whether objects of the kind have a spec."""
    return "spec" in _definitions()[definition_of(kind)]


def inspect(definition: str, obj: Object) -> Findings:
    """Compare an object with a definition; a null counts as absent, as in Go."""
    found = Findings()
    _object(definition, obj, "", found)
    return found


def _object(definition: str, obj: Object, path: str, found: Findings) -> None:
    fields = _definitions()[definition]
    for name, value in obj.items():
        code = fields.get(name)
        if code is None:
            found.unknown.append(_join(path, name))
        elif value is not None:
            _value(code.removesuffix("!"), value, _join(path, name), found)
    found.missing += [_join(path, name) for name in _required(definition) if obj.get(name) is None]


def _value(code: str, value: Any, path: str, found: Findings) -> None:
    if code == "any":
        return
    if code in SCALARS:
        mistaken = isinstance(value, bool) and code != "boolean"
        too_large = isinstance(value, int) and not -_LARGEST <= value < _LARGEST
        if mistaken or too_large or not isinstance(value, SCALARS[code]):
            found.mistyped.append((path, f"cannot unmarshal {_json_type(value)} into a field of type {code}"))
        return
    if code.startswith("[]") and isinstance(value, list):
        for i, each in enumerate(value):
            _value(code[2:], each, f"{path}[{i}]", found)
    elif code.startswith("{}") and isinstance(value, dict):
        for key, each in value.items():
            _value(code[2:], each, f"{path}[{key}]", found)
    elif not code.startswith("[]") and isinstance(value, dict):
        _object(code, value, path, found)
    else:
        found.mistyped.append((path, f"cannot unmarshal {_json_type(value)} into a field of type {code}"))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _json_type(value: Any) -> str:
    names: Iterator[str] = (
        name
        for kind, name in ((bool, "bool"), (str, "string"), (list, "array"), (dict, "object"))
        if isinstance(value, kind)
    )
    return "null" if value is None else next(names, "number")


@cache
def _definitions() -> dict[str, dict[str, str]]:
    text = (files(__package__) / "schemas.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, str]] = json.loads(text)
    return loaded


@cache
def _required(definition: str) -> tuple[str, ...]:
    return tuple(name for name, code in _definitions()[definition].items() if code.endswith("!"))
