"""Lists, for each table and kind of observation and each kind of window, the rule of the judge that uses it.

One line each, beside the declarations of the tables (`recorded`) and of the kinds (`observations`). What is recorded and decided by nothing says why,
and is listed under *What was not verified* of a run that recorded it. `tests/evidence/test_evidence_readers.py` walks over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from harness.model import observations as kinds
from harness.model.observations import Recorded


@dataclass(frozen=True, kw_only=True, slots=True)
class ForPeople:
    """A record that no rule uses, with the reason."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadBy:
    """The rule that decides on one record in each kind of window, as `module:name` in `harness.judgement`, or why none does.

    Attributes:
        at: how the judge accesses it: a field of `Evidence` or of one of its parts, the schema of a table, or the class or name of a kind.
        quiet: in windows without a fault, before the last one.
        held: from the fault sent to the undo.
        back: from the undo to the restore.
        last: after the last restore.
    """

    at: str
    quiet: str | ForPeople
    held: str | ForPeople
    back: str | ForPeople
    last: str | ForPeople

    def for_people(self) -> Mapping[str, str]:
        """Reasons why no rule uses the record, by kind of window; empty if a rule does in all."""
        cells = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "at"}
        return {name: cell.why for name, cell in cells.items() if isinstance(cell, ForPeople)}


def _always(at: str, rule: str | ForPeople) -> ReadBy:
    return ReadBy(at=at, quiet=rule, held=rule, back=rule, last=rule)


def _fault(at: str, rule: str, otherwise: str | ForPeople) -> ReadBy:
    """One rule decides during a fault and until the restore, and another in windows without a fault."""
    return ReadBy(at=at, quiet=otherwise, held=rule, back=rule, last=otherwise)


_FAULTS: Final = "figures.recovery.recoveries:SPEC"
_QUIET: Final = "decisions.quiet_harm:quiet_harm"
_INVARIANTS: Final = "decisions.invariants:broken"
_RESTORED: Final = "receipts.faults.restored:contradicted"
_ENTRY_HEALTH: Final = ForPeople(
    why="a fault may stop the answers of health; reads, writes and users say whether the platform serves"
)
_APART: Final = ForPeople(
    why="copies are compared row by row only after a network partition; otherwise replication lag and loss are judged"
)

TABLES_READ: Final[Mapping[str, ReadBy]] = {
    "samples": _fault("samples", _FAULTS, "figures.traffic.error_rate:SPEC"),
    "probes read at the entry": _fault("probes", _FAULTS, _QUIET),
    "probes read at regions": _always("probes", _QUIET),
    "probes health": ReadBy(at="probes", quiet=_QUIET, held=_ENTRY_HEALTH, back=_RESTORED, last=_QUIET),
    "probes service": _fault("probes", "figures.kubernetes.service_health:SPEC", _QUIET),
    "control": _always("CONTROL", "receipts.machine:machine_result"),
    "portal": _fault(
        "PORTAL",
        "figures.kubernetes.containers:RESTARTED",
        ForPeople(why="the portal is probed for one figure, which stops a container; no other rule reads it"),
    ),
    "replicas": ReadBy(at="replicas", quiet=_INVARIANTS, held=_INVARIANTS, back=_RESTORED, last=_INVARIANTS),
    "ledger-writes": _fault("ledger", _FAULTS, _QUIET),
    "ledger-final": _always("ledger", "figures.ledger.loss:SPEC"),
    "ledger-reads": _always("ledger", "figures.ledger.read_back:SPEC"),
    "copies": _fault("COPIES", "figures.database.equal_copies:SPEC", _APART),
    "ledger-copies": _fault("LEDGER_COPIES", "figures.database.equal_copies:SPEC", _APART),
    "pipeline": _always("pipeline", "figures.ledger.pipelines:SPEC"),
    "facts": _always("checks", "figures.checks:SPEC"),
    "journey-writes": _always("JOURNEY_WRITES", "figures.ledger.copies:SPEC"),
    "journey-repeats": _always("JOURNEY_REPEATS", "figures.ledger.copies:SPEC"),
    "journey-reads": _always("JOURNEY_READS", "figures.ledger.copies:SPEC"),
    "sign-ins": ReadBy(
        at="SIGN_INS",
        quiet="figures.monitor.active_users:SPEC",
        **dict.fromkeys(("held", "back", "last"), "receipts.records.accounted:unaccounted"),
    ),
}
"""Readers by schema; a schema that several watchers write has one entry for each."""

_RUN: Final = "receipts.load:load_receipt"
_STARTED: Final = "receipts.faults.fault:fault_receipt"
_UNDONE: Final = "receipts.faults.restore:restore_receipt"
_OF_ROLLOUTS: Final = "figures.rollouts.steps:ORDER"
_SCALED: Final = "figures.scaling.rises:SPEC"
_WATCHED: Final = "summary.watchers:watcher_results"
_ALERTED: Final = "figures.alerting.firing:FIRES"
_SAID: Final = ForPeople(why="the record says what the harness did, and nothing about the platform")

