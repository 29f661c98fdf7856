"""Names, for a record, the rule of the judge that uses it in each kind of window, or why none does."""

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


def always(at: str, rule: str | ForPeople) -> ReadBy:
    """One rule decides in every kind of window, or none does."""
    return ReadBy(at=at, quiet=rule, held=rule, back=rule, last=rule)


def under_fault(at: str, rule: str, otherwise: str | ForPeople) -> ReadBy:
    """One rule decides during a fault and until the restore, and another in windows without a fault."""
    return ReadBy(at=at, quiet=otherwise, held=rule, back=rule, last=otherwise)


FAULTS: Final = "figures.recovery.recoveries:SPEC"
QUIET: Final = "decisions.quiet_harm:quiet_harm"
INVARIANTS: Final = "decisions.invariants:broken"
RESTORED_BY: Final = "receipts.faults.restored:contradicted"
ENTRY_HEALTH: Final = ForPeople(
    why="a fault may stop the answers of health; reads, writes and users say whether the platform serves"
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
SAID: Final = ForPeople(why="the record says what the harness did, and nothing about the platform")
