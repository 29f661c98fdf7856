"""The files of the watch: histories, and row files that are flushed each quarter of a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from harness import clock
from harness.drivers.watch.attendance import Attendance, receipt
from harness.evidence.histories.history import History
from harness.evidence.rows import FLUSH_S, RowWriter
from harness.model.records.table import Schema
from harness.units import NS_PER_S

_QUIET_NS: Final = 5 * NS_PER_S


class WatchRecorder:
    """Opens, flushes and closes the files of the watchers.

    Attributes:
        watch: history `watch`, with start, close and trouble of watchers.
        pods: history `pods`, with pods, nodes and database roles.
    """

    def __init__(self, run_directory: Path) -> None:
        self._run = run_directory
        self._folder = run_directory / "watch"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files: list[RowWriter] = []
        self._watchers: list[tuple[str, dict[str, Any]]] = []
        self._attendances: dict[str, list[Attendance]] = {}
        self._told_ns: dict[str, int] = {}
        self._histories: list[History] = []
        self.watch = self.history("watch")
        self.pods = self.history("pods")

    def rows(self, name: str, schema: Schema) -> RowWriter:
        """Open a new row file `watch/<name>.rows`."""
        writer = RowWriter(self._folder / f"{name}.rows", schema)
        self._files.append(writer)
        return writer

    def history(self, source: str) -> History:
        """Open a new history `history/<source>.ndjson`."""
        history = History(self._run / "history" / f"{source}.ndjson", source)
        self._histories.append(history)
        return history

    def started(self, watcher: str, spacing_ms: float, file: str, **more: Any) -> None:
        """Record that a watcher starts to probe every `spacing_ms` milliseconds and writes to `file`.

        `file` is relative to the run directory.
        """
        fields = {"spacing_ms": spacing_ms, "file": file, **more}
        self.watch.put("watch.started", watcher, **fields)
        self._watchers.append((watcher, fields))

    def respaced(self, watcher: str, spacing_ms: float) -> None:
        """Record that a watcher changes its spacing to `spacing_ms` milliseconds."""
        self.watch.put("watch.respaced", watcher, spacing_ms=spacing_ms)

    def attendance(self, watcher: str, of: str = "") -> Attendance:
        """Create the attendance of a schedule or stream of a watcher; its blind times are recorded.

        `of` names the probed object.
        """

        def blind(from_ns: int, until_ns: int) -> None:
            self.watch.put("watch.blind", watcher, of=of or watcher, from_ns=from_ns, until_ns=until_ns)

        attendance = Attendance(blind)
        self._attendances.setdefault(watcher, []).append(attendance)
        return attendance

    def trouble(self, subject: str, why: str) -> None:
        """Record why a watcher cannot watch; equal texts at most once in 5 s."""
        key, now_ns = f"{subject} {why}", clock.now_ns()
        if now_ns - self._told_ns.get(key, -_QUIET_NS) >= _QUIET_NS:
            self._told_ns[key] = now_ns
            self.watch.put("watch.trouble", subject, why=why)

    def flush(self) -> None:
        """Flush all rows to the operating system."""
        for file in self._files:
            file.flush()

    async def keep_flushing(self) -> None:
        """Flush each quarter of a second until cancelled."""
        while True:
            await clock.asleep(FLUSH_S)
            self.flush()

    def close(self) -> None:
        """Close all files, then record the end with the receipt of each watcher."""
        for file in self._files:
            file.close()
        for watcher, fields in self._watchers:
            self.watch.put("watch.closed", watcher, **fields, **receipt(self._attendances.get(watcher, [])))
        for history in self._histories:
            history.close()


@contextmanager
def recording(run_directory: Path) -> Iterator[WatchRecorder]:
    """A recorder that is closed after the block; after an error its files have no end record."""
    recorder = WatchRecorder(run_directory)
    with ExitStack() as failing:
        failing.callback(recorder.flush)
        yield recorder
        failing.pop_all()
    recorder.close()
