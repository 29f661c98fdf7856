"""Rounding, in one place: a judgement, and the document made of it, hold figures of six significant digits, the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

_Value = TypeVar("_Value")


def six_digits(value: float) -> float | None:
    """Six significant digits; None for what is not a finite number, which JSON has no word for."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def rounded(value: _Value) -> _Value:
    """The same value with every float below it at six digits: in dataclasses, tuples and mappings. Whole numbers stay."""
    if value is None or isinstance(value, str | int):  # most of a judgement are words and counts
        return value
    made: Any = value
    if isinstance(value, float):
        made = six_digits(value)
    elif isinstance(value, tuple):
        made = tuple(rounded(item) for item in value)
    elif isinstance(value, Mapping):
        made = {key: rounded(item) for key, item in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        made = type(value)(**{field.name: rounded(getattr(value, field.name)) for field in fields(value)})
    return cast("_Value", made)
