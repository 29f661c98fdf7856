"""Checks during the run whether every region gives its share of the answers again after a fault."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.evidence import RowTail
from harness.model import SAMPLES, Table
from harness.model.planned.domain import PartsState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LAST_S: Final = 5.0
_FEWEST, _MOST = 50, 400
"""Smallest and largest number of the latest answers that count; in between, the answers of the last five seconds count."""


class Shares:
    """Follows the samples of one traffic while they are written.

    Args:
        rows: row files of the workers.
        expected: region → expected share of the answers, 0 to 1; empty: the shares are not checked.
        requests_per_s: rate of the traffic.
    """

    def __init__(self, rows: Sequence[Path], expected: Mapping[str, float], requests_per_s: float) -> None:
        self._tails = [RowTail(path, SAMPLES) for path in rows] if expected else []
        self._expected = dict(expected)
        self._most = min(max(round(_LAST_S * requests_per_s), _FEWEST), _MOST)
        self._recent = Table.empty(SAMPLES)

    def now(self) -> PartsState:
        """Whether the regions gave the expected shares of the latest answers; otherwise the first region that did not."""
        if not self._expected:
            return PartsState(ok=True, why="")
        rows = Table.merged(SAMPLES, [self._recent, *(tail.poll() for tail in self._tails)])
        answers = rows.where(~rows.words["served_region"].missing).sorted_by("done_ns")
        self._recent = answers.where(np.arange(len(answers)) >= len(answers) - self._most)
        return shared_as(self._recent, self._expected)


def shared_as(answers: Table, expected: Mapping[str, float]) -> PartsState:
    """Whether each region gave its expected share of these answers, within the margin of chance.

    Otherwise `why` names the first region that deviates. The margin is 3.3 standard deviations of a share of one half, and at
    least 8 percentage points: with 400 answers the loss of a region that serves a tenth of the traffic is detected.
    """
    total = len(answers)
    if total < _FEWEST:
        return PartsState(ok=False, why=f"only {total} answers so far, expected at least {_FEWEST}")
    margin = max(0.08, 3.3 * math.sqrt(0.25 / total))
    for region, share in expected.items():
        measured = int(np.count_nonzero(answers.words["served_region"].equals(region))) / total
        if abs(measured - share) > margin:
            why = f"{region} gives {100 * measured:.0f} % of the latest {total} answers, expected {100 * share:g} %"
            return PartsState(ok=False, why=why)
    return PartsState(ok=True, why="")
