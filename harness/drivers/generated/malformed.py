"""Hypothesis strategies for values that a schema refuses, however kindly they are read.

A reader that takes "12" for 12, 1 for true, or an absent key for null is not put to the test: services do so on purpose.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hypothesis import strategies as st

from harness.drivers.generated.valid import Values, flat, valid
from harness.targets.openapi.schemas import Schema, types_of, validator

_LETTERS: Final = "bcdghjklmpqrsvwxz"
"""Of these no word can be read as a number, a Boolean, null or a moment."""
JUNK: Final = st.text(_LETTERS, min_size=1, max_size=12).map(lambda text: f"x-{text}")
_KINDS: Final[Mapping[str, Values]] = {
    "string": JUNK,
    "array": st.lists(JUNK, min_size=1, max_size=2),
    "object": st.dictionaries(JUNK, JUNK, min_size=1, max_size=2),
}
"""By its type, a value that stands for no value of another type."""
_JUDGED: Final = frozenset({"date", "date-time", "uuid", "email", "ipv4", "ipv6", "uri"})


def malformed(schema: Schema, *, required: bool = True, text: bool = False) -> Values | None:
    """Values that the schema refuses; each was validated. None: there is no such value.

    Args:
        schema: JSON Schema without references.
        required: whether null stands for no value; it may stand for an absent one.
        text: whether only what one text can say is drawn.
    """
    checked = validator(schema)
    several = [*_broken(schema, required=required, text=text)]
    return st.one_of(several).filter(lambda value: not checked.is_valid(value)) if several else None


def not_json(schema: Schema) -> Values:
    """Texts that begin as the JSON of a valid value and do not end."""
    return valid(schema).map(lambda value: json.dumps([value])[:-1].encode())


def _broken(schema: Schema, *, required: bool, text: bool) -> Iterator[Values]:
    for key in ("anyOf", "oneOf"):
        for one in schema.get(key, ()):
            rest = {name: value for name, value in schema.items() if name != key}
            yield from _broken(flat({**rest, "allOf": [*schema.get("allOf", ()), one]}), required=required, text=text)
    if any(schema.get(key) for key in ("anyOf", "oneOf")):
        return
    plain = flat(schema)
    kinds = {*types_of(plain)} or {*_types_of_values(plain)}
    if not kinds:
        return
    yield from (values for kind, values in _KINDS.items() if kind not in kinds and (kind == "string" or not text))
    if required and "null" not in kinds and not text:
        yield st.none()
    if "string" in kinds:
        yield from _texts(plain)
    if kinds & {"integer", "number"} and "enum" not in plain:
        yield from _numbers(plain, whole="number" not in kinds)
    if "array" in kinds and not text:
        yield from _arrays(plain)
    if "object" in kinds and not text:
        yield from _objects(plain)


def _types_of_values(schema: Schema) -> Iterator[str]:
    """The types of the values that a schema lists."""
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    for value in [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]:
        yield names.get(type(value), "null")


def _texts(schema: Schema) -> Iterator[Values]:
    if {"enum", "const", "pattern"} & {*schema} or schema.get("format") in _JUDGED:
        yield JUNK
    if "pattern" in schema:
        yield st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
    if (least := schema.get("minLength", 0)) > 0:
        yield st.text(_LETTERS, max_size=least - 1)
    if "maxLength" in schema:
        most = schema["maxLength"]
        yield st.integers(1, 20).map(lambda more: "x" * (most + more))


def _numbers(schema: Schema, *, whole: bool) -> Iterator[Values]:
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    if lows:
        yield st.integers(max_value=math.floor(max(lows)))
    if highs:
        yield st.integers(min_value=math.ceil(min(highs)))
    if whole:
        yield st.integers(-1000, 1000).map(lambda number: number + 0.5)
    elif "multipleOf" in schema:
        yield st.integers(-1000, 1000).map(lambda number: (number + 0.5) * schema["multipleOf"])


def _arrays(schema: Schema) -> Iterator[Values]:
    items = schema.get("items", {})
    good = valid(items)
    if (bad := malformed(items)) is not None:
        yield st.builds(
            lambda before, one, after: [*before, one, *after],
            *(st.lists(good, max_size=2), bad, st.lists(good, max_size=2)),
        )
    if (least := schema.get("minItems", 0)) > 0:
        yield st.lists(good, max_size=least - 1)
    if "maxItems" in schema:
        most = schema["maxItems"]
        yield st.lists(good, min_size=most + 1, max_size=most + 5)
    if schema.get("uniqueItems"):
        yield good.map(lambda one: [one, one])


def _objects(schema: Schema) -> Iterator[Values]:
    good, needed = valid(schema), frozenset(schema.get("required", ()))
    properties, further = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in sorted(needed):
        yield st.builds(_without, good, st.just(name))
    for name, one in properties.items():
        if (bad := malformed(one, required=name in needed)) is not None:
            yield st.builds(_with, good, st.just(name), bad)
    if further is False:
        yield st.builds(_with, good, JUNK, st.booleans())
    elif further is not True and (bad := malformed(further)) is not None:
        yield st.builds(_with, good, JUNK, bad)


def _without(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: one for key, one in value.items() if key != name}


def _with(value: Mapping[str, Any], name: str, one: Any) -> dict[str, Any]:
    return {**value, name: one}


def malformed_texts(schema: Schema) -> Values | None:
    """Texts of a parameter that no reading of them makes valid; None: there are none."""
    values = malformed(schema, text=True)
    if values is None:
        return None
    checked = validator(schema)
    return values.map(str).filter(lambda text: not any(checked.is_valid(one) for one in readings(text)))


def readings(text: str) -> Iterator[Any]:
    """What the text of a parameter may stand for."""
    yield text
    yield {"true": True, "false": False, "null": None, "": None}.get(text.lower(), text)
    if re.fullmatch(r"[+-]?\d{1,4000}(\.0*)?", text):
        yield int(text.partition(".")[0])
    try:
        number = float(text)
    except ValueError:
        return
    if math.isfinite(number):
        yield number
