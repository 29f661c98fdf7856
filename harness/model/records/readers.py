"""Lists the rule of the judge that uses each table and each kind of observation, for each kind of window.

A table has its entry here; a kind of observation has its rule where it is declared. A record that no rule uses has a
reason, and is listed under *What was not verified*. `tests/evidence/test_evidence_readers.py` checks that the list is
complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.model.observations import KINDS, Recorded
from harness.model.observations.readers import (
    APART,
    ENTRY_HEALTH,
    FAULTS,
    INVARIANTS,
    QUIET,
    RESTORED_BY,
    ForPeople,
    ReadBy,
    always,
    under_fault,
)

__all__ = ["KINDS_READ", "TABLES_READ", "ForPeople", "ReadBy"]

TABLES_READ: Final[Mapping[str, ReadBy]] = {
    "samples": under_fault("samples", FAULTS, "figures.traffic.error_rate:SPEC"),
    "probes read at the entry": under_fault("probes", FAULTS, QUIET),
    "probes read at regions": always("probes", QUIET),
    "probes health": ReadBy(at="probes", quiet=QUIET, held=ENTRY_HEALTH, back=RESTORED_BY, last=QUIET),
    "probes service": under_fault("probes", "figures.kubernetes.service_health:SPEC", QUIET),
    "control": always("CONTROL", "receipts.machine:machine_result"),
    "portal": under_fault(
        "PORTAL",
        "figures.kubernetes.containers:RESTARTED",
        ForPeople(why="the portal is probed for one figure, which stops a container; no other rule uses its probes"),
    ),
    "replicas": ReadBy(at="replicas", quiet=INVARIANTS, held=INVARIANTS, back=RESTORED_BY, last=INVARIANTS),
    "ledger-writes": under_fault("ledger", FAULTS, QUIET),
    "ledger-final": always("ledger", "figures.ledger.loss:SPEC"),
    "ledger-reads": always("ledger", "figures.ledger.read_back:SPEC"),
    "cache": under_fault(
        "CACHE",
        FAULTS,
        ForPeople(why="a cache without a fault is judged by its checks; its probes are the reference of a recovery"),
    ),
    "sessions": under_fault(
        "SESSIONS",
        "figures.recovery.signed_in:SPEC",
        ForPeople(why="a session without a fault may end by itself; it shows that the user was signed in before"),
    ),
    "copies": under_fault("COPIES", "figures.database.equal_copies:SPEC", APART),
    "ledger-copies": under_fault("LEDGER_COPIES", "figures.database.equal_copies:SPEC", APART),
    "pipeline": always("pipeline", "figures.ledger.pipelines:SPEC"),
    "facts": always("checks", "figures.checks:SPEC"),
    "reported-requests": always("REPORTED", "figures.reported.response_time:SPEC"),
    "journey-writes": always("JOURNEY_WRITES", "figures.ledger.copies:SPEC"),
    "journey-repeats": always("JOURNEY_REPEATS", "figures.ledger.copies:SPEC"),
    "journey-reads": always("JOURNEY_READS", "figures.ledger.copies:SPEC"),
    "sign-ins": ReadBy(
        at="SIGN_INS",
        quiet="figures.monitor.active_users:SPEC",
        **dict.fromkeys(("held", "back", "last"), "receipts.records.accounted:unaccounted"),
    ),
}
"""Rules by schema; a schema that several watchers write has one entry for each watcher."""


KINDS_READ: Final[Mapping[type[Recorded], ReadBy]] = {one: one.READ for one in KINDS.values() if one.READ is not None}
"""Readers by kind."""
