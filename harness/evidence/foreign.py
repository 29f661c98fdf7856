"""Checks run directories, which may come from untrusted sources.

All entries are checked before any file is read or written.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from harness.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_ENTRIES: Final = 100_000
"""Maximum number of files and directories of a run; a normal run has a few hundred."""
DEEPEST: Final = 12
"""Maximum depth of directories; a normal run has four levels."""
LARGEST: Final = 1 << 34
"""Maximum number of bytes of a file, enough for a table of 10^9 rows."""
MOST_JSON: Final = 1 << 26
"""Maximum number of bytes of a JSON document; a plan has a few hundred thousand."""
DEEPEST_JSON: Final = 32
"""Maximum nesting of lists and objects; normal documents have ten levels."""
_HINT: Final = "judge an unmodified copy of the run, which contains only files and directories"
_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


def refuse_strange(run: Path) -> None:
    """Check every entry of a run directory without opening a file.

    Raises:
        EvidenceError: the directory contains a link or a device, a name that is not text, a sparse or too large file,
            too many entries or too many levels, or cannot be read.
    """
    for count, entry in enumerate(_entries(run, 1), start=1):
        if why := _strange(entry):
            raise EvidenceError(why, where=_shown(entry.path), hint=_HINT)
        if count >= MOST_ENTRIES:
            raise EvidenceError(f"the directory has more than {MOST_ENTRIES} files", where=str(run), hint=_HINT)


def _entries(directory: Path | str, level: int) -> Iterator[os.DirEntry[str]]:
    """Every entry below, a directory before what is in it; links are not followed."""
    if level > DEEPEST:
        raise EvidenceError(f"the directory has more than {DEEPEST} levels", where=_shown(directory), hint=_HINT)
    try:
        with os.scandir(directory) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise EvidenceError(
            f"the directory cannot be read: {error.strerror}", where=_shown(directory), hint=_HINT
        ) from error
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path, level + 1)


def _strange(entry: os.DirEntry[str]) -> str:
    """Why an entry cannot belong to a run; empty if it can."""
    if not entry.name.isprintable():
        return "the name of the entry is not plain text"
    found = entry.stat(follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        return ""
    if not stat.S_ISREG(found.st_mode):
        return f"the entry is {_KINDS.get(stat.S_IFMT(found.st_mode), 'not a file')}"
    if found.st_size > LARGEST:
        return f"the file has {found.st_size} bytes, expected at most {LARGEST}"
    if found.st_size > MOST_JSON and found.st_blocks * 512 < found.st_size // 100:
        return f"the file is sparse: it has {found.st_size} bytes, {found.st_blocks * 512} of them on the disk"
    return ""


def _shown(path: Path | str) -> str:
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def read_bounded(path: Path, most: int = MOST_JSON) -> bytes:
    """The contents of a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is too large.
    """
    with path.open("rb") as file:
        body = file.read(most + 1)
    if len(body) > most:
        raise ValueError(f"the file has more than {most} bytes")
    return body


@contextmanager
def regular_file(path: Path, most: int = MOST_JSON) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file of a directory that was not checked before; yields the file and its size.

    Links are not followed, and pipes are not opened.

    Raises:
        OSError: the file cannot be read.
        ValueError: the entry is not a file, or is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"the entry is {_KINDS.get(stat.S_IFMT(found.st_mode), 'a directory')}")
        if found.st_size > most:
            raise ValueError(f"the file has more than {most} bytes")
        yield file, found.st_size


def read_json(path: Path) -> Any:
    """Read a JSON document; raises the OSError and ValueError of `read_bounded` and `parsed`."""
    return parsed(read_bounded(path).decode("utf-8"))


def parsed(text: str, *, once: bool = False) -> Any:
    """Parse a JSON text.

    Args:
        text: JSON text.
        once: whether to refuse an object with two equal keys, of which readers may take either.

    Raises:
        ValueError: the text is not JSON, is nested too deeply, or contains a lone surrogate, which cannot be written
            into a report; or a key is defined twice.
    """
    try:
        value = json.loads(text, object_pairs_hook=_each_once if once else None)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    if text.count("[") + text.count("{") > DEEPEST_JSON and levels_of(value) > DEEPEST_JSON:
        raise ValueError("the JSON is nested too deeply")
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError is a ValueError
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r:.80} is defined twice")
        found[key] = value
    return found


def levels_of(value: Any) -> int:
    """The nesting depth of lists and objects."""
    level, inside = 0, [value]
    while inside := [
        item
        for outer in inside
        if isinstance(outer, dict | list)
        for item in (outer.values() if isinstance(outer, dict) else outer)
    ]:
        level += 1
    return level
