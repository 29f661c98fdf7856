"""The directory for data that outlive a run: locks, the undo log, and targets that the harness started."""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import UsageError

STATE_VARIABLE = "READINESS_STATE"


def state_directory() -> Path:
    """`$READINESS_STATE`, else `$XDG_STATE_HOME/readiness`, else `~/.local/state/readiness`; absolute, not created here.

    Raises:
        UsageError: the user has no home directory, or the working directory was deleted.
    """
    named, base = os.environ.get(STATE_VARIABLE), os.environ.get("XDG_STATE_HOME")
    try:
        if named:
            return Path(named).expanduser().absolute()
        root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "state"
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"no directory was found for locks and the undo log: {error}",
            where=STATE_VARIABLE,
            hint=f"set {STATE_VARIABLE} to the absolute path of a directory",
        ) from error
    return root / "readiness"


def running_target_file(name: str) -> Path:
    """The target file that a running provided target wrote in its default directory.

    Args:
        name: name of the target, such as `sandbox`.

    Raises:
        UsageError: the file does not exist.
    """
    file = state_directory() / name / "target.yaml"
    if not file.is_file():
        raise UsageError(
            f"no {name} is running here",
            where=str(file),
            hint=f"start one with `readiness {name} up`, or pass `--target FILE`",
        )
    return file
