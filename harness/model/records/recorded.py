"""Declares the tables that a run records beside samples: files, schema and watcher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.model.records.items import (
    JOURNEY_READS,
    JOURNEY_REPEATS,
    JOURNEY_WRITES,
    LEDGER_COPIES,
    LEDGER_FINAL,
    LEDGER_READS,
    LEDGER_WRITES,
    PIPELINE,
    SIGN_INS,
)
from harness.model.records.table import (
    CONTROL,
    COPIES,
    FACTS,
    PORTAL,
    PROBES,
    REPLICAS,
    Schema,
)

SERVICE: Final = "service"
"""Kind of a probe of a service's own health address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedTable:
    """One recorded table.

    Attributes:
        schema: its columns; the table has the schema's name in `Evidence.tables`. Several of one schema are one table.
        files: its row files relative to the run directory, without their ending; `*` for what differs.
        watcher: the watcher that writes it; empty: none does.
        due: the column with the time when a probe of the watcher's schedule was due; empty: its rows follow no schedule.
        of: the column that names what was probed, where the watcher probes several things.
        only: words of the rows that follow the schedule, by column.
        never: words that none of the watcher's rows has, by column: another watcher records them in a table of that schema.
        needed: whether a run with that watcher has it even when it is empty.
        counted: whether each probe that the watcher counts (`watch.closed`) leaves a row in it, and nothing else does.
    """

    schema: Schema
    files: str
    watcher: str = ""
    due: str = ""
    of: str = ""
    only: Mapping[str, str] = field(default_factory=dict)
    never: Mapping[str, str] = field(default_factory=dict)
    needed: bool = True
    counted: bool = False


RECORDED: Final = (
    RecordedTable(
        schema=PROBES,
        files="watch/entry",
        watcher="entry",
        due="due_ns",
        only={"subject": "entry", "kind": "read"},
        counted=True,
    ),
    RecordedTable(
        schema=PROBES,
        files="watch/regions",
        watcher="regions",
        due="due_ns",
        of="subject",
        never={"subject": "entry", "kind": SERVICE},
        counted=True,
    ),
    RecordedTable(
        schema=PROBES,
        files="watch/services",
        watcher="services",
        due="due_ns",
        of="subject",
        only={"kind": SERVICE},
        counted=True,
    ),
    RecordedTable(schema=CONTROL, files="watch/control", watcher="control", due="due_ns", of="subject", counted=True),
    RecordedTable(schema=PORTAL, files="watch/portal", watcher="portal", due="due_ns"),
    RecordedTable(schema=REPLICAS, files="watch/replicas", watcher="replicas", due="at_ns", of="member"),
    RecordedTable(schema=LEDGER_WRITES, files="watch/ledger-writes", watcher="ledger", due="intended_ns", counted=True),
    RecordedTable(schema=LEDGER_FINAL, files="watch/ledger-final"),
    RecordedTable(schema=LEDGER_READS, files="watch/ledger-reads", watcher="ledger", needed=False),
    RecordedTable(schema=COPIES, files="watch/copies", watcher="copies", due="due_ns", of="member"),
    RecordedTable(schema=LEDGER_COPIES, files="watch/ledger-copies", watcher="copies"),
    RecordedTable(schema=PIPELINE, files="watch/pipeline", watcher="pipeline", due="made_ns", counted=True),
    RecordedTable(schema=FACTS, files="checks/*", needed=False),
    RecordedTable(schema=JOURNEY_WRITES, files="load/*/journeys-*", needed=False),
    RecordedTable(schema=JOURNEY_REPEATS, files="load/*/repeats-*", needed=False),
    RecordedTable(schema=JOURNEY_READS, files="load/*/journey-reads", needed=False),
    RecordedTable(schema=SIGN_INS, files="load/*/sign-ins-*", needed=False),
)


def scheduled(watcher: str) -> RecordedTable | None:
    """The table with one row per probe of a watcher's schedule; None if there is none."""
    return next((table for table in RECORDED if table.watcher == watcher and table.due), None)
