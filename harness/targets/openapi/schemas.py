"""Reads a schema of an API description as a JSON Schema without references; what is not known is refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from enum import Enum
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

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
_SIZES: Final = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
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


def validator(schema: Schema) -> Draft202012Validator:
    """What tells valid values from others."""
    return Draft202012Validator(dict(schema), format_checker=CHECKED)


class SchemaReader:
    """Reads the schemas of one document for requests, or for answers."""

    def __init__(self, document: OpenApiDocument, purpose: Purpose) -> None:
        self._document = document
        self._purpose = purpose
        self._old = str(document.root.get("openapi", "")).startswith("3.0")

    def read(self, schema: Any) -> Schema:
        """The JSON Schema (2020-12) that says the same.

        Raises:
            UnsupportedError: a keyword, a reference or a recursion that is not read.
        """
        found = self._read(schema, ())
        try:
            Draft202012Validator.check_schema(found)
        except SchemaError as error:
            raise UnsupportedError(f"its schema is invalid: {error.message[:200]}") from error
        return found

    def _read(self, schema: Any, within: tuple[str, ...]) -> dict[str, Any]:
        if isinstance(schema, bool):
            return {} if schema else {"not": {}}
        if not isinstance(schema, dict):
            raise UnsupportedError(f"a schema is a {type(schema).__name__}, expected a mapping")
        if isinstance(reference := schema.get("$ref"), str):
            return self._referred(reference, schema, within)
        known = _SUBSCHEMAS | _LISTS | _PLAIN | _NOTES | {"properties", "additionalProperties"}
        if unknown := sorted(key for key in schema if key not in known and not str(key).startswith("x-")):
            raise UnsupportedError(f"the keyword `{unknown[0]}` of a schema is not supported")
        made: dict[str, Any] = {key: value for key, value in schema.items() if key in _PLAIN}
        made |= {key: self._read(schema[key], within) for key in _SUBSCHEMAS & {*schema}}
        for key in _LISTS & {*schema}:
            made[key] = [self._read(one, within) for one in schema[key]]
        if "additionalProperties" in schema:
            several = schema["additionalProperties"]
            made["additionalProperties"] = several if isinstance(several, bool) else self._read(several, within)
        self._properties(schema, made, within)
        self._limits(schema, made)
        return made

    def _referred(self, reference: str, schema: Mapping[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
        if reference in within:
            raise UnsupportedError(f"the schema `{reference}` contains itself")
        try:
            target = self._document.referred(reference)
        except ConfigurationError as error:
            raise UnsupportedError(error.what) from error
        found = self._read(target, (*within, reference))
        beside = {key: value for key, value in schema.items() if key != "$ref" and key not in _NOTES}
        if "nullable" in schema and not self._old:
            raise UnsupportedError("`nullable` is unknown in OpenAPI 3.1")
        if not beside or self._old:  # OpenAPI 3.0 ignores what is beside a reference
            return found
        return {"allOf": [found, self._read(beside, within)]}

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
            made["required"] = [key for key in made["required"] if key not in absent]

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
