"""What the watch has seen so far, for whoever conducts the run: were reads and writes answered?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from harness.evidence.rows import RowTail
from harness.model.table import LEDGER_WRITES, PROBES, Bools, Ints, Table

_KEEP: Final = 20_000
"""Rows kept of each: six minutes of reads during a fault and eleven of writes, more than any experiment lasts."""


class LiveView:
    """Follows the entry's reads and the ledger's writes while they are written."""

    def __init__(self, run_directory: Path) -> None:
        self._entry = RowTail(run_directory / "watch" / "entry.rows", PROBES)
        self._ledger = RowTail(run_directory / "watch" / "ledger-writes.rows", LEDGER_WRITES)
        self._reads = _Series()
        self._writes = _Series()

    def poll(self) -> None:
        """Take up what was written since the last call."""
        entry = self._entry.poll()
        reads = entry.where(entry.words["kind"].equals("read"))
        self._reads.add(reads, "due_ns", reads.words["error"].missing)
        writes = self._ledger.poll()
        self._writes.add(writes, "intended_ns", writes.words["outcome"].equals("ok"))

    def reads(self) -> tuple[Ints, Bools]:
        """When reads at the entry were due (ns, ascending), and whether each was answered as it should be."""
        return self._reads.ordered()

    def writes(self) -> tuple[Ints, Bools]:
        """When ledger writes were due (ns, ascending), and whether each was acknowledged."""
        return self._writes.ordered()


class _Series:
    def __init__(self) -> None:
        self._times: Ints = np.empty(0, dtype=np.int64)
        self._ok: Bools = np.empty(0, dtype=np.bool_)

    def add(self, rows: Table, column: str, ok: Bools) -> None:
        self._times = np.concatenate([self._times, rows.ints[column]])[-_KEEP:]
        self._ok = np.concatenate([self._ok, ok])[-_KEEP:]

    def ordered(self) -> tuple[Ints, Bools]:
        order = np.argsort(self._times, kind="stable")
        return self._times[order], self._ok[order]
