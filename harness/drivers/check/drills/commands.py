"""The commands of a drill. They have no input, and their output, which may have secrets, is not read."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from harness.drivers.check.drills.scratch import is_gone
from harness.drivers.check.drills.steps import CHECK, StepFailed, StepHangs
from harness.errors import DriverError
from harness.targets import Target, platform_of
from harness.targets.files.drills import DrillCommand, RestoreDrill
from harness.targets.files.reference import Reference
from harness.targets.undo import undo_now, undoable

if TYPE_CHECKING:
    from harness.model import Intent
    from harness.targets.kubernetes import Cluster

_NO: Final = subprocess.DEVNULL
_LATER: Final = 75
"""Exit code of a command that did nothing because of a temporary failure (EX_TEMPFAIL)."""
_NOT_TRIED: Final = frozenset({126, 127})
"""Exit codes of a command that did nothing: not executable, not found."""


class CommandNotYet(DriverError):
    """A command did nothing, and may be run again later."""


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
            run_command(self._drill.make, self._drill.within_s)

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


def run_command(command: DrillCommand, within_s: float) -> None:
    """Run a command to completion.

    Raises:
        StepFailed: it failed.
        StepHangs: it did not end in time, and was killed with the processes of its group.
        CommandNotYet: it says that it could not be tried for now.
        DriverError: it could not be run.
    """
    name = command.command[0]
    try:
        process = subprocess.Popen(command.command, stdin=_NO, stdout=_NO, stderr=_NO, start_new_session=True)
    except OSError as error:
        raise DriverError(f"the command could not be run ({type(error).__name__})", where=name) from error
    try:
        code = process.wait(within_s)
    except subprocess.TimeoutExpired:
        raise StepHangs(f"did not end within {within_s:g} s", where=f"`{name}`") from None
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code == _LATER:
        raise CommandNotYet(f"the command could not be run: it ended with {code}", where=name)
    if code in _NOT_TRIED:
        raise DriverError(f"the command could not be run: it ended with {code}", where=name)
    if code:
        raise StepFailed(f"ended with {code}", where=f"`{name}`")


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
