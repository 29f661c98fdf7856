"""The rule of the judge that uses a record in each kind of window, or the reason why no rule uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class ForPeople:
    """A record that no rule uses, with the reason."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadBy:
    """The rule that uses one record in each kind of window, as `module:name` in `harness.judgement`, or a reason.

    Attributes:
        at: access of the judge: a field of `Evidence`, the schema of a table, or the class or name of a kind.
        quiet: rule in windows without a fault, before the last restore.
        held: rule from the fault to the undo.
        back: rule from the undo to the restore.
        last: rule after the last restore.
    """

    at: str
    quiet: str | ForPeople
    held: str | ForPeople
    back: str | ForPeople
    last: str | ForPeople

    def for_people(self) -> Mapping[str, str]:
        """Reasons why no rule uses the record, by kind of window; empty if a rule uses it in all windows."""
        cells = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "at"}
        return {name: cell.why for name, cell in cells.items() if isinstance(cell, ForPeople)}


def always(at: str, rule: str | ForPeople) -> ReadBy:
    """The reader of a record that one rule, or no rule, uses in every kind of window."""
    return ReadBy(at=at, quiet=rule, held=rule, back=rule, last=rule)


def under_fault(at: str, rule: str, otherwise: str | ForPeople) -> ReadBy:
    """The reader of a record that one rule uses from a fault to its restore, and another rule otherwise."""
    return ReadBy(at=at, quiet=otherwise, held=rule, back=rule, last=otherwise)


FAULTS: Final = "figures.recovery.recoveries:SPEC"
QUIET: Final = "decisions.quiet_harm:quiet_harm"
INVARIANTS: Final = "decisions.invariants:broken"
RESTORED_BY: Final = "receipts.faults.restored:contradicted"
ENTRY_HEALTH: Final = ForPeople(
    why="a fault may stop the health path; reads, writes and users show whether the platform serves"
)
APART: Final = ForPeople(
    why="copies are compared row by row only after a network partition; otherwise replication lag and loss are judged"
)

LOADED: Final = "receipts.load:load_receipt"
STARTED: Final = "receipts.faults.fault:fault_receipt"
UNDONE: Final = "receipts.faults.restore:restore_receipt"
OF_ROLLOUTS: Final = "figures.rollouts.steps:ORDER"
SCALED: Final = "figures.scaling.rises:SPEC"
WATCHED: Final = "summary.watchers:watcher_results"
ALERTED: Final = "figures.alerting.firing:FIRES"
SAID: Final = ForPeople(why="the record describes an action of the harness, and not the platform")
