"""Live view of the watch for the scheduler: the reads and writes recorded so far."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from harness.evidence.rows import RowTail
from harness.model.records.items import LEDGER_WRITES
from harness.model.records.table import PROBES, Bools, Ints

_KEEP: Final = 20_000
"""Number of rows kept per table: six minutes of reads during a fault, eleven minutes of writes."""


class RecentRequests(NamedTuple):
    """Due time (ns, ascending), success and completion time of each request."""

    due_ns: Ints
    ok: Bools
    done_ns: Ints


class LiveView:
    """Follows the entry's reads and the ledger's writes while they are written."""

    def __init__(self, run_directory: Path) -> None:
        self._entry = RowTail(run_directory / "watch" / "entry.rows", PROBES)
        self._ledger = RowTail(run_directory / "watch" / "ledger-writes.rows", LEDGER_WRITES)
        self._reads = _Series()
        self._writes = _Series()

    def poll(self) -> None:
        """Read the rows that were written since the last call."""
        entry = self._entry.poll()
        reads = entry.where(entry.words["kind"].equals("read"))
        self._reads.add(reads.ints["due_ns"], reads.ints["done_ns"], reads.words["error"].missing)
        writes = self._ledger.poll()
        self._writes.add(
            writes.ints["intended_ns"], writes.ints["accepted_ns"], writes.words["outcome"].equals("accepted")
        )

    def reads(self) -> RecentRequests:
        """The reads at the entry, ordered by due time."""
        return self._reads.ordered()

    def writes(self) -> RecentRequests:
        """The writes of the ledger, ordered by due time; `ok` means acknowledged."""
        return self._writes.ordered()


class _Series:
    def __init__(self) -> None:
        self._due: Ints = np.empty(0, dtype=np.int64)
        self._done: Ints = np.empty(0, dtype=np.int64)
        self._ok: Bools = np.empty(0, dtype=np.bool_)

    def add(self, due_ns: Ints, done_ns: Ints, ok: Bools) -> None:
        self._due = np.concatenate([self._due, due_ns])[-_KEEP:]
        self._done = np.concatenate([self._done, done_ns])[-_KEEP:]
        self._ok = np.concatenate([self._ok, ok])[-_KEEP:]

    def ordered(self) -> RecentRequests:
        order = np.argsort(self._due, kind="stable")
        return RecentRequests(due_ns=self._due[order], ok=self._ok[order], done_ns=self._done[order])
