"""The directory for data that outlive a run: locks, the undo log, and targets that the harness started."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
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


def state_id(*, make: bool = True) -> str:
    """A random id of the state directory, made at its first use; it tells whether two processes have the same undo log.

    Args:
        make: whether it is made if there is none; False: it is empty then.

    Raises:
        UsageError: the directory cannot be written.
    """
    file = state_directory() / "id"
    try:
        if not file.exists():
            if not make:
                return ""
            file.parent.mkdir(parents=True, exist_ok=True)
            made = file.with_name(f"id-{secrets.token_hex(8)}")
            made.write_text(made.name[3:], encoding="ascii")
            with suppress(FileExistsError):
                os.link(made, file)  # complete or not there, also where two processes begin at once
            made.unlink()
        return file.read_text(encoding="ascii").strip()
    except OSError as error:
        hint = f"set {STATE_VARIABLE} to a directory that can be written to"
        raise UsageError(f"the state directory cannot be used: {error.strerror}", where=str(file), hint=hint) from error


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
