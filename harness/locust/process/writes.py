"""Writes of journeys that are read back after the load.

One row a write, in a file beside the samples.
"""

from __future__ import annotations

from pathlib import Path

from harness.evidence.rows import RowWriter
from harness.model.items import JOURNEY_WRITES


class WriteLog:
    """Takes the writes of one worker; its file is made by the first of them.

    Args:
        path: of the row file; None: nothing is recorded.
        worker: number of the worker.
    """

    def __init__(self, path: Path | None, *, worker: int) -> None:
        self._path = path
        self._worker = worker
        self._writer: RowWriter | None = None

    def put(self, account: str, outcome: str, *, item: int, value: int, sent_ns: int, done_ns: int) -> None:
        """Record one write; fields as in JOURNEY_WRITES."""
        if self._path is None:
            return
        if self._writer is None:
            self._writer = RowWriter(self._path, JOURNEY_WRITES)
        self._writer.put((item, self._worker, sent_ns, done_ns, value), (account, outcome))

    def flush(self) -> None:
        """Hand the rows to the operating system."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """End the file in order; later writes are not recorded."""
        if self._writer is not None:
            self._writer.close()
        self._path = self._writer = None
