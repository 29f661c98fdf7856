"""Harm to what users wrote: what a run can measure of it, and what of it no requirement judges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Harm(StrEnum):
    """One kind of harm: what was harmed, and how. A figure's spec says which of them it judges."""

    WRITES_LOST = "writes lost"
    WRITES_WRONG = "writes with another value"
    WRITES_TWICE = "writes there twice"
    READS_STALE = "reads right after a write stale"
    JOURNEYS_LOST = "writes of journeys lost"
    JOURNEYS_TWICE = "writes of journeys there twice"
    JOURNEYS_WRONG = "writes of journeys with another value"
    EVENTS_LOST = "events lost"
    EVENTS_TWICE = "events visible twice"
    EVENTS_WRONG = "events with another value"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnjudgedHarm:
    """Harm that was measured and that no claim of the plan judges.

    Attributes:
        harm: what.
        count: how often; 1 or more.
    """

    harm: Harm
    count: int

    def __str__(self) -> str:
        return f"{self.count} {self.harm.value}"
