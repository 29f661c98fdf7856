"""Reads of the whole ledger, recorded: from the database after each restore, and through every region at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.drivers.watch import FinalReads
    from harness.evidence import History
    from harness.model import FinalRead
    from harness.targets import Target


class LedgerReads:
    """Reads, and what was found goes to the history. A target without a ledger is not read."""

    def __init__(self, target: Target, reads: FinalReads, history: History) -> None:
        self._reads = reads
        self._history = history
        self._has_database = target.database is not None and target.ledger is not None

    def database(self, after: str) -> None:
        """Read the database; `after` names the experiment whose restore it follows, or `end`."""
        if self._has_database:
            self._put(self._reads.read(after))

    def regions(self, after: str) -> None:
        """Read through the entry of every region that has one."""
        for read in self._reads.read_regions(after):
            self._put(read)

    def _put(self, read: FinalRead) -> None:
        self._history.put(
            "final-read",
            str(read.round),
            after=read.after,
            source=read.source,
            complete=read.complete,
            at_ns=read.at_ns,
            rows=read.rows,
            why=read.why,
        )
