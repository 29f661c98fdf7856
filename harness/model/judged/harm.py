"""Harm that a run can measure: to users' writes and reads, and to the platform without a fault."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Harm(StrEnum):
    """One kind of harm; the spec of a figure names the kinds that it judges."""

    WRITES_LOST = "writes lost"
    WRITES_WRONG = "writes with another value"
    WRITES_TWICE = "writes there twice"
    WRITES_ABSENT = "writes absent from an earlier complete read"
    WRITES_REFUSED = "refused writes that are there"
    READS_STALE = "reads right after a write stale"
    JOURNEYS_LOST = "writes of journeys lost"
    JOURNEYS_TWICE = "writes of journeys there twice"
    JOURNEYS_WRONG = "writes of journeys with another value"
    EVENTS_LOST = "events lost"
    EVENTS_TWICE = "events visible twice"
    EVENTS_WRONG = "events with another value"
    READS_FAILED = "reads failed without a fault"
    READS_LATE = "reads late without a fault"
    WRITES_FAILED = "writes failed without a fault"
    WRITES_LATE = "writes late without a fault"
    REGION_READS_FAILED = "reads of regions failed without a fault"
    REGION_READS_LATE = "reads of regions late without a fault"
    HEALTH_FAILED = "probes of health failed without a fault"
    SERVICES_FAILED = "probes of services failed without a fault"
    REGION_READS_OUT = "outages of reads of regions that no fault hit"
    TWO_PRIMARIES = "seconds with two primaries"
    PRIMARY_CHANGED = "changes of the primary without a cause"
    RESTARTED = "containers started again without a cause"
    PODS_GONE = "pods gone without a cause"
    NODES_GONE = "nodes not ready without a cause"
    NODES_LOST = "nodes not ready at the end"
    PODS_LOST = "pods not ready at the end"
    MEMBERS_LOST = "members of the database not there at the end"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnjudgedHarm:
    """Harm that was measured and that no claim of the plan judges.

    Attributes:
        harm: kind of harm.
        count: number of cases, 1 or more.
    """

    harm: Harm
    count: int

    def __str__(self) -> str:
        return f"{self.count} {self.harm.value}"
