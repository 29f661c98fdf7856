"""Writes files that are either complete and on disk, or do not exist."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_all(fd: int, content: bytes) -> None:
    """Write all bytes, in several calls if necessary.

    Raises:
        OSError: no more bytes can be written.
    """
    while content:
        written = os.write(fd, content)
        if not written:
            raise OSError(0, "no more bytes can be written")
        content = content[written:]


def write_synced(path: Path, content: bytes) -> None:
    """Write a temporary file, sync it, rename it to its name, and sync the directory.

    Raises:
        OSError: the file could not be written; it does not exist.
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
    """Sync a directory, so that its file names are on disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
