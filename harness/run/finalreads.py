"""Reads of the whole ledger, recorded.

It is read from the database, or through the entry where none is named, and through every region at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from harness.drivers.watch import FinalReads
    from harness.model import FinalRead, Sink
    from harness.targets import Target


END: Final = "end"
"""What the last reads follow."""


class LedgerReads:
    """Reads, and what was found goes to the history. A target without a ledger is not read."""

    def __init__(self, target: Target, reads: FinalReads, history: Sink) -> None:
        self._reads = reads
        self._history = history
        self._has_database = target.database is not None and target.ledger is not None

    def restored(self, experiment: str) -> None:
        """Read what is there after the restore of an experiment."""
        if self._has_database:
            self._put(self._reads.read(experiment))
        else:
            self._put(*self._reads.read_entry(experiment))

    def end(self) -> None:
        """Read what is there at the end, when no write is sent any more.

        It is read through the entries, and then from the database.
        """
        self._put(*self._reads.read_entries(END))
        if self._has_database:
            self._put(self._reads.read(END))

    def _put(self, *reads: FinalRead) -> None:
        for read in reads:
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
