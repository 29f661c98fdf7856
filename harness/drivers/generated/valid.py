"""Hypothesis strategies for values that a schema allows."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from harness.targets.openapi.schemas import Schema, UnsupportedError, merged, types_of, validator

Values = st.SearchStrategy[Any]

_EDGES: Final = (
    0,
    -1,
    1,
    *(sign * 2**bits + beside for bits in (31, 32, 53, 63) for sign in (-1, 1) for beside in (-1, 0)),
)
"""Whole numbers at which languages and databases change."""
_ODD_TEXTS: Final = ("", " ", "'", '"', "\\", "%", "<b>", "é", "\u202e", "日本", "\U0001f600", "null")
"""Texts at which programs that quote, encode or measure texts go wrong."""

ANY_TEXT: Final[st.SearchStrategy[str]] = st.characters(exclude_categories=["Cs"])
"""Characters of JSON: all but halves of surrogate pairs."""
_LONGEST_EDGE: Final = 2000
"""Maximum length of a text that is drawn because it is as long as its schema allows."""
_WORDS: Final = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
_MOMENTS: Final = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds have none
_FORMATS: Final[Mapping[str, Values]] = {
    "date": _MOMENTS.map(lambda moment: moment.date().isoformat()),
    "date-time": _MOMENTS.map(lambda moment: moment.isoformat().replace("+00:00", "Z")),
    "uuid": st.uuids().map(str),
    "email": _WORDS.map(lambda word: f"{word}@example.com"),
    "ipv4": st.ip_addresses(v=4).map(str),
    "ipv6": st.ip_addresses(v=6).map(str),
    "uri": _WORDS.map(lambda word: f"https://example.com/{word}"),
    "byte": st.binary(max_size=30).map(lambda data: base64.b64encode(data).decode("ascii")),
}
_FREE: Final = frozenset({"password", "int32", "int64", "float", "double"})
"""Formats that do not limit a text or a number any further."""
_SCALARS: Final = st.none() | st.booleans() | st.integers() | st.text(ANY_TEXT, max_size=20)
_FEW: Final = 5
"""Maximum number of items that are drawn above the least number."""
_LONGEST: Final = 100
"""Maximum number of characters that are drawn above the least number."""


def valid(schema: Schema, characters: st.SearchStrategy[str] = ANY_TEXT) -> Values:
    """Values that the schema allows; each was validated.

    Args:
        schema: JSON Schema without references.
        characters: of texts that the schema leaves free.

    Raises:
        UnsupportedError: nothing is known to be drawn for a part of the schema.
    """
    return _drawn(schema, characters).filter(validator(schema).is_valid)


def _drawn(schema: Schema, characters: st.SearchStrategy[str]) -> Values:
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            base = {name: value for name, value in schema.items() if name != key}
            return st.one_of([_drawn(merged(base, one), characters) for one in schema[key]])
    if "allOf" in schema:
        return _drawn(flat(schema), characters)
    kinds = types_of(schema)
    if not kinds:
        if schema:
            raise UnsupportedError(f"no type is described beside `{min(schema)}`")
        return _SCALARS | st.lists(_SCALARS, max_size=2)
    return st.one_of([_OF_TYPE[kind](schema, characters) for kind in kinds])


def flat(schema: Schema) -> dict[str, Any]:
    """A schema with those of its `allOf` merged into it."""
    made = {name: value for name, value in schema.items() if name != "allOf"}
    for one in schema.get("allOf", ()):
        made = merged(made, flat(one))
    return made


def _text(schema: Schema, characters: st.SearchStrategy[str]) -> Values:
    named = str(schema.get("format", ""))
    if named in _FORMATS:
        return _FORMATS[named]
    if named and named not in _FREE:
        raise UnsupportedError(f"no text of the format `{named}` can be drawn")
    if "pattern" in schema:
        try:
            drawn = st.from_regex(re.compile(schema["pattern"], re.ASCII), alphabet=characters)
            return drawn.filter(lambda text: not text.endswith("\n"))  # in ECMA-262 `$` is the end, `\d` is ASCII
        except (re.error, ValueError) as error:
            raise UnsupportedError(f"the pattern `{schema['pattern']}` cannot be drawn: {error}") from error
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    free = st.text(characters, min_size=least, max_size=min(most, least + _LONGEST))
    odd = [one for one in _ODD_TEXTS if least <= len(one) <= most]
    odd += ["l" * int(most)] if most <= _LONGEST_EDGE else []
    return free | st.sampled_from(odd) if odd and characters is ANY_TEXT else free


def _integer(schema: Schema, _: st.SearchStrategy[str]) -> Values:
    low, high = _bounds(schema)
    step = schema.get("multipleOf", 1)
    if step != int(step):
        raise UnsupportedError(f"no whole number that is a multiple of {step} can be drawn")
    least, most = (None if low is None else math.ceil(low / step)), (None if high is None else math.floor(high / step))
    edges = [
        one
        for one in (*_EDGES, least, most)
        if one is not None and (least is None or one >= least) and (most is None or one <= most)
    ]
    numbers = st.integers(least, most)
    return (numbers | st.sampled_from(edges) if edges else numbers).map(lambda number: number * int(step))


def _number(schema: Schema, characters: st.SearchStrategy[str]) -> Values:
    if "multipleOf" in schema:
        step = schema["multipleOf"]
        return st.integers(-1000, 1000).map(lambda number: type(step)(Decimal(str(step)) * number))
    low, high = _bounds(schema)
    floats = st.floats(
        None if low is None else float(low),
        None if high is None else float(high),
        allow_nan=False,
        allow_infinity=False,
        width=32 if schema.get("format") == "float" and low is None and high is None else 64,
    )
    return floats | _integer(schema, characters)


def _bounds(schema: Schema) -> tuple[float | None, float | None]:
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    return max(lows, default=None), min(highs, default=None)


def _array(schema: Schema, characters: st.SearchStrategy[str]) -> Values:
    least = schema.get("minItems", 0)
    return st.lists(
        _drawn(schema.get("items", {}), characters),
        min_size=least,
        max_size=min(schema.get("maxItems", math.inf), least + _FEW),
        unique_by=repr if schema.get("uniqueItems") else None,
    )


def _object(schema: Schema, characters: st.SearchStrategy[str]) -> Values:
    properties, further = schema.get("properties", {}), schema.get("additionalProperties", True)
    needed = [*schema.get("required", ())]
    known = {name: _drawn(one, characters) for name, one in properties.items()}
    other = {} if isinstance(further, bool) else further
    required = {name: known[name] if name in known else _drawn(other, characters) for name in needed}
    drawn = st.fixed_dictionaries(required, optional={name: one for name, one in known.items() if name not in required})
    if isinstance(further, bool):
        return drawn
    more = st.dictionaries(st.text(characters, min_size=1, max_size=20), _drawn(further, characters), max_size=_FEW)
    return st.builds(lambda extra, own: {**extra, **own}, more, drawn)


_OF_TYPE: Final[Mapping[str, Callable[[Schema, st.SearchStrategy[str]], Values]]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "array": _array,
    "object": _object,
    "boolean": lambda _schema, _characters: st.booleans(),
    "null": lambda _schema, _characters: st.none(),
}
