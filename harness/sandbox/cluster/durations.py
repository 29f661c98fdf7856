"""Lengths of time as Go, Argo Rollouts and Chaos Mesh write them: `90`, `"90"`, `1h30m`, `250ms`."""

from __future__ import annotations

import re
from typing import Final

_UNITS_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|us|µs|ns|m|s)")
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+")


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
