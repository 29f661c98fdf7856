"""Reads a schema of an API description as a JSON Schema without references; what is not known is refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from enum import Enum
from fractions import Fraction
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from harness.errors import ConfigurationError
from harness.targets.openapi.document import OpenApiDocument

Schema = Mapping[str, Any]


class UnsupportedError(Exception):
    """Something in a description is not read; the message names it."""


class Purpose(Enum):
    """What a schema is of: a property that is only read is in no request, one that is only written in no answer."""

    REQUEST = "readOnly"
    ANSWER = "writeOnly"


_SUBSCHEMAS: Final = frozenset({"items", "not"})
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf"})
_PLAIN: Final = frozenset(
    {
        "type", "enum", "const", "required", "minProperties", "maxProperties", "minItems", "maxItems", "uniqueItems",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format",
    }
)  # fmt: skip
_NOTES: Final = frozenset(
    {
        "title", "description", "default", "example", "examples", "deprecated", "externalDocs", "xml", "$comment", "readOnly", "writeOnly",
        "nullable",
    }
)  # fmt: skip
"""Keywords that do not limit a value; `nullable` is read before."""
_ANSWERS_ONLY: Final = frozenset(
    {
        "minContains", "maxContains", "dependentRequired", "unevaluatedProperties", "unevaluatedItems", "prefixItems", "contains", "propertyNames",
        "patternProperties", "dependentSchemas", "if", "then", "else", "discriminator", "contentEncoding", "contentMediaType",
    }
)  # fmt: skip
"""Keywords that values are validated by and never drawn by; `discriminator` is a hint beside `oneOf` or `anyOf`, which decide."""
_SHAPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems", "required", "enum"), ((list,), "a list")),
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), ((dict,), "a mapping")),
    **dict.fromkeys(("minimum", "maximum"), ((int, float), "a number")),
    "format": ((str,), "a text"),
}
"""What the values of keywords are that are read before the schema is checked."""
_MOST_PARTS: Final = 50_000
"""Maximum number of parts of one schema of requests, whose references are replaced by what they lead to."""
_SIZES: Final = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_DEEPEST: Final = 20
"""Maximum number of references in a chain."""
CHECKED: Final = FormatChecker(formats=("date", "uuid", "ipv4", "ipv6", "email"))
"""The formats that answers are held against; other formats are notes."""
_ZONED: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


@CHECKED.checks("date-time")
def _is_moment(value: object) -> bool:
    """RFC 3339, section 5.6."""
    if not isinstance(value, str):
        return True
    if not _ZONED.fullmatch(value):
        return False
    text = re.sub(r"(\.\d{1,6})\d*", r"\1", value.upper()).replace(":60", ":59")  # a leap second
    with suppress(ValueError):
        return bool(datetime.fromisoformat(text))
    return False


@CHECKED.checks("uri")
def _is_address(value: object) -> bool:
    """RFC 3986, section 4.3: with a scheme."""
    return not isinstance(value, str) or _ABSOLUTE.fullmatch(value) is not None


def _multiple_of(checker: Validator, step: float, value: Any, _schema: object) -> Iterator[ValidationError]:
    """Decimal, as people write it: 19.99 is a multiple of 0.01, which binary fractions deny."""
    if not checker.is_type(value, "number"):
        return
    if not math.isfinite(value) or (Fraction(str(value)) / Fraction(str(step))).denominator != 1:
        yield ValidationError(f"{value!r} is not a multiple of {step}")


_Decimal: Final = extend(Draft202012Validator, {"multipleOf": _multiple_of})  # type: ignore[no-untyped-call]


def validator(schema: Schema) -> Validator:
    """What tells valid values from others."""
    made: Validator = _Decimal(dict(schema), format_checker=CHECKED)
    return made


def _checked(found: dict[str, Any]) -> dict[str, Any]:
    try:
        Draft202012Validator.check_schema(found)
    except SchemaError as error:
        raise UnsupportedError(f"its schema is invalid: {error.message[:200]}") from error
    return found


class SchemaReader:
    """Reads the schemas of one document for requests, or for answers.

    Schemas of requests are without references, so that values can be drawn from them. Those of answers keep their references, which lead to
    `$defs` that all of them share: so a schema may contain itself, and a document is read once.

    Args:
        document: the document.
        purpose: what the schemas are of.
        open_to_more: whether answers may have keys that a schema forbids, as later releases add them.
    """

    def __init__(self, document: OpenApiDocument, purpose: Purpose, *, open_to_more: bool = False) -> None:
        self._document = document
        self._purpose = purpose
        self._open_to_more = open_to_more
        self._old = str(document.root.get("openapi", "")).startswith("3.0")
        self._parts = 0
        self._defs: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._kept: dict[str, tuple[str, frozenset[str]]] = {}
        self._references: set[str] = set()
        self._sound: set[str] = set()  # references all of whose parts are read

    def read(self, schema: Any) -> Schema:
        """The JSON Schema (2020-12) that says the same.

        Raises:
            UnsupportedError: a keyword, a reference or a recursion that is not read.
        """
        self._parts = 0
        if self._purpose is Purpose.REQUEST:
            return self._sound_of(schema)
        for _ in range(_DEEPEST):  # the kind of a body is seen at its schema, not behind a reference
            if not isinstance(schema, dict) or {*schema} - _NOTES != {"$ref"} or not isinstance(schema["$ref"], str):
                break
            schema = self._target(schema["$ref"])
        else:
            raise UnsupportedError("the reference of a schema refers to itself")
        self._references = references = set[str]()
        found = self._sound_of(schema)
        self._translate_all(references)
        return {**found, "$defs": self._defs} if references else found

    def _sound_of(self, schema: Any) -> dict[str, Any]:
        try:
            return _checked(self._read(schema, ()))
        except RecursionError as error:
            raise UnsupportedError("a schema is nested too deeply") from error

    def _read(self, schema: Any, within: tuple[str, ...]) -> dict[str, Any]:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise UnsupportedError(f"a schema has more than {_MOST_PARTS} parts, its references replaced")
        if isinstance(schema, bool):
            return {} if schema else {"not": {}}
        if not isinstance(schema, dict):
            raise UnsupportedError(f"a schema is a {type(schema).__name__}, expected a mapping")
        if isinstance(reference := schema.get("$ref"), str):
            return self._referred(reference, schema, within)
        self._require_known(schema)
        made: dict[str, Any] = {key: value for key, value in schema.items() if key in _PLAIN}
        made |= {key: self._read(schema[key], within) for key in _SUBSCHEMAS & {*schema}}
        for key in _LISTS & {*schema}:
            made[key] = [self._read(one, within) for one in schema[key]]
        if "additionalProperties" in schema:
            several = schema["additionalProperties"]
            made["additionalProperties"] = several if isinstance(several, bool) else self._read(several, within)
            if made["additionalProperties"] is False and self._open_to_more:
                del made["additionalProperties"]
        self._further(schema, made, within)
        self._properties(schema, made, within)
        self._limits(schema, made)
        return made

    def _require_known(self, schema: Mapping[str, Any]) -> None:
        known = _SUBSCHEMAS | _LISTS | _PLAIN | _NOTES | {"properties", "additionalProperties"}
        if self._purpose is Purpose.ANSWER:
            known |= _ANSWERS_ONLY
        if unknown := sorted(key for key in schema if key not in known and not str(key).startswith("x-")):
            raise UnsupportedError(f"the keyword `{unknown[0]}` of a schema is not supported")
        for key in sorted(_SHAPES.keys() & {*schema}):
            kinds, words = _SHAPES[key]
            if not isinstance(schema[key], kinds):
                raise UnsupportedError(f"`{key}` of a schema is `{str(schema[key])[:40]}`, expected {words}")

    def _further(self, schema: Mapping[str, Any], made: dict[str, Any], within: tuple[str, ...]) -> None:
        """The keywords of answers only, which schemas of requests do not have."""
        for key in _ANSWERS_ONLY & {*schema} - {"discriminator", "contentEncoding", "contentMediaType"}:
            value = schema[key]
            if key in {"minContains", "maxContains", "dependentRequired"}:
                made[key] = value
            elif key == "prefixItems":
                made[key] = [self._read(one, within) for one in value]
            elif key in {"patternProperties", "dependentSchemas"}:
                made[key] = {name: self._read(one, within) for name, one in value.items()}
            elif value is not False or not self._open_to_more:
                made[key] = value if isinstance(value, bool) else self._read(value, within)

    def _target(self, reference: str) -> Any:
        try:
            return self._document.referred(reference)
        except ConfigurationError as error:
            raise UnsupportedError(error.what) from error

    def _referred(self, reference: str, schema: Mapping[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
        if self._purpose is Purpose.ANSWER:
            self._references.add(reference)
            found: dict[str, Any] = {"$ref": f"#/$defs/{self._names.setdefault(reference, str(len(self._names)))}"}
        elif reference in within:
            raise UnsupportedError(f"the schema `{reference}` contains itself")
        else:
            found = self._read(self._target(reference), (*within, reference))
        beside = {key: value for key, value in schema.items() if key != "$ref" and key not in _NOTES}
        if "nullable" in schema and not self._old:
            raise UnsupportedError("`nullable` is unknown in OpenAPI 3.1")
        if not beside or self._old:  # OpenAPI 3.0 ignores what is beside a reference
            return found
        return {"allOf": [found, self._read(beside, within)]}

    def _translate_all(self, references: set[str]) -> None:
        """Read what references lead to, and what is referred to there, each once; raises UnsupportedError for what is not read."""
        seen: set[str] = set()
        pending = [*references]
        while pending:  # no recursion: a document may have thousands of schemas in a row
            reference = pending.pop()
            if reference in seen or reference in self._sound:
                continue
            seen.add(reference)
            if reference not in self._kept:
                self._kept[reference] = self._translated(reference)
            unread, further = self._kept[reference]
            if unread:
                raise UnsupportedError(unread)
            pending += further
        self._sound |= seen

    def _translated(self, reference: str) -> tuple[str, frozenset[str]]:
        """Read what a reference leads to; why it is not read, and the references in it."""
        self._references, self._parts = set(), 0
        try:
            found = self._sound_of(self._target(reference))
        except UnsupportedError as error:
            return str(error), frozenset()
        self._defs[self._names[reference]] = found
        return "", frozenset(self._references)

    def _properties(self, schema: Mapping[str, Any], made: dict[str, Any], within: tuple[str, ...]) -> None:
        """The properties, without those that are not of this purpose."""
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return
        absent = {
            key for key, one in properties.items() if self._document.resolved(one).get(self._purpose.value) is True
        }
        made["properties"] = {str(key): self._read(one, within) for key, one in properties.items() if key not in absent}
        if absent and self._purpose is Purpose.ANSWER:
            made["properties"] |= {str(key): {} for key in absent}
        if "required" in made:
            made["required"] = [key for key in made["required"] if not isinstance(key, str) or key not in absent]

    def _limits(self, schema: Mapping[str, Any], made: dict[str, Any]) -> None:
        """Limits as JSON Schema has them: `nullable` and Booleans of OpenAPI 3.0, the sizes of integers."""
        if schema.get("nullable") is True:
            if "type" not in made or not self._old:
                raise UnsupportedError("`nullable` without `type`, or in OpenAPI 3.1, is not supported")
            made["type"] = [made["type"], "null"]
        for key, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(made.get(key), bool) and made.pop(key) and limit in made:
                made[key] = made.pop(limit)
        if made.get("format") in _SIZES and "integer" in types_of(made):
            low, high = _SIZES[made.pop("format")]
            made["minimum"] = max(low, made.get("minimum", low))
            made["maximum"] = min(high, made.get("maximum", high))


def types_of(schema: Schema) -> tuple[str, ...]:
    """The JSON types that a schema names, or that its other keywords are of; empty: any."""
    named = schema.get("type")
    if isinstance(named, str):
        return (named,)
    if isinstance(named, list):
        return tuple(named)
    if {"properties", "additionalProperties", "required"} & {*schema}:
        return ("object",)
    return ("array",) if "items" in schema else ()


def merged(base: Schema, other: Schema) -> dict[str, Any]:
    """One schema for values that both allow.

    Raises:
        UnsupportedError: the two have a keyword in common that cannot be joined.
    """
    made = dict(base)
    for key, value in other.items():
        if key not in made or made[key] == value:
            made[key] = value
        elif key == "properties":
            made[key] = {name: merged(made[key].get(name, {}), value.get(name, {})) for name in {**made[key], **value}}
        elif key == "required":
            made[key] = [*dict.fromkeys([*made[key], *value])]
        elif key == "allOf":
            made[key] = [*made[key], *value]
        elif key in {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}:
            made[key] = max(made[key], value)
        elif key in {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}:
            made[key] = min(made[key], value)
        elif key == "type" and (both := [one for one in types_of(made) if one in types_of({"type": value})]):
            made[key] = both
        else:
            raise UnsupportedError(f"`allOf` joins two different `{key}`")
    return made
