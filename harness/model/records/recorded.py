"""Declares the tables that a run records in addition to samples, with files, schema and watcher."""

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
    CACHE,
    CONTROL,
    COPIES,
    FACTS,
    PORTAL,
    PROBES,
    REPLICAS,
    REPORTED,
    SESSIONS,
    Schema,
)

SERVICE: Final = "service"
"""Kind of a probe of a service's health address."""
OF_CACHES: Final = {"reads of the cache": "read", "writes of the cache": "write"}
"""Operations on the caches of a target, and the kind of the probes that show them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedTable:
    """One recorded table.

    Attributes:
        schema: columns of the table; `Evidence.tables` has the table under the name of the schema. Tables with one
            schema are one table.
        files: row files relative to the run directory, without extension; `*` for a variable part.
        watcher: watcher that writes the table; empty: none.
        due: column with the due time of a probe in the watcher's schedule; empty: the rows follow no schedule.
        of: column with the probed object, if the watcher probes several objects.
        only: words of the rows that follow the schedule, by column.
        never: words that no row of the watcher has, by column, since another watcher records them with this schema.
        needed: whether a run with the watcher must have the table, even if empty.
        counted: whether each probe in the count of `watch.closed` has exactly one row.
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
    RecordedTable(schema=CACHE, files="watch/cache", watcher="cache", due="due_ns", of="kind", counted=True),
    RecordedTable(schema=SESSIONS, files="watch/sessions", watcher="sessions"),
    RecordedTable(schema=COPIES, files="watch/copies", watcher="copies", due="due_ns", of="member"),
    RecordedTable(schema=LEDGER_COPIES, files="watch/ledger-copies", watcher="copies"),
    RecordedTable(schema=PIPELINE, files="watch/pipeline", watcher="pipeline", due="made_ns", counted=True),
    RecordedTable(schema=FACTS, files="checks/*", needed=False),
    RecordedTable(schema=REPORTED, files="reported/*", needed=False),
    RecordedTable(schema=JOURNEY_WRITES, files="load/*/journeys-*", needed=False),
    RecordedTable(schema=JOURNEY_REPEATS, files="load/*/repeats-*", needed=False),
    RecordedTable(schema=JOURNEY_READS, files="load/*/journey-reads", needed=False),
    RecordedTable(schema=SIGN_INS, files="load/*/sign-ins-*", needed=False),
)


def scheduled(watcher: str) -> RecordedTable | None:
    """The table with one row per probe of a watcher's schedule; None if there is no such table."""
    return next((table for table in RECORDED if table.watcher == watcher and table.due), None)
