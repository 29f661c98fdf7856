"""Reads the load generators of a run from its history: start, end and health figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.model.observations import ClockAligned, LoadBegun, LoadHealth, LoadStopping, WorkerEnded, every
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model import Observation, Worker

USUAL = 0.95
"""The share of seconds that must be within a health limit, so that one bad second in twenty does not count.
"""


_CORRECT: Final = "correct the error in the locustfile, then run again"
_AGAIN: Final = "correct the cause in load/{traffic}/locust.log, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Generators:
    """The load generators of one traffic, from a history ordered by time."""

    traffic: str
    begin_ns: int | None
    stopped_ns: int | None
    health: tuple[LoadHealth, ...]
    aligned: tuple[ClockAligned, ...]
    ended: tuple[WorkerEnded, ...]
    shaped: frozenset[int] = frozenset()

    @classmethod
    def of(cls, traffic: str, observations: Iterable[Observation]) -> Generators:
        """The load generators of a traffic; the last start counts."""
        own = [o for o in observations if o.subject == traffic]
        begun = [begun.begin_ns for begun in every(LoadBegun, own)]
        stopped = [stopping.at_ns for stopping in every(LoadStopping, own)]
        health = tuple(every(LoadHealth, own))
        return cls(
            traffic=traffic,
            begin_ns=begun[-1] if begun else None,
            stopped_ns=stopped[-1] if stopped else None,
            health=health,
            shaped=frozenset(second.worker for second in health if second.shaped),
            aligned=tuple(every(ClockAligned, own)),
            ended=tuple(every(WorkerEnded, own)),
        )

    def described(self, worker: Worker, start_ns: int, end_ns: int) -> Worker:
        """The worker with its health figures for each second of a window."""
        reported = self._reported(worker.id, start_ns, end_ns)
        within = [second for second in reported if second.at_ns <= end_ns]
        shifts, broken = [shift for shift in self.aligned if shift.worker == worker.id], _broken(reported)
        earlier = _broken([second for second in self.health if second.worker == worker.id and second.at_ns < start_ns])
        died, hint = self._died(worker.id)
        return replace(
            worker,
            why="; ".join(filter(None, [broken, worker.why])),
            hint=hint if died else _CORRECT if broken else earlier and f"{earlier}; {_CORRECT}",
            died=died,
            cpu=_usual([second.cpu for second in within]),
            gc_ms=_usual([second.gc_ms for second in within]),
            loop_ms=_usual([second.loop_ms for second in within]),
            users=min((second.users for second in within if second.users is not None), default=None),
            shaped=worker.id in self.shaped,
            silent=min((second.silent for second in within), default=0),
            offset_ns=max((shift.offset_ns for shift in shifts), key=abs, default=0),
            residual_ns=max((shift.residual_ns for shift in shifts), default=0),
        )

    def _died(self, worker: int) -> tuple[str, str]:
        """When and why a worker ended unexpectedly, and what to do about it; both empty if it was stopped."""
        for end in self.ended:
            early = self.stopped_ns is None or end.recorded_ns < self.stopped_ns
            if end.worker == worker and end.why and early:
                after_s = (end.recorded_ns - (self.begin_ns or end.recorded_ns)) / NS_PER_S
                return f"at {after_s:.0f} s (exit {end.exit}): {end.why}", end.hint or _AGAIN.format(
                    traffic=self.traffic
                )
        return "", ""

    def _reported(self, worker: int, start_ns: int, end_ns: int) -> list[LoadHealth]:
        """A worker's reports on a span.

        Each covers the second before it, so the first after the end counts too.
        """
        own = (second for second in self.health if second.worker == worker and second.at_ns >= start_ns)
        ordered = sorted(own, key=lambda second: second.at_ns)
        return ordered[: 1 + sum(second.at_ns <= end_ns for second in ordered)]


def _broken(reported: list[LoadHealth]) -> str:
    """A text on journeys that ended because of an error in the locustfile, so that requests are missing.

    Empty if there were none.
    """
    broken = [second for second in reported if second.broken]
    if not broken:
        return ""
    count = sum(second.broken for second in broken)
    why = broken[0].broken_why or "no reason given"
    return f"{count} journeys ended with an error in the locustfile, the first with {why}"


def _usual(values: list[float]) -> float | None:
    """The smallest value that a share USUAL of the values does not exceed; None without values."""
    return float(np.quantile(values, USUAL, method="inverted_cdf")) if values else None
