"""Rounds the figures of a judgement and its documents to six significant digits, equally on every machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

_Value = TypeVar("_Value")


def six_digits(value: float) -> float | None:
    """The value with six significant digits; None for infinite and undefined values, which JSON cannot express."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def plain(value: float, digits: int = 3) -> str:
    """A value with so many significant digits, or all before the point where it has more of them: `0.123`, `61034`, never `6.1e+04`."""
    shown = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in shown else shown


def rounded(value: _Value) -> _Value:
    """The value with every float rounded to six digits, also in dataclasses, tuples and mappings."""
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
