"""Where the harness keeps what must outlive a run: locks, intents, targets that it started."""

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
            f"there is no place for what outlives a run: {error}",
            where=STATE_VARIABLE,
            hint=f"name a directory with its full path in {STATE_VARIABLE}",
        ) from error
    return root / "readiness"


def running_target_file(name: str) -> Path:
    """The target file that a running provided target wrote in its default directory.

    Args:
        name: of the target, as `sandbox`.

    Raises:
        UsageError: there is none.
    """
    file = state_directory() / name / "target.yaml"
    if not file.is_file():
        raise UsageError(
            f"no {name} is running here",
            where=str(file),
            hint=f"start one with `readiness {name} up`, or name a `--target`",
        )
    return file
