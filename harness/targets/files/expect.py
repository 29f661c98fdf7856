"""Compares the answer to a read with the expectation in the target file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.targets.files.parts import TYPES


def fits(body: bytes, expect: Mapping[str, object]) -> bool:
    """Whether the body is a JSON object with every expected key and its value, or a value of its type.

    Without expectations every body fits.
    """
    if not expect:
        return True
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and all(key in value and _as(value[key], one) for key, one in expect.items())


def _as(value: Any, expected: object) -> bool:
    """Whether a value is equal in value and type, so that 1 is not true, or has the named type."""
    if isinstance(expected, str) and expected in TYPES:
        return type(value) is TYPES[expected]
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return not isinstance(value, bool) and bool(value == expected)
    return type(value) is type(expected) and bool(value == expected)
