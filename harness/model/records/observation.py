"""Observations (the lines of a history with times), and the sink that records them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One line of a history file.

    Attributes:
        source: writer of the history.
        seq: number without gaps in each source, from 0.
        clock: name of the clock of `mono_ns` (a machine's boot id).
        mono_ns: CLOCK_MONOTONIC in ns.
        wall: wall-clock time in RFC 3339, for people.
        kind: kind of the event, such as `experiment.started` or `pod.ready`.
        subject: object of the event.
        fields: further JSON values.
    """

    source: str
    seq: int
    clock: str
    mono_ns: int
    wall: str
    kind: str
    subject: str
    fields: Mapping[str, Any] = field(default_factory=dict)


class Sink(Protocol):
    """Records observations; the only part of the evidence that drivers use."""

    def put(self, kind: str, subject: str, /, **fields: Any) -> Observation:
        """Record an observation with the current time."""
        ...
