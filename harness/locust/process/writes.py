"""Records reports of journeys: writes that are read back after the load, their repetitions, and sign-ins.

Each report is one row in a file of the samples' directory.
"""

from __future__ import annotations

from pathlib import Path

from harness.evidence.rows import RowWriter
from harness.model.records.items import JOURNEY_REPEATS, JOURNEY_WRITES, SIGN_INS
from harness.model.records.table import Schema


class _RowLog:
    """Rows of one worker; their file is made by the first of them.

    Args:
        path: of the row file; None: nothing is recorded.
        worker: number of the worker.
        schema: of the rows.
    """

    def __init__(self, path: Path | None, *, worker: int, schema: Schema) -> None:
        self._path = path
        self._worker = worker
        self._schema = schema
        self._writer: RowWriter | None = None

    def _put(self, ints: tuple[int, ...], words: tuple[str, ...]) -> None:
        if self._path is None:
            return
        if self._writer is None:
            self._writer = RowWriter(self._path, self._schema)
        self._writer.put(ints, words)

    def flush(self) -> None:
        """Write the buffered rows to the operating system."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Write the end record; later rows are not recorded."""
        if self._writer is not None:
            self._writer.close()
        self._path = self._writer = None


class WriteLog(_RowLog):
    """Records the writes of one worker."""

    def __init__(self, path: Path | None, *, worker: int) -> None:
        super().__init__(path, worker=worker, schema=JOURNEY_WRITES)

    def put(self, account: str, outcome: str, *, item: int, value: int, sent_ns: int, done_ns: int) -> None:
        """Record one write; the arguments are the columns of JOURNEY_WRITES."""
        self._put((item, self._worker, sent_ns, done_ns, value), (account, outcome))


class RepeatLog(_RowLog):
    """Records the writes of one worker that were sent a second time with their key."""

    def __init__(self, path: Path | None, *, worker: int) -> None:
        super().__init__(path, worker=worker, schema=JOURNEY_REPEATS)

    @property
    def records(self) -> bool:
        """Whether rows are recorded; if not, no write is sent a second time."""
        return self._path is not None

    def put(
        self, account: str, item: int, *, first_ns: int, sent_ns: int, done_ns: int, answer: tuple[int, int]
    ) -> None:
        """Record one repetition; the arguments are the columns of JOURNEY_REPEATS.

        Args:
            account: account of the write.
            item: id of the item that the first request wrote.
            first_ns: send time of the first request.
            sent_ns: send time of the second request.
            done_ns: time of the answer to the second request, or of its failure.
            answer: status of the answer, and the id in it.
        """
        self._put((item, self._worker, sent_ns, done_ns, first_ns, *answer), (account,))


class SignInLog(_RowLog):
    """Records the sign-ins of one worker."""

    def __init__(self, path: Path | None, *, worker: int) -> None:
        super().__init__(path, worker=worker, schema=SIGN_INS)

    def put(self, outcome: str, *, user: int, sent_ns: int, done_ns: int) -> None:
        """Record one sign-in; the arguments are the columns of SIGN_INS."""
        self._put((user, self._worker, sent_ns, done_ns), (outcome,))
