"""A new directory on this machine that a command of the platform fills, so that what it writes touches nothing that serves."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.errors import DriverError
from harness.targets import Target, platform_of
from harness.targets.commands import run_command
from harness.targets.files.configuration import INTO
from harness.targets.kubernetes import Cluster
from harness.targets.undo import undo_now, undoable


@contextmanager
def filled_directory(
    target: Target, command: Sequence[str], within_s: float, *, check: str, what: str
) -> Iterator[Path]:
    """Context of a new directory that a command has filled; whatever happens, it is removed at its end.

    Args:
        target: whose command it is.
        command: the command; `{directory}` in it is replaced.
        within_s: time for it, in s.
        check: who writes the undo log.
        what: what is done, for the undo log.

    Raises:
        CommandEnded, CommandHangs, DriverError: as `run_command`; the directory is still there.
    """
    directory = Path(tempfile.gettempdir()) / f"readiness-{secrets.token_hex(8)}"
    intent = fill_directory.intend(platform_of(target), check, what, directory=str(directory))
    try:
        directory.mkdir(mode=0o700)
        fill_directory([word.replace(INTO, str(directory)) for word in command], within_s)
        yield directory
    finally:
        undo_now(None, target, intent)


def _remove(_cluster: Cluster | None, _target: Target, *, directory: str) -> None:
    """Remove the directory.

    Raises:
        DriverError: it is still there.
    """
    shutil.rmtree(directory, ignore_errors=True)
    if Path(directory).exists():
        hint = "remove it"
        raise DriverError("the directory of what was read back is still there", where=directory, hint=hint)


@undoable("configuration-drill", undo=_remove)
def fill_directory(words: Sequence[str], within_s: float) -> None:
    """Run the command that fills the directory. Raises as `run_command`."""
    run_command(words, within_s)
