"""The tables that a run records beside the samples, each declared once: which files, which schema, whose watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.model.table import (
    FACTS,
    JOURNEY_READS,
    JOURNEY_WRITES,
    LEDGER_FINAL,
    LEDGER_READS,
    LEDGER_WRITES,
    PIPELINE,
    PROBES,
    REPLICAS,
    Schema,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedTable:
    """One recorded table.

    Attributes:
        schema: its columns; the table has the schema's name in `Evidence.tables`. Several of one schema are one table.
        files: its row files relative to the run directory, without their ending; `*` for what differs.
        watcher: the watcher whose schedule its rows follow; empty: they follow none.
        due: the column that tells when a probe of that schedule was due.
        of: the column that tells what was probed, where the watcher probes several things.
        needed: whether a run with that watcher has it even when it is empty.
    """

    schema: Schema
    files: str
    watcher: str = ""
    due: str = ""
    of: str = ""
    needed: bool = True


RECORDED: Final = (
    RecordedTable(schema=PROBES, files="watch/entry", watcher="entry", due="due_ns"),
    RecordedTable(schema=PROBES, files="watch/regions", watcher="regions", due="due_ns", of="subject"),
    RecordedTable(schema=REPLICAS, files="watch/replicas", watcher="replicas", due="at_ns", of="member"),
    RecordedTable(schema=LEDGER_WRITES, files="watch/ledger-writes", watcher="ledger", due="intended_ns"),
    RecordedTable(schema=LEDGER_FINAL, files="watch/ledger-final"),
    RecordedTable(schema=LEDGER_READS, files="watch/ledger-reads", needed=False),
    RecordedTable(schema=PIPELINE, files="watch/pipeline", watcher="pipeline", due="sent_ns"),
    RecordedTable(schema=FACTS, files="checks/*", needed=False),
    RecordedTable(schema=JOURNEY_WRITES, files="load/*/journeys-*", needed=False),
    RecordedTable(schema=JOURNEY_READS, files="load/*/journey-reads", needed=False),
)
