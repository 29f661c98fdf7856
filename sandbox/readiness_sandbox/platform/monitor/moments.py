"""Lengths and moments of time, as Prometheus writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

NEVER: Final = "0001-01-01T00:00:00Z"
"""How Go writes the zero time."""
_DURATION: Final = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?|0")
_UNITS_S: Final = (31_536_000.0, 604_800.0, 86_400.0, 3600.0, 60.0, 1.0, 0.001)


def seconds_of(text: str) -> float:
    """Seconds of a duration as Prometheus writes it: `1m30s`, `500ms`.

    promql_parser.parse_duration 0.11 takes `500ms` for 0.5 ms.

    Raises:
        ValueError: it is not a moment.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"not a valid duration string: {text!r}")
    return sum(float(number or 0) * unit for number, unit in zip(found.groups(), _UNITS_S, strict=True))


def rfc3339(at_s: float | None) -> str:
    """A moment as Go writes it; none is the year 1."""
    return NEVER if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def moment_of(text: object) -> float | None:
    """Seconds since 1970 of a moment in RFC 3339; None where there is none, which clients in Go write as one of the year 1, with or without fractions.

    Raises:
        ValueError: it is no moment.
    """
    moment = None if text is None else datetime.fromisoformat(str(text))
    return None if moment is None or moment.year == 1 else moment.timestamp()
