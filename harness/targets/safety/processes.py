"""Reads processes by their pidfiles; process id and start time identify a process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from harness.errors import ConfigurationError
from harness.model import Hit

PROCESS: Final = "process"
"""The kind of a hit on a process."""
_STARTED: Final = 19
"""Field `starttime` of /proc/PID/stat, counted from the field after the name: proc_pid_stat(5), field 22."""


def process_of(pidfile: Path) -> Hit | None:
    """The process in a pidfile; None if the file or the process does not exist.

    Raises:
        ConfigurationError: the file does not begin with a process id.
    """
    try:
        text = pidfile.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    if not text:  # it is being written
        return None
    number = text.split()[0]
    if not number.isdecimal():
        raise ConfigurationError(
            f"the file must begin with a process id, found `{number[:40]}`",
            where=str(pidfile),
            hint="use a file that the service writes at its start, with its own process id",
        )
    started = _started(number)
    return Hit(kind=PROCESS, name=pidfile.name, uid=f"{number}@{started}") if started else None


def running(pidfiles: Iterable[Path]) -> list[Hit]:
    """The running processes of these pidfiles."""
    return [hit for pidfile in pidfiles if (hit := process_of(pidfile)) is not None]


def _started(number: str) -> str:
    """When a process was started, in clock ticks since boot; empty where it does not run (a zombie does not)."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in {"Z", "X"} else fields[_STARTED - 1]
