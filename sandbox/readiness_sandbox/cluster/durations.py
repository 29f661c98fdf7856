"""Lengths of time.

Read as Go, Argo Rollouts and Chaos Mesh write them: `90`, `"90"`, `1h30m`, `250ms`; and printed as ages by `kubectl`.
"""

from __future__ import annotations

import math
import re
from typing import Final

_UNITS_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|us|µs|ns|m|s)")
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+")
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
_AGES: Final = (
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
    (8 * _YEAR, _YEAR, "y", _DAY, "d"),
    (math.inf, _YEAR, "y", 0, ""),
)
"""Formats of an age: its limit, then unit and letter of both figures.

The second is 0 where it is not printed.
"""


def seconds(value: object) -> float:
    """Seconds of a Go duration, or of a plain number, which means seconds.

    Raises:
        ValueError: it is neither, or negative.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return float(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(value))
    raise ValueError(f"{value!r} is not a duration; hint: write 90, 90s or 1m30s")


def human(length_s: float) -> str:
    """An age as `kubectl` prints it: `duration.HumanDuration` of k8s.io/apimachinery."""
    age = max(0, int(length_s))
    _, unit, letter, small, small_letter = next(step for step in _AGES if age < step[0])
    rest = age % unit // small if small else 0
    return f"{age // unit}{letter}{rest}{small_letter}" if rest else f"{age // unit}{letter}"
