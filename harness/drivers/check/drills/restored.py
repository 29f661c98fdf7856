"""The restore of a drill: the scratch database is refused where it may serve, made, waited for, and removed whatever happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from harness import clock
from harness.drivers.check.drills.scratch import await_scratch, is_gone, is_the_same, refuse_scratch
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target, platform_of
from harness.targets.commands import CommandEnded, CommandHangs, run_command
from harness.targets.files.drills import DrillCommand, RestoreDrill
from harness.targets.files.reference import Reference
from harness.targets.kubernetes import Cluster
from harness.targets.undo import undo_now, undoable
from harness.units import NS_PER_S

_CHECK: Final = "check restore-drill"


@dataclass(kw_only=True, slots=True)
class DrillSeen:
    """What a drill showed.

    Attributes:
        facts: facts about the content.
        took_s: seconds from the start of the restore until the scratch database answered; None: it did not.
        waited_s: seconds after which the restore was given up, or failed.
        why: why there is no restored database; empty: there is one.
        failed: whether the restore itself failed, or hung.
        hung: whether it hung.
        tables: number of tables that were restored.
    """

    facts: Sequence[FactReading] = field(default_factory=list)
    took_s: float | None = None
    waited_s: float = 0.0
    why: str = ""
    failed: bool = False
    hung: bool = False
    tables: int = 0

    @property
    def not_done(self) -> FactReading:
        """The fact that there is no restored database: the restore failed, or it is not known whether it would have ended."""
        ok = False if self.failed and not self.hung else None
        return FactReading(subject="restore", expected="done", observed=self.why, ok=ok)


def drill_of(target: Target, params: Mapping[str, str]) -> RestoreDrill:
    """The drill with the name of the sentence.

    Raises:
        ConfigurationError: the target file does not name it.
    """
    name = params["drill"]
    if name not in target.drills:
        hint = f"write `drills: {{{name}: {{restore: {{command: [WORDS]}}, scratch: {{env: NAME}}, remove: {{command: [WORDS]}}}}}}`"
        raise ConfigurationError(f"has no drill `{name}`", where=f"{target.file}: drills", hint=hint)
    return target.drills[name]


def step_of(target: Target, params: Mapping[str, str], key: str, what: str) -> DrillCommand:
    """A command of the drill that it may lack.

    Args:
        target: whose drill.
        params: of the sentence.
        key: `restore` or `until`.
        what: what the drill does not say without it.

    Raises:
        ConfigurationError: the target file does not name the drill, or the command.
    """
    found = getattr(drill_of(target, params), key)
    if not isinstance(found, DrillCommand):
        hint = f"write `drills: {{{params['drill']}: {{{key}: {{command: [WORDS]}}}}}}`"
        raise ConfigurationError(f"does not say {what}", where=f"{target.file}: drills", hint=hint)
    return found


def refuse_drill(target: Target, drill: RestoreDrill) -> Reference:
    """The DSN of the database that serves, if the drill may be done.

    Raises:
        DriverError: the scratch database is refused, or `database.dsn` reaches a standby; nothing was run.
        TargetUnreachable: the database that serves does not answer.
    """
    serves = database_in(target).dsn
    if rows_of(serves, "SELECT pg_is_in_recovery()") != [(False,)]:
        hint = "name the primary in `database.dsn`: a standby may lag behind the backup"
        raise DriverError("the database that serves is a standby", where=str(serves), hint=hint)
    refuse_scratch(serves, drill.scratch)
    return serves


@contextmanager
def restored(target: Target, drill: RestoreDrill, name: str, command: DrillCommand) -> Iterator[DrillSeen]:
    """Context of a restored database, or of the reason why there is none. At its end the scratch database is removed.

    Args:
        target: whose database serves.
        drill: the drill; `refuse_drill` has passed it.
        name: of the drill.
        command: what restores.

    Raises:
        DriverError: the command could not be run, the scratch database is the one that serves, or could not be removed.
        TargetUnreachable: the database that serves does not answer.
    """
    saved = {"words": list(drill.remove.command), "scratch": drill.scratch.model_dump(), "within_s": drill.within_s}
    intent = _restore.intend(platform_of(target), _CHECK, f"restore {name} into a scratch database", **saved)
    try:
        seen = _restored(drill, command)
        if seen.took_s is not None and is_the_same(database_in(target).dsn, drill.scratch):
            raise DriverError("the scratch database is the one that serves", where=str(drill.scratch))
        yield seen
    finally:
        undo_now(None, target, intent)


def _restored(drill: RestoreDrill, command: DrillCommand) -> DrillSeen:
    started_ns, deadline = clock.now_ns(), clock.Deadline.after(drill.within_s)
    seen = DrillSeen()
    try:
        _restore(command, drill.within_s)
        if await_scratch(drill.scratch, deadline.left_s):
            seen.took_s = (clock.now_ns() - started_ns) / NS_PER_S
        else:
            seen.why, seen.hung = "the scratch database does not answer, or is still in recovery", True
    except (CommandEnded, CommandHangs) as error:
        seen.why, seen.hung = f"`{error.where}` {error.what}", isinstance(error, CommandHangs)
    seen.failed, seen.waited_s = bool(seen.why), (clock.now_ns() - started_ns) / NS_PER_S
    return seen


def _remove(
    _cluster: Cluster | None, _target: Target, *, words: Sequence[str], scratch: Mapping[str, Any], within_s: float
) -> None:
    """Remove the scratch database.

    Raises:
        DriverError: the command failed, or the database is still there.
    """
    run_command(DrillCommand(command=tuple(words)), within_s)
    if not is_gone(dsn := Reference.model_validate(scratch)):
        hint = "`remove` must remove the database, and end a restore that still runs"
        raise DriverError("the scratch database is still there", where=str(dsn), hint=hint)


@undoable("restore-drill", undo=_remove)
def _restore(command: DrillCommand, within_s: float) -> None:
    run_command(command, within_s)
