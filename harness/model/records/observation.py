"""Observations, the timestamped lines of a history, and the sink that records them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One line of a history file.

    Attributes:
        source: the writer; a history file has one.
        seq: 0, 1, 2…, without gaps in each source.
        clock: names the clock that `mono_ns` was read from (a machine's boot id).
        mono_ns: CLOCK_MONOTONIC, nanoseconds.
        wall: wall clock time, RFC 3339, for people.
        kind: what happened: `experiment.started`, `pod.ready`…
        subject: the object to which it happened.
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
