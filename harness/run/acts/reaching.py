"""Which step a rollout has reached, and whether the candidate answers in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.evidence import RowTail
from harness.model import SAMPLES
from harness.model.rollout import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CLOSE: Final = 0.005
"""Shares that differ by less are equal: weights are whole percents."""


def step_of(given: float, steps: Sequence[float], reached: int) -> int:
    """The step that a share is nearest to, from the next one on.

    The one that was reached where the share has not risen.

    Args:
        given: share that the candidate is given now.
        steps: as expected.
        reached: number of the last one; -1: none yet.
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
    """Counts the answers of the candidate while they come.

    Args:
        rows: the workers' row files.
        candidate: as its answers name it.
    """

    def __init__(self, rows: Sequence[Path], candidate: str) -> None:
        self._tails = [RowTail(path, SAMPLES) for path in rows]
        self._candidate = candidate
        self._since_ns = 0
        self.count = 0

    def begin(self, at_ns: int) -> None:
        """Count the answers of another step from now on."""
        self._since_ns, self.count = at_ns, 0

    def poll(self) -> None:
        """Read the rows that are new."""
        for rows in (tail.poll() for tail in self._tails):
            own = rows.words["release"].equals(self._candidate) & (rows.ints["intended_ns"] >= self._since_ns)
            self.count += int(own.sum())
