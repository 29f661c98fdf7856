"""Processes as Linux shows them.

Dying with the parent, adopting orphans, and finding what is left.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_DEAD = frozenset("ZXx")
"""States of a process that has ended and was not waited for."""
_PROC = Path("/proc")
_LIBC = ctypes.CDLL(None, use_errno=True)

FILES = 65536
"""Limit of open files: a socket for each pod and Service, and two for each connection."""


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends; survives exec.

    For `preexec_fn` and after a fork.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that none can hide."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def allow_many_files() -> None:
    """Raise the limit of open files as far as this user may, to `FILES` at most.

    Inherited by all children.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))


def start_ticks(pid: int) -> int | None:
    """When that process started, in clock ticks since boot.

    None when there is none, or only a zombie. With the pid it names a process for good.
    """
    stat = _stat(pid)
    return None if stat is None or stat[0] in _DEAD else int(stat[19])


def children(pid: int) -> list[int]:
    """The children of a process, zombies included."""
    try:
        return [int(each) for each in (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
    except OSError:
        return []


def command_line(pid: int) -> list[str]:
    """The words of its command; empty where it has ended or is another user's."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def working_directory(pid: int) -> Path | None:
    """Where it works; None where it has ended or is another user's."""
    try:
        return (_PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None


def descendants(pid: int) -> list[int]:
    """All processes below that one."""
    found: list[int] = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; a process that is gone or foreign is left alone."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def rooted_in(*directories: Path) -> list[int]:
    """Processes without a terminal whose working directory is below one of these.

    What a killed sandbox may leave behind.
    """
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        cwd, stat = working_directory(int(entry.name)), _stat(int(entry.name))
        if cwd is None or stat is None or stat[4] != "0":
            continue
        if any(cwd.is_relative_to(each) for each in directories):
            found.append(int(entry.name))
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, which may hold anything: [0] is the state."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
