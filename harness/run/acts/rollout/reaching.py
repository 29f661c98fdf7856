"""Which step a rollout has reached, and whether the candidate answers in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.evidence import RowTail
from harness.model import SAMPLES
from harness.model.planned.rollout import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CLOSE: Final = 0.005
"""Shares that differ by less are equal: weights are whole percents."""


def step_of(given: float, steps: Sequence[float], reached: int) -> int:
    """The number of the step that a rollout has reached: the later step nearest to the share.

    `reached` if the share has not risen.

    Args:
        given: share of the requests that the candidate gets now.
        steps: expected share at each step.
        reached: number of the last step that was reached; -1: none yet.
    """
    last = steps[reached] if reached >= 0 else 0.0
    later = range(reached + 1, len(steps))
    if not later or given <= _CLOSE:
        return reached
    nearest = min(later, key=lambda number: abs(steps[number] - given))
    if abs(steps[nearest] - given) < abs(last - given) - _CLOSE and (nearest < len(steps) - 1 or given >= ALL - _CLOSE):
        return nearest
    return reached


class CandidateAnswers:
    """Counts the answers of the candidate while they are recorded.

    Args:
        rows: the workers' row files.
        candidate: release of the candidate, as its answers name it.
    """

    def __init__(self, rows: Sequence[Path], candidate: str) -> None:
        self._tails = [RowTail(path, SAMPLES) for path in rows]
        self._candidate = candidate
        self._since_ns = 0
        self.count = 0

    def begin(self, at_ns: int) -> None:
        """Restart the count for the next step: only requests due at `at_ns` or later count."""
        self._since_ns, self.count = at_ns, 0

    def poll(self) -> None:
        """Count the answers in the rows that were written since the last call."""
        for rows in (tail.poll() for tail in self._tails):
            own = rows.words["release"].equals(self._candidate) & (rows.ints["intended_ns"] >= self._since_ns)
            self.count += int(own.sum())
