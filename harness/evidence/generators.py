"""What a run's history says of its load generators: when they began and ended, and how each fared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model import Observation, Worker

USUAL = 0.95
"""A generator is described by what it was like in this share of the seconds: one bad second in twenty is no state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Generators:
    """The generators of one traffic, out of a history that is in order of time."""

    begin_ns: int | None
    stopped_ns: int | None
    health: tuple[Observation, ...]
    aligned: tuple[Observation, ...]

    @classmethod
    def of(cls, traffic: str, observations: Iterable[Observation]) -> Generators:
        """Those of a traffic; the last beginning stands."""
        own = [o for o in observations if o.subject == traffic]
        begun = [int(o.fields["begin_ns"]) for o in own if o.kind == "load.begun"]
        stopped = [int(o.fields["at_ns"]) for o in own if o.kind == "load.stopping"]
        return cls(
            begin_ns=begun[-1] if begun else None,
            stopped_ns=stopped[-1] if stopped else None,
            health=tuple(o for o in own if o.kind == "load.health"),
            aligned=tuple(o for o in own if o.kind == "clock.aligned"),
        )

    def described(self, worker: Worker, start_ns: int, end_ns: int) -> Worker:
        """The worker with how it fared from second to second of a window."""
        told = self._told(worker.id, start_ns, end_ns)
        seen = [fields for fields in told if int(fields["at_ns"]) <= end_ns]
        shifts = [o.fields for o in self.aligned if int(o.fields["worker"]) == worker.id]
        users = [int(fields["users"]) for fields in seen if "users" in fields]
        return replace(
            worker,
            why=worker.why or _broken(told),
            cpu=_usual([float(fields["cpu"]) for fields in seen]),
            gc_ms=_usual([float(fields["gc_ms"]) for fields in seen]),
            loop_ms=_usual([float(fields["loop_ms"]) for fields in seen]),
            users=min(users, default=None),
            offset_ns=max((int(fields["offset_ns"]) for fields in shifts), key=abs, default=0),
            residual_ns=max((int(fields["residual_ns"]) for fields in shifts), default=0),
        )

    def _told(self, worker: int, start_ns: int, end_ns: int) -> list[dict[str, Any]]:
        """What a worker told of a time: each second tells of the one before it, so the first after the end does too."""
        own = [dict(o.fields) for o in self.health if int(o.fields["worker"]) == worker]
        own = sorted((told for told in own if int(told["at_ns"]) >= start_ns), key=lambda told: int(told["at_ns"]))
        return own[: 1 + sum(int(told["at_ns"]) <= end_ns for told in own)]


def _broken(seen: list[dict[str, Any]]) -> str:
    """How many journeys ended by a mistake of their author, so that not all was sent; empty when none did."""
    told = [fields for fields in seen if fields.get("broken")]
    if not told:
        return ""
    count = sum(int(fields["broken"]) for fields in told)
    why = told[0].get("broken_why", "no reason given")
    return f"{count} journeys broke by a mistake in the locustfile, the first with {why}: fix it and run again"


def _usual(values: list[float]) -> float | None:
    """The smallest value that USUAL of them do not exceed; None of nothing."""
    return float(np.quantile(values, USUAL, method="inverted_cdf")) if values else None
