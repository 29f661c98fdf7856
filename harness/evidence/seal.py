"""Sealing: row files become Parquet, samples are cut into their windows, everything is hashed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.errors import MissingEvidence
from harness.evidence.history import read_history
from harness.evidence.manifest import write_manifest
from harness.evidence.parquet import write_parquet
from harness.evidence.rows import RowsRead, read_rows
from harness.model import (
    LEDGER_FINAL,
    LEDGER_READS,
    LEDGER_WRITES,
    PIPELINE,
    PROBES,
    REPLICAS,
    SAMPLES,
    Schema,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.evidence.history import History
    from harness.evidence.run_directory import RunDirectory
    from harness.model import Observation, Plan

WATCH_TABLES: Final[dict[str, Schema]] = {
    "entry": PROBES,
    "regions": PROBES,
    "replicas": REPLICAS,
    "ledger-writes": LEDGER_WRITES,
    "ledger-final": LEDGER_FINAL,
    "ledger-reads": LEDGER_READS,
    "pipeline": PIPELINE,
}
"""The tables under `watch/`, by file name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowSpan:
    """A window as the run's history tells it."""

    subject: str
    traffic: str
    start_ns: int
    end_ns: int
    journeys_per_s: float
    requests_per_journey: int

    @property
    def experiment(self) -> str:
        """The experiment it lies under; empty for the fault-free window."""
        return self.subject.removeprefix("experiment:") if self.subject.startswith("experiment:") else ""

    def directory(self) -> str:
        """Where its samples stand, relative to the run directory."""
        return f"chaos/{self.experiment}/load" if self.experiment else f"load/{self.traffic}"


def spans(observations: Iterable[Observation]) -> list[WindowSpan]:
    """The windows that were opened and closed, the last one of each subject."""
    opened: dict[str, Observation] = {}
    found: dict[str, WindowSpan] = {}
    for observation in observations:
        if observation.kind == "window.opened":
            opened[observation.subject] = observation
        elif observation.kind == "window.closed" and observation.subject in opened:
            fields = opened[observation.subject].fields
            found[observation.subject] = WindowSpan(
                subject=observation.subject,
                traffic=str(fields["traffic"]),
                start_ns=int(fields["start_ns"]),
                end_ns=int(observation.fields["end_ns"]),
                journeys_per_s=float(fields["journeys_per_s"]),
                requests_per_journey=int(fields["requests_per_journey"]),
            )
    return list(found.values())


def seal(directory: RunDirectory, plan: Plan) -> None:
    """Make the evidence final; every writer must have ended. May be called again after it was cut short."""
    run = directory.path / "history" / "run.ndjson"
    windows = spans(read_history(run)[0]) if run.exists() else []
    history = directory.history("seal")
    try:
        for rows in sorted(directory.path.glob("load/*/samples-*.rows")):
            if (table := _read(rows, SAMPLES, directory, history)) is not None:
                _cut(table, rows, windows, directory)
                rows.unlink()
        for name, schema in WATCH_TABLES.items():
            rows = directory.path / "watch" / f"{name}.rows"
            if rows.exists() and (table := _read(rows, schema, directory, history)) is not None:
                write_parquet(table, rows.with_suffix(".parquet"))
                rows.unlink()
    finally:
        history.close()
    write_manifest(directory, plan)


def _read(path: Path, schema: Schema, directory: RunDirectory, history: History) -> Table | None:
    """Read a row file and put on record how whole it was; an unreadable one stays where it is."""
    try:
        read: RowsRead = read_rows(path, schema)
    except MissingEvidence as error:
        history.put("rows.unreadable", directory.relative(path), why=error.what)
        return None
    history.put(
        "rows.sealed",
        directory.relative(path),
        rows=len(read.table),
        closed=read.closed,
        truncated_bytes=read.truncated_bytes,
    )
    return read.table


def _cut(table: Table, rows: Path, windows: list[WindowSpan], directory: RunDirectory) -> None:
    """Cut one worker's samples into the windows of its traffic; what lies in none is kept as `rest`."""
    intended = table.ints["intended_ns"]
    rest = np.ones(len(table), dtype=np.bool_)
    name = rows.with_suffix(".parquet").name
    for window in windows:
        if window.traffic != rows.parent.name:
            continue
        inside = (intended >= window.start_ns) & (intended < window.end_ns)
        write_parquet(table.where(inside), directory.path / window.directory() / name)
        rest &= ~inside
    write_parquet(table.where(rest), rows.parent / name.replace("samples-", "rest-"))
