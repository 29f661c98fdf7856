"""A planted defect: a field that answers of the last release had, and that neither the answers nor the description have any more."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

FIELD: Final = os.environ.get("DEFECT_DROPPED_FIELD", "")
"""The field; empty: none is dropped."""


def kept(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """A body without the dropped field."""
    return {key: value for key, value in content.items() if key != FIELD} if FIELD else content


def described(schema: dict[str, Any]) -> None:
    """Take the field out of the schema of an answer."""
    schema.get("properties", {}).pop(FIELD, None)
    schema["required"] = [name for name in schema.get("required", []) if name != FIELD]
