"""Closes the evidence of a run: converts row files to Parquet, splits samples by window, and hashes all files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import EvidenceError, MissingEvidence
from harness.evidence.clocks import Shift, load_shifts, worker_of
from harness.evidence.histories.history import read_history
from harness.evidence.histories.windows import spans
from harness.evidence.manifest import write_manifest
from harness.evidence.parquet import ParquetWriter
from harness.evidence.rows import RowFile
from harness.model import SAMPLES, Schema, Table
from harness.model.records.recorded import RECORDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.evidence.histories.history import History
    from harness.evidence.run_directory import RunDirectory
    from harness.model import Plan


def seal(directory: RunDirectory, plan: Plan) -> None:
    """Close the evidence after all writers have ended.

    The function may be called again after an interruption.

    Raises:
        EvidenceError: a file cannot be written, for example because the disk is full; the other files stay unchanged.
    """
    try:
        _seal_all(directory, plan)
    except OSError as error:
        raise EvidenceError(
            f"the evidence of the run cannot be closed: {error.strerror or error}", where=str(directory.path)
        ) from error


def _seal_all(directory: RunDirectory, plan: Plan) -> None:
    run = directory.path / "history" / "run.ndjson"
    windows = spans(read_history(run)[0]) if run.exists() else []
    history = directory.history("seal")
    try:
        shifts = load_shifts(directory)
        for rows in sorted(directory.path.glob("load/*/samples-*.rows")):
            name = rows.with_suffix(".parquet").name
            own = [window for window in windows if window.traffic == rows.parent.name]
            parts = {directory.path / window.directory() / name: (window.start_ns, window.end_ns) for window in own}
            rest = rows.parent / name.replace("samples-", "rest-")
            _seal(rows, SAMPLES, directory, history, _Cut(rest, parts, shifts.get(worker_of(rows))))
        for table in RECORDED:
            for rows in sorted(directory.path.glob(f"{table.files}.rows")):
                whole = _Cut(rows.with_suffix(".parquet"), {}, shifts.get(worker_of(rows)))
                _seal(rows, table.schema, directory, history, whole)
    finally:
        history.close()
    write_manifest(directory, plan)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Which rows go where: those due in a span into its file, what lies in none into `rest`."""

    rest: Path
    parts: Mapping[Path, tuple[int, int]]
    shift: Shift | None = None

    def apart(self, rows: Table) -> Iterable[tuple[Path, Table]]:
        """The given rows by target file, with times on the run's clock."""
        rows = self.shift.aligned(rows) if self.shift else rows
        left = np.ones(len(rows), dtype=np.bool_)
        for path, (start_ns, end_ns) in self.parts.items():
            due = rows.ints["intended_ns"]
            inside = (due >= start_ns) & (due < end_ns)
            yield path, rows.where(inside)
            left &= ~inside
        yield self.rest, rows.where(left)


def _seal(path: Path, schema: Schema, directory: RunDirectory, history: History, cut: _Cut) -> None:
    """Convert a row file to Parquet and record whether it was complete.

    An unreadable one is left in place.
    """
    file = RowFile(path, schema)
    parts = dict.fromkeys((directory.relative(made) for made in (*cut.parts, cut.rest)), 0)
    try:
        with ExitStack() as stack:
            writers = {made: stack.enter_context(ParquetWriter(made, schema)) for made in (*cut.parts, cut.rest)}
            for rows in file:
                for made, part in cut.apart(rows):
                    if len(part):
                        writers[made].add(part)
                        parts[directory.relative(made)] += len(part)
    except MissingEvidence as error:
        history.put("rows.unreadable", directory.relative(path), why=error.what)
        return
    history.put(
        "rows.sealed",
        directory.relative(path),
        rows=file.rows,
        closed=file.closed,
        truncated_bytes=file.truncated_bytes,
        parts=parts,
    )
    path.unlink()
