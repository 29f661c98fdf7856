"""Converts rows of workers on other machines to the clock of the run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.evidence.histories.history import read_history
from harness.model.observations import ClockAligned, every

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.evidence.run_directory import RunDirectory
    from harness.model import Observation, Table
    from harness.model.records.table import Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """Offset of a worker's clock to the clock of the run.

    The offset is measured repeatedly, and interpolated linearly.
    """

    at_ns: Ints
    offset_ns: Ints

    def aligned(self, rows: Table) -> Table:
        """The rows with times on the run's clock; the time 0 means no time and is unchanged."""
        times = {name: rows.ints[name] for name in rows.schema.ints if name.endswith("_ns")}
        shifted = {name: np.where(at > 0, at + self._offsets(at), at) for name, at in times.items()}
        return replace(rows, ints={**rows.ints, **shifted})

    def _offsets(self, at_ns: Ints) -> Ints:
        # relative to the first, for the digits of a float would not do for nanoseconds since the machine began
        first = self.offset_ns[0]
        since = np.interp(at_ns - self.at_ns[0], self.at_ns - self.at_ns[0], self.offset_ns - first)
        offsets: Ints = first + np.rint(since).astype(np.int64)
        return offsets


def shifts_of(observations: Iterable[Observation]) -> Mapping[tuple[str, int], Shift]:
    """Clock offsets by traffic and worker number.

    The result contains only workers whose clock was measured and differs from the run's clock.
    """
    seen: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for aligned in every(ClockAligned, observations):
        seen[aligned.subject, aligned.worker].append((aligned.at_ns, aligned.offset_ns))
    shifts = {}
    for key, measures in seen.items():
        at_ns, offset_ns = np.array(sorted(measures), dtype=np.int64).T
        if offset_ns.any():
            shifts[key] = Shift(at_ns=at_ns, offset_ns=offset_ns)
    return shifts


def load_shifts(directory: RunDirectory) -> Mapping[tuple[str, int], Shift]:
    """The clock offsets that a run recorded."""
    return shifts_of(o for path in directory.path.glob("history/load-clock-*.ndjson") for o in read_history(path)[0])


def worker_of(file: Path) -> tuple[str, int]:
    """Traffic and worker number of `load/<traffic>/samples-<worker>.rows`, or of a file with a similar name."""
    number = file.stem.rpartition("-")[2]
    return file.parent.name, int(number) if number.isdigit() else 0
