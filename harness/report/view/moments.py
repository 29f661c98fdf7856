"""Converts times of a run into wall time, from the run's record; reports never read a clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.model import Claim, DemandKind, Evidence, Observation, Plan
from harness.units import NS_PER_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """Converts the run's monotonic time into wall time, using one observation that has both.

    Attributes:
        start_ns: monotonic start of the run; None if not recorded.
        end_ns: monotonic end of the run; None if not recorded.
        wall: wall time at `wall_ns`; None if not recorded.
        wall_ns: monotonic time of the observation.
    """

    start_ns: int | None
    end_ns: int | None
    wall: datetime | None
    wall_ns: int

    @classmethod
    def of(cls, evidence: Evidence) -> Moments:
        """Moments from the recorded start of the run; if it was not recorded, from the first observation."""
        seen = evidence.observations
        first = next((o for o in seen if o.kind == "run.started"), seen[0] if seen else None)
        last = next((o for o in reversed(seen) if o.kind == "run.ended"), seen[-1] if seen else None)
        return cls(
            start_ns=first.mono_ns if first else None,
            end_ns=last.mono_ns if last else None,
            wall=_wall(first),
            wall_ns=first.mono_ns if first else 0,
        )

    def ms(self, mono_ns: int | None) -> int | None:
        """Milliseconds since 1970 of a monotonic time, for Allure; None if the wall time is unknown."""
        if self.wall is None or mono_ns is None:
            return None
        return round(self.wall.timestamp() * 1000) + (mono_ns - self.wall_ns) // 1_000_000

    def text(self, mono_ns: int | None) -> str:
        """The wall time as text, `2026-03-01 14:05:09 UTC+00:00`; empty if unknown."""
        if self.wall is None or mono_ns is None:
            return ""
        at = self.wall + timedelta(microseconds=(mono_ns - self.wall_ns) // 1000)
        return at.strftime("%Y-%m-%d %H:%M:%S %Z").strip()

    @property
    def seconds(self) -> float | None:
        """The length of the run in seconds; None if not recorded."""
        if self.start_ns is None or self.end_ns is None:
            return None
        return (self.end_ns - self.start_ns) / NS_PER_S

    def of_claim(self, plan: Plan, evidence: Evidence, claim: Claim) -> tuple[int | None, int | None]:
        """Start and end of the evidence of a scenario, in ns; if unknown, of the run."""
        spans = [span for key in claim.demands for span in _gathered(plan, evidence, key)]
        if not spans:
            return self.start_ns, self.end_ns
        return min(start for start, _ in spans), max(end for _, end in spans)


def _wall(observation: Observation | None) -> datetime | None:
    if observation is None:
        return None
    try:
        wall = datetime.fromisoformat(observation.wall)
    except ValueError:
        return None
    return wall if wall.tzinfo else None


def _gathered(plan: Plan, evidence: Evidence, key: str) -> Iterable[tuple[int, int]]:
    demand = plan.demand.get(key)
    if demand is None:
        return
    if demand.kind == DemandKind.TRAFFIC:
        yield from (window.span for window in evidence.fault_free(demand.name)[:1])
    elif demand.kind == DemandKind.EXPERIMENT:
        for attempt in evidence.experiments.get(demand.name, ()):
            yield attempt.observed_from_ns, attempt.observed_until_ns
    elif (check := evidence.checks.get(key)) and check.facts:
        yield min(fact.at_ns for fact in check.facts), max(fact.at_ns for fact in check.facts)
