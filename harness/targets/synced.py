"""Files that are complete and on disk, or not there at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_all(fd: int, content: bytes) -> None:
    """Write all of it: the operating system may take less at once.

    Raises:
        OSError: it takes no more.
    """
    while content:
        written = os.write(fd, content)
        if not written:
            raise OSError(0, "nothing more is written")
        content = content[written:]


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file beside its place, sync it, and only then give it its name; the directory is synced, too.

    Raises:
        OSError: it is not there then.
    """
    part = path.with_suffix(".part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        try:
            write_all(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        part.rename(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Sync the names in a directory."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
