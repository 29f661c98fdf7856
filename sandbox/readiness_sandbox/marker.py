"""The marker of a sandbox's directory.

Without it nothing there is deleted and no process that works there is ended.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Final

from harness.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = ".readiness-sandbox"
LONGEST: Final = 4096
_HINT: Final = "name an empty or a new directory with `--dir DIR`; nothing here was changed"


def claim(root: Path) -> None:
    """Make the directory a sandbox's.

    An empty or new one gets the marker, one that has it keeps it.

    Raises:
        Refused: it contains something and has no marker, or a marker that is not its own, or cannot be written. Nothing was changed.
        FileNotFoundError: it was removed meanwhile.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_claimed(root):
            return
        if any(not _is_part(entry.name) for entry in root.iterdir()):
            what = "this directory is not empty, and not the directory of a sandbox, since the marker file is missing"
            raise Refused(what, where=str(root), hint=_HINT)
        part = root / f"{NAME}.{os.getpid()}.part"
        part.write_text(_content(root), encoding="utf-8")
        part.replace(root / NAME)
    except FileNotFoundError:
        raise
    except OSError as error:
        what = f"the sandbox's directory cannot be used: {error.strerror}"
        raise Refused(what, where=str(root), hint=_HINT) from error


def is_claimed(root: Path) -> bool:
    """Whether the directory has its marker.

    An empty directory and one that is not there have none.

    Raises:
        Refused: there is a marker that is not this directory's: copied, edited, cut short, a link, or of another user.
    """
    path = root / NAME
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _not_ours(path, error.strerror or "the file cannot be read") from error
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _not_ours(path, "it is not a file")
        if status.st_uid != os.getuid():
            raise _not_ours(path, "it belongs to another user")
        content = file.read(LONGEST)
    if content != _content(root).encode():
        raise _not_ours(path, "its content is not what `readiness sandbox up` writes for this directory")
    return True


def unclaim(root: Path) -> None:
    """Remove the marker and the directory, if nothing else is in it.

    With anything else in it the marker stays.
    """
    left = [*root.iterdir()]
    if all(entry.name == NAME or _is_part(entry.name) for entry in left):
        for entry in left:
            entry.unlink()
        root.rmdir()


def _content(root: Path) -> str:
    """Its text is the same each time, so that two that start at once write the same.

    Path and inode are of this directory only.
    """
    here = {"readiness sandbox": 1, "directory": os.path.realpath(root), "inode": root.stat().st_ino}
    return json.dumps(here) + "\n"


def _is_part(name: str) -> bool:
    """Whether it is a marker that was never given its name."""
    number = name.removeprefix(f"{NAME}.").removesuffix(".part")
    return name == f"{NAME}.{number}.part" and number.isdecimal()


def _not_ours(path: Path, why: str) -> Refused:
    return Refused(
        f"the marker of a sandbox is here, but {why}",
        where=str(path),
        hint="nothing was changed; if this is what a sandbox left, end its processes and delete the directory by hand",
    )
