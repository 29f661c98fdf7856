"""Temporary directories of chaos children: the Kubernetes client writes keys there, which a killed child does not remove."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from harness.errors import DriverError
from harness.targets.state import state_directory

_PREFIX: Final = "chaos-"
_TRIES: Final = 10
"""Number of attempts to create a directory: another command may remove a new directory before it is locked."""


class Scratch:
    """A temporary directory of one child, removed with it. A new directory removes the leftovers of a killed harness.

    Leftovers are directories that no process has locked.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._fd = -1

    def make(self) -> Path:
        """Create the directory, readable by this user only.

        Raises:
            DriverError: the directory cannot be created.
        """
        root = state_directory() / "scratch"
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            sweep_scratch()
            for _ in range(_TRIES):
                path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
                if (fd := _locked(path)) is not None:
                    self._path, self._fd = path, fd
                    return path
        except OSError as error:
            raise DriverError(f"no temporary directory could be created: {error.strerror}", where=str(root)) from error
        raise DriverError("another command removed every new temporary directory immediately", where=str(root))

    def remove(self) -> None:
        """Remove the directory with its contents; a second call does nothing."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def sweep_scratch() -> None:
    """Remove directories that are no longer locked because their harness and child have ended."""
    for path in (state_directory() / "scratch").glob(f"{_PREFIX}*"):
        try:
            fd = _locked(path)
        except OSError:  # not a directory, or not ours
            continue
        if fd is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(fd)


def _locked(path: Path) -> int | None:
    """The descriptor of the locked directory; None if another process has locked or removed it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():
            return fd
    except BlockingIOError:
        pass
    os.close(fd)
    return None
