"""What a member of the database counts of its statements, read twice a second: the times of every call, as counts that go on growing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from harness.model import Observation
from tests.builders.recorder import ns

EVERY_S: Final = 0.5
PLAY: Final = "WITH seen AS (SELECT answer FROM requests WHERE key = $1), done AS (UPDATE tracks SET plays = plays…"
"""As it is recorded; the services' metrics have 100 characters more, and `plays + 1`."""
PLAY_LABEL: Final = "WITH seen AS (SELECT answer FROM requests WHERE key = $1), done AS (UPDATE tracks SET plays = plays + 1 WHERE id = $2 AND"
CALLS: Final = 8
"""Between two readings."""
Times = Callable[[float], Sequence[float]]
"""The times in ms of the calls that ended in the half second before a moment."""


def quick(_at: float) -> Sequence[float]:
    """As in any other minute."""
    return [2.0] * CALLS


def slow(since: float, until: float, *, share: float = 1.0, of: int = CALLS, ms: float = 700.0) -> Times:
    """From one moment to another so many of the calls take longer."""
    late = round(of * share)
    return lambda at: [ms] * late + [2.0] * (of - late) if since < at <= until else [2.0] * of


def reads(
    end: float,
    queries: dict[str, Times],
    *,
    member: str = "pg-0",
    start: float = 0.5,
    why: dict[float, str] | None = None,
) -> list[Observation]:
    """The readings of one member until `end`, of queries by their text; `why`: when it did not answer."""
    calls: dict[str, list[float]] = {text: [] for text in queries}
    found = []
    for at in np.arange(start, end + EVERY_S / 2, EVERY_S).tolist():
        said = []
        for number, (text, times) in enumerate(queries.items()):
            new = list(times(at))
            calls[text] += new
            if new:
                said.append(_counted(str(number), text, calls[text]))
        failed = (why or {}).get(at, "")
        fields: dict[str, Any] = {"at_ns": ns(at), "statements": [] if failed else said, "why": failed}
        found.append(
            Observation(
                source="statements",
                seq=0,
                clock="boot",
                mono_ns=ns(at),
                wall="",
                kind="statements.grown",
                subject=member,
                fields=fields,
            )
        )
    return found


def _counted(number: str, text: str, times_ms: Sequence[float]) -> dict[str, Any]:
    times = np.array(times_ms)
    return {
        "id": number,
        "text": text,
        "calls": len(times),
        "total_ms": float(times.sum()),
        "stddev_ms": float(times.std()),
        "least_ms": float(times.min()),
        "most_ms": float(times.max()),
    }
