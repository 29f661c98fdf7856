"""Reads the windows of a run from its history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.model import Phase, samples_directory
from harness.model.observations import WindowClosed, WindowOpened, every

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model import Observation


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowSpan:
    """A window, as the run's history has it."""

    name: str
    phase: Phase
    traffic: str
    experiment: str
    start_ns: int
    end_ns: int
    journeys_per_s: float
    requests_per_journey: float

    @classmethod
    def of(cls, opened: WindowOpened, closed: WindowClosed) -> WindowSpan:
        """The window between two observations."""
        return cls(
            name=opened.subject,
            phase=Phase(opened.phase),
            traffic=opened.traffic,
            experiment=opened.experiment,
            start_ns=opened.start_ns,
            end_ns=closed.end_ns,
            journeys_per_s=opened.journeys_per_s,
            requests_per_journey=opened.requests_per_journey,
        )

    def directory(self) -> str:
        """Directory of its samples, relative to the run directory."""
        return samples_directory(self.name)


def spans(observations: Iterable[Observation]) -> list[WindowSpan]:
    """The windows that were opened and closed, ordered by time; of equal names the last window counts."""
    seen = list(observations)
    opened = {window.subject: window for window in every(WindowOpened, seen)}
    ends = [end for end in every(WindowClosed, seen) if end.subject in opened]
    found = {span.name: span for span in (WindowSpan.of(opened[end.subject], end) for end in ends)}
    return sorted(found.values(), key=lambda span: (span.start_ns, span.name))
