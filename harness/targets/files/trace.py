"""Reads a recorded trace of arrivals: a text file with one arrival per line, in seconds from the beginning.

    # comments and empty lines are ignored 0.000 0.120,listener 0.450,uploader

The optional second column names the journey: the class in the locustfile, in small letters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.errors import ConfigurationError, UsageError
from harness.model import ArrivalTrace
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from pathlib import Path

MOST: Final = 1_000_000
"""Maximum number of arrivals, since the trace is part of the plan, which is read into memory."""
_LAST_NS: Final = 1 << 62
"""Times are 64 bits wide; half of them is 146 years."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedTrace:
    """A trace with the journey of each arrival; an empty name means any journey of the locustfile."""

    arrivals: ArrivalTrace
    journeys: tuple[str, ...]


def read_trace(path: Path) -> RecordedTrace:
    """Read a trace.

    Raises:
        ConfigurationError: the file cannot be read or is empty, or a line is not a time, negative, or before the previous line.
    """
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the file is not UTF-8 text"
        raise ConfigurationError(f"the trace cannot be read: {why}", where=str(path)) from error
    offsets_ns: list[int] = []
    journeys: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        where = f"{path}:{number}"
        at, _, journey = (cell.strip() for cell in text.partition(","))
        offset_ns = _offset_ns(at, where)
        if offsets_ns and offset_ns < offsets_ns[-1]:
            raise ConfigurationError(
                f"`{at}` is before the time of the previous line", where=where, hint="sort the trace by time"
            )
        if "," in journey:
            raise ConfigurationError(
                "the line has a third column", where=where, hint="write `seconds` or `seconds,journey`"
            )
        offsets_ns.append(offset_ns)
        journeys.append(journey)
    if len(offsets_ns) > MOST:
        raise ConfigurationError(
            f"the trace has {len(offsets_ns)} arrivals",
            where=str(path),
            hint=f"use a trace with at most {MOST} arrivals",
        )
    try:
        return RecordedTrace(arrivals=ArrivalTrace(offsets_ns=tuple(offsets_ns)), journeys=tuple(journeys))
    except UsageError as error:
        raise ConfigurationError(error.what, where=str(path), hint=error.hint) from error


def _offset_ns(text: str, where: str) -> int:
    try:
        at_s = float(text)
    except ValueError:
        at_s = math.nan
    if not 0 <= at_s * NS_PER_S < _LAST_NS:
        raise ConfigurationError(
            f"`{text}` is not a time", where=where, hint="write seconds since the begin, like `12.345`"
        )
    return round(at_s * NS_PER_S)
