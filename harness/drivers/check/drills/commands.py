"""The steps of a drill by commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.drivers.check.drills.scratch import is_gone, refuse_removal
from harness.drivers.check.drills.steps import CHECK, StepFailed, StepHangs
from harness.errors import DriverError
from harness.targets import Target, platform_of
from harness.targets.commands import CommandEnded, CommandHangs, run_command
from harness.targets.files.drills import DrillCommand, RestoreDrill
from harness.targets.files.reference import Reference
from harness.targets.undo import undo_now, undoable

if TYPE_CHECKING:
    from harness.model import Intent
    from harness.targets.kubernetes import Cluster


class CommandSteps:
    """A drill by commands.

    Args:
        target: whose database serves.
        name: of the drill.
        drill: the drill.
        restores: the command that restores.
    """

    def __init__(self, target: Target, name: str, drill: RestoreDrill, restores: DrillCommand) -> None:
        self._target, self._name, self._drill, self._restores = target, name, drill, restores
        self._intents: list[Intent] = []

    def refuse(self) -> None:
        """Nothing is known of a command before it runs."""

    def make(self) -> None:
        """Run `make`."""
        if self._drill.make is not None:
            _run(self._drill.make, self._drill.within_s)

    def intend(self) -> None:
        """Write `remove` to the undo log."""
        drill = self._drill
        words = list(drill.remove.command) if drill.remove is not None else []
        saved = {"words": words, "scratch": drill.scratch.model_dump(), "within_s": drill.within_s}
        what = f"restore {self._name} into a scratch database"
        self._intents.append(_restore.intend(platform_of(self._target), CHECK, what, **saved))

    def restore(self) -> None:
        """Run the command."""
        _restore(self._restores, self._drill.within_s)

    def undo(self) -> None:
        """Run `remove`, if the command may have run."""
        undo_now(None, self._target, *self._intents)


def _run(command: DrillCommand, within_s: float) -> None:
    """Run a command.

    Raises:
        StepFailed, StepHangs: it failed, or was killed. CommandNotYet, DriverError: it could not be run.
    """
    try:
        run_command(command.command, within_s)
    except CommandEnded as error:
        what = f"{error.what}: run it by hand, since what it prints is not kept"
        raise StepFailed(what, where=f"`{error.where}`") from error
    except CommandHangs as error:
        raise StepHangs(error.what, where=f"`{error.where}`") from error


def _remove(
    _cluster: Cluster | None, target: Target, *, words: Sequence[str], scratch: Mapping[str, Any], within_s: float
) -> None:
    """Remove the scratch database.

    Raises:
        DriverError: it serves, the command failed, or the database is still there.
        TargetUnreachable: the database that serves does not answer, so nothing was run.
    """
    dsn = Reference.model_validate(scratch)
    refuse_removal(target, dsn)
    run_command(words, within_s)
    if not is_gone(dsn):
        hint = "`remove` must remove the database, and end a restore that still runs"
        raise DriverError("the scratch database is still there", where=str(dsn), hint=hint)


@undoable("restore-drill", undo=_remove)
def _restore(command: DrillCommand, within_s: float) -> None:
    _run(command, within_s)