KINDS_READ: Final[Mapping[type[Recorded], ReadBy]] = {
    kinds.PodSeen: ReadBy(at="pods", quiet=_INVARIANTS, held=_INVARIANTS, back=_RESTORED, last=_INVARIANTS),
    kinds.NodeSeen: ReadBy(at="nodes", quiet=_INVARIANTS, held=_INVARIANTS, back=_RESTORED, last=_INVARIANTS),
    kinds.LeaderSeen: ReadBy(at="leaders", quiet=_INVARIANTS, held=_INVARIANTS, back=_RESTORED, last=_INVARIANTS),
    kinds.RoleSeen: _always(
        "RoleSeen", ForPeople(why="each role and its time is also in the table of replicas, from which it is judged")
    ),
    kinds.AutoscalerSeen: _always("AutoscalerSeen", _INVARIANTS),
    kinds.AlertRuleLoaded: _fault("AlertRuleLoaded", _ALERTED, "figures.alerting.firing:QUIET"),
    kinds.AlertSeen: _fault("AlertSeen", _ALERTED, "figures.alerting.firing:QUIET"),
    kinds.NoticeReceived: _fault(
        "NoticeReceived",
        "figures.alerting.reaching:DELIVERED",
        ForPeople(why="a notice without a fault belongs to a firing alert, which is judged itself"),
    ),
    kinds.StatementsGrown: _always("StatementsGrown", "figures.database.query_time:SPEC"),
    kinds.StatementCounts: _always("StatementCounts", "figures.database.query_time:SPEC"),
    kinds.ActiveUsersRead: _always("ActiveUsersRead", "figures.monitor.active_users:SPEC"),
    kinds.MetricsRead: _always("MetricsRead", "figures.monitor.exposed:SPEC"),
    kinds.MemoryRead: _always("MemoryRead", "figures.trends.memory_growth:SPEC"),
    kinds.FlowsSeen: _always("FlowsSeen", "figures.kubernetes.connections:SPEC"),
    kinds.SeriesRead: _always("SeriesRead", "figures.rollouts.watched:DEPLOYED"),
    kinds.PodAsked: _always("PodAsked", "figures.rollouts.watched:HEALTH"),
    kinds.ReleaseSeen: _always("release_reads", "receipts.release:release_receipt"),
    kinds.SteadySeen: _always("steady_end", "whole:whole_of"),
    kinds.ActivityDone: _always("ActivityDone", "figures.database.promotion:SPEC"),
    **dict.fromkeys((kinds.CheckDone, kinds.CheckFact, kinds.CheckFailed), _always("checks", "figures.checks:SPEC")),
    **dict.fromkeys(
        (
            kinds.ExperimentStarted,
            kinds.ExperimentSkipped,
            kinds.ExperimentEnded,
            kinds.FaultSent,
            kinds.FaultConfirmed,
            kinds.FaultHeld,
            kinds.FaultRestarted,
            kinds.FaultUndone,
            kinds.FaultWhy,
        ),
        _always("fault", _STARTED),
    ),
    **dict.fromkeys(
        (kinds.FaultGone, kinds.FaultStays, kinds.SteadyAgain, kinds.ManualStepsWatched, kinds.Restored),
        _always("restore", _UNDONE),
    ),
    kinds.RunBegan: _always("started", "whole:whole_of"),
    kinds.RunEnded: _always("cut", "whole:whole_of"),
    kinds.ActStarted: _always("cut", "whole:whole_of"),
    kinds.LedgerRead: _always("final_reads", "ledger.excuses:account_in"),
    kinds.MachineSeen: _always("MachineSeen", "receipts.machine:machine_result"),
    **dict.fromkeys((kinds.WindowOpened, kinds.WindowClosed), _always("windows", "whole:whole_of")),
    **dict.fromkeys(
        (kinds.WorkerStarted, kinds.WorkerEnded, kinds.LoadBegun, kinds.LoadStopping, kinds.LoadHealth),
        _always("workers", _RUN),
    ),
    kinds.ClockAligned: _always("workers", _RUN),
    kinds.RowsSealed: _always("workers", _RUN),
    kinds.LoadUsers: _always("load.users", "figures.traffic.response_time:SPEC"),
    kinds.WatchStarted: _always("watchers", _WATCHED),
    kinds.WatchClosed: _always("WatchClosed", "receipts.records.counted:trusted"),
    kinds.WatchBlind: _always("WatchBlind", _WATCHED),
    **dict.fromkeys((kinds.LoadHeld, kinds.UsageRead), _always("LoadHeld", _SCALED)),
    **dict.fromkeys((kinds.LoadFailed, kinds.Served), _always("LoadFailed", "figures.scaling.resized:SPEC")),
    **dict.fromkeys(
        (
            kinds.RolloutStarted,
            kinds.RolloutStep,
            kinds.RolloutStatus,
            kinds.RolloutAnalysis,
            kinds.RolloutEnded,
            kinds.RolloutSkipped,
        ),
        _always("RolloutStep", _OF_ROLLOUTS),
    ),
    kinds.RolloutBack: _always("RolloutBack", "figures.rollouts.rollback.rollbacks:START"),
    kinds.RolloutMemory: _always("RolloutMemory", "figures.rollouts.rollback.rollbacks:START"),
    kinds.RolloutReported: _always("RolloutReported", "figures.rollouts.rollback.rollbacks:START"),
    **dict.fromkeys(
        (
            kinds.HoldReleased,
            kinds.JourneysRead,
            kinds.ActSkipped,
            kinds.WatchRespaced,
            kinds.WatchTrouble,
            kinds.RolloutPromoted,
            kinds.RowsUnreadable,
        ),
        _always("history", _SAID),
    ),
}
