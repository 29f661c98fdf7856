"""The shape of objects.

Required fields and types, as the official client's strict models demand of what we answer.
`schemas.json` maps each definition to its fields. A type code is `string`, `integer`, `number`, `boolean`, `time`,
`quantity`, `any` or the name of a definition, after `[]` (list of) or `{}` (map of), before `!` (required).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from readiness_sandbox.cluster.quantities import from_milli, is_quantity, milli
from readiness_sandbox.cluster.statuses import Object, StatusError, bad_request, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.kinds import Kind

SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "time": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "quantity": (str, int, float),
}
_LARGEST = 1 << 63
QUANTITY = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_QUANTITY = re.compile(QUANTITY)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d")
_INDEX = re.compile(r"\[[^\]]*\]")
_GO_TYPES = {
    "string": "string",
    "number": "float64",
    "boolean": "bool",
    "time": "v1.Time",
    "quantity": "resource.Quantity",
}
_INT64 = frozenset(
    {
        *("activeDeadlineSeconds", "deletionGracePeriodSeconds", "fsGroup", "generation", "gracePeriodSeconds"),
        *("observedGeneration", "runAsGroup", "runAsUser", "startingDeadlineSeconds", "terminationGracePeriodSeconds"),
        "tolerationSeconds",
    }
)
"""Fields that Kubernetes keeps as 64 bits; all other whole numbers have 32."""
CORE_EVENT = "CoreV1Event"
NEW_EVENT = "EventsV1Event"


OnUnknown = Callable[[Sequence[str]], None]
"""What to do about the paths of unknown fields: refuse them, warn of them, or nothing."""


@dataclass(kw_only=True, slots=True)
class Findings:
    """What is wrong with a body: what a decoder says of wrong types, paths of missing fields, of unknown fields and where they are.

    `numbers`: where quantities are written as numbers, which is right.
    """

    mistyped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    places: list[tuple[Object, str]] = field(default_factory=list)
    numbers: list[tuple[Object, str]] = field(default_factory=list)


def tolerate(paths: Sequence[str]) -> None:
    """Nothing, about unknown fields: they are left out."""


def check(kind: Kind, obj: Object, on_unknown: OnUnknown = tolerate) -> None:
    """Refuse a body that does not have the kind's shape; unknown fields are taken out of it, a quantity that is a number becomes its text.

    Raises:
        StatusError: 400 for a wrong type, 422 for a missing field, and what `on_unknown` raises.
    """
    _refuse(kind, obj, inspect(definition_of(kind), obj), on_unknown)


def check_metadata(kind: Kind, obj: Object, on_unknown: OnUnknown = tolerate) -> None:
    """The same of the metadata alone: a custom resource has a schema of its own for the rest."""
    found = Findings()
    _object("ObjectMeta", obj["metadata"], "metadata", found)
    _refuse(kind, obj, found, on_unknown)


def cannot_be_handled(kind: Kind, why: str) -> StatusError:
    """400: a body that a decoder makes nothing of."""
    return bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')


def _refuse(kind: Kind, obj: Object, found: Findings, on_unknown: OnUnknown) -> None:
    if found.mistyped:
        raise cannot_be_handled(kind, found.mistyped[0])
    if found.unknown:
        on_unknown(found.unknown)
        for place, name in found.places:
            del place[name]
    for place, name in found.numbers:
        place[name] = from_milli(milli(place[name]))
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
            found.places.append((obj, name))
        elif value is not None:
            here = _join(path, name)
            _value(code.removesuffix("!"), value, here, found, f"{_go_name(definition)}.{_INDEX.sub('', here)}")
            held = {"quantity": {name: value}, "{}quantity": value}.get(code.removesuffix("!"), {})
            place = obj if code.startswith("quantity") else value
            found.numbers += [(place, key) for key, each in held.items() if isinstance(each, int | float)]
    found.missing += [_join(path, name) for name in _required(definition) if obj.get(name) is None]


def _value(code: str, value: Any, path: str, found: Findings, go_field: str) -> None:
    """One value; `go_field` is how a decoder in Go names its field: the struct, and the path without indices."""
    if code == "any":
        return
    if code in SCALARS:
        if why := _unreadable(code, value, go_field):
            found.mistyped.append(why)
    elif code.startswith("[]") and isinstance(value, list):
        for i, each in enumerate(value):
            _value(code[2:], each, f"{path}[{i}]", found, go_field)
    elif code.startswith("{}") and isinstance(value, dict):
        for key, each in value.items():
            _value(code[2:], each, f"{path}[{key}]", found, go_field)
    elif not code.startswith(("[]", "{}")) and isinstance(value, dict):
        _object(code, value, path, found)
    else:
        found.mistyped.append(_cannot_unmarshal(code, value, go_field))


def _unreadable(code: str, value: Any, go_field: str) -> str:
    """Why a plain value cannot be read, empty when it can."""
    mistaken = isinstance(value, bool) and code != "boolean"
    too_large = isinstance(value, int) and not -_LARGEST <= value < _LARGEST
    if mistaken or too_large or not isinstance(value, SCALARS[code]):
        return _cannot_unmarshal(code, value, go_field)
    if code == "quantity" and not (_QUANTITY.fullmatch(str(value)) and is_quantity(str(value))):
        return f"quantities must match the regular expression '{QUANTITY}'"
    if code == "time" and not _TIME.match(str(value)):
        return f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'
    return ""


def _cannot_unmarshal(code: str, value: Any, go_field: str) -> str:
    given = _json_type(value)
    if isinstance(value, float) or (isinstance(value, int) and not -_LARGEST <= value < _LARGEST):
        given = f"number {value}"
    expected = _go_type(code, go_field.rpartition(".")[2])
    return f"json: cannot unmarshal {given} into Go struct field {go_field} of type {expected}"


def _go_type(code: str, name: str) -> str:
    if code.startswith("[]"):
        return f"[]{_go_type(code[2:], name)}"
    if code.startswith("{}"):
        return f"map[string]{_go_type(code[2:], name)}"
    if code == "integer":
        return "int64" if name in _INT64 else "int32"
    return _GO_TYPES.get(code) or f"v1.{_go_name(code)}"


def _go_name(definition: str) -> str:
    return definition.removeprefix("CoreV1").removeprefix("DiscoveryV1").removeprefix("EventsV1")


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
