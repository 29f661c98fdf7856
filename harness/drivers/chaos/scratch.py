"""Where a chaos child keeps its temporary files: Kubernetes' client writes certificates and keys there, and a killed child removes nothing."""

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


class Scratch:
    """A directory of one child, which goes with it; those of a harness that was killed go with the next one that is made."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._fd = -1

    def make(self) -> Path:
        """Make it, for this user only.

        Raises:
            DriverError: it cannot be made.
        """
        root = state_directory() / "scratch"
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(root)
            self._path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DriverError(
                f"no directory for temporary files can be made: {error.strerror}", where=str(root)
            ) from error
        return self._path

    def remove(self) -> None:
        """Remove it with all that is in it; a second call does nothing."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _sweep(root: Path) -> None:
    """Remove what nobody holds any more: its lock went with its harness, and so did the child."""
    for path in root.glob(f"{_PREFIX}*"):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(fd)
