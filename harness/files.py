"""Atomic writes that follow no links, directories of the package, and the last lines of a program's output."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

ROOM_BYTES: Final = 1 << 16
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def bundled(name: str) -> Path:
    """A directory of the package: below `harness/bundled` in a wheel, and beside `harness` in a checkout."""
    package = Path(__file__).parent
    inside = package / "bundled" / name
    return inside if inside.is_dir() else package.parent / name


def write_atomic(path: Path, body: bytes) -> None:
    """Replace the content of a file, or create it; a link is replaced, and its destination is not changed.

    Raises:
        OSError: the file cannot be written; its earlier content is kept.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)  # of a writer that was killed, or put there
    try:
        with os.fdopen(os.open(partial, _NEW, 0o666), "wb") as file:
            file.write(body)
        partial.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # people know the file, not what is beside it
    finally:
        partial.unlink(missing_ok=True)


def has_room(directory: Path) -> bool:
    """Whether the file system of a directory has space for a few more pages."""
    return shutil.disk_usage(directory).free >= ROOM_BYTES


def last_lines(text: str, most: int = 1) -> str:
    """The last lines of a program's output without blank lines; empty if there are none."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-most:]).strip()
