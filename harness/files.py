"""Files that are written completely or not at all, and never through a link that is in the way; the directories of the package; the end of what a program wrote."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

ROOM_BYTES: Final = 1 << 16
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def bundled(name: str) -> Path:
    """A directory that the package brings.

    It is below `harness/bundled` in a wheel, and beside `harness` in a checkout.
    """
    package = Path(__file__).parent
    inside = package / "bundled" / name
    return inside if inside.is_dir() else package.parent / name


def write_atomic(path: Path, body: bytes) -> None:
    """Put these bytes in the place of the file: what is a link there is replaced, what it leads to stays as it is.

    Raises:
        OSError: it cannot be written; what was there before is there still.
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
    """Whether the device of a directory has space for a few pages more; a writer that finds none cannot even say so there."""
    return shutil.disk_usage(directory).free >= ROOM_BYTES


def last_lines(text: str, most: int = 1) -> str:
    """The last lines of what a program wrote, without those that are blank; empty where it wrote none."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-most:]).strip()
