"""Reads the complete ledger and records the result.

The ledger is read from the database, or through the entry if no database is named. At the end it is also read through every region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from harness.drivers.watch import FinalReads
    from harness.model import FinalRead, Sink
    from harness.targets import Target


END: Final = "end"
"""Name under which the reads at the end of the run are recorded."""


class LedgerReads:
    """Reads the ledger and records the result in the history; does nothing for a target without a ledger."""

    def __init__(self, target: Target, reads: FinalReads, history: Sink) -> None:
        self._reads = reads
        self._history = history
        self._has_database = target.database is not None and target.ledger is not None

    def restored(self, experiment: str) -> None:
        """Read the ledger after the restore of an experiment."""
        if self._has_database:
            self._put(self._reads.read(experiment))
        else:
            self._put(*self._reads.read_entry(experiment))

    def end(self) -> None:
        """Read the ledger at the end, when no more writes are sent.

        The ledger is read through the entries, and then from the database.
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
