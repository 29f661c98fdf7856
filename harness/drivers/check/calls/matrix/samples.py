"""One value for a schema of an API description: the example that the description gives, else a small value of its type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from harness.errors import ConfigurationError
from harness.targets.openapi.document import OpenApiDocument

_DEEPEST: Final = 12
"""Maximum depth of a value that is made; a schema that needs more contains itself."""
_MOST_LETTERS: Final = 10_000
_LONGEST_MATCHED: Final = 32
"""Some patterns take a time that doubles with each letter."""
_SIMPLE: Final = ("test", "Test", "TEST", "1", "a", "A")
"""Texts that are tried, each made longer by its last letter."""
_FORMATS: Final[Mapping[str, str]] = {
    "date": "2024-01-31",
    "date-time": "2024-01-31T12:00:00Z",
    "email": "test@example.test",
    "uri": "https://example.test/",
    "uuid": "6f1b0f0e-6b0a-4c0e-9d5c-0d5f3a3c9a11",
}


class NoSampleError(Exception):
    """No value can be made for a schema; the message says why."""


def examples_of(document: OpenApiDocument, holder: Mapping[str, Any]) -> list[Any]:
    """The examples that a parameter, a media type or a schema has."""
    found = [holder["example"]] if "example" in holder else []
    several = holder.get("examples")
    if isinstance(several, list):
        found += several
    elif isinstance(several, dict):
        resolved = (document.resolved(one) for one in several.values())
        found += [one["value"] for one in resolved if "value" in one]
    return found


def sample(document: OpenApiDocument, schema: Any, depth: int = 0) -> Any:
    """A value for a schema; of an object only what is required.

    Raises:
        NoSampleError: the schema contains itself, has a pattern that no simple text matches, or is of an unknown type.
    """
    if depth > _DEEPEST:
        raise NoSampleError("its schema contains itself")
    try:
        found = document.resolved(schema)
    except ConfigurationError as error:
        raise NoSampleError(error.what) from error
    if given := examples_of(document, found):
        return given[0]
    for key in ("default", "const"):
        if key in found:
            return found[key]
    if isinstance(found.get("enum"), list) and found["enum"]:
        return found["enum"][0]
    if isinstance(found.get("allOf"), list):
        parts = [document.resolved(one) for one in found["allOf"]]
        return sample(document, _joined([found, *parts]), depth + 1)
    for key in ("anyOf", "oneOf"):
        if isinstance(found.get(key), list) and found[key]:
            several = [one for one in found[key] if document.resolved(one).get("type") != "null"]
            return sample(document, (several or found[key])[0], depth + 1)
    return _of_type(document, found, depth)


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for part in parts:
        joined |= {key: value for key, value in part.items() if key not in {"allOf", "properties", "required"}}
        joined["properties"] = {**joined.get("properties", {}), **(part.get("properties") or {})}
        joined["required"] = [*joined.get("required", []), *(part.get("required") or [])]
    return joined


def _of_type(document: OpenApiDocument, found: Mapping[str, Any], depth: int) -> Any:
    kind = found.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    properties = found.get("properties")
    if kind == "object" or (kind is None and isinstance(properties, dict)):
        known = properties if isinstance(properties, dict) else {}
        named = [str(one) for one in found.get("required") or ()]
        of = {name: known.get(name, {"type": "string"}) for name in named}
        wanting = {name: one for name, one in of.items() if document.resolved(one).get("readOnly") is not True}
        return {name: sample(document, one, depth + 1) for name, one in wanting.items()}
    if kind == "array":
        return [sample(document, found.get("items", {}), depth + 1)] * min(int(found.get("minItems", 0)), 100)
    if kind == "string":
        return _text(found)
    if kind in {"integer", "number"}:
        return _number(found)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    raise NoSampleError("its schema has no example and no type")


def _text(found: Mapping[str, Any]) -> str:
    least, most = int(found.get("minLength", 0)), found.get("maxLength")
    if least > _MOST_LETTERS:
        raise NoSampleError(f"its schema asks for {least} letters")
    begun = (*([_FORMATS[str(found["format"])]] if found.get("format") in _FORMATS else []), *_SIMPLE)
    texts = (text + text[-1] * (least - len(text)) for text in begun)
    cut = (text[:most] if isinstance(most, int) else text for text in texts)
    matching = (text for text in cut if "pattern" not in found or _matches(str(found["pattern"]), text))
    if (chosen := next(matching, None)) is None:
        raise NoSampleError("its schema has a pattern that no simple text matches, and no example")
    return chosen


def _matches(pattern: str, text: str) -> bool:
    """Whether a text has what a pattern asks for; False too where the text is long, or the pattern is not one of Python's."""
    try:
        return len(text) <= _LONGEST_MATCHED and re.search(pattern, text) is not None
    except re.error:
        return False


def _number(found: Mapping[str, Any]) -> int | float:
    lowest, over = found.get("minimum"), found.get("exclusiveMinimum")
    step = found.get("multipleOf", 1)
    base = lowest if isinstance(lowest, int | float) else 1
    if isinstance(over, int | float) and not isinstance(over, bool):
        base = max(base, over + step)
    elif over is True:  # OpenAPI 3.0
        base += step
    if isinstance(most := found.get("maximum"), int | float):
        base = min(base, most)
    return base
