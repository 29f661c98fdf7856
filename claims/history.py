"""The history of a directory, read from its git repository without git: no hook, filter or setting of a foreign repository is run."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.drivers.static.files import text_of
from harness.errors import ConfigurationError

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import Repo

_DAMAGED: Final = (AssertionError, EOFError, LookupError, OSError, TypeError, ValueError, zlib.error)
"""What the reader of a repository raises for objects that are cut short or missing."""
_MOST_COMMITS: Final = 50_000
"""Commits that are searched for the changes of a directory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommittedChange:
    """One commit that changed files of the directory; merges are not changes of their own.

    Attributes:
        id: of the commit. title: first line of its message.
        day: as its author's calendar had it. committed: the day it was committed.
        files: that it changed, from the directory, sorted.
        is_boundary: whether a shallow clone ends with it, so that it seems to add everything.
    """

    id: str
    title: str
    day: date
    committed: date
    files: tuple[str, ...]
    is_boundary: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectoryHistory:
    """The newest changes of a directory.

    Attributes:
        changes: the newest first.
        shallow: whether the repository was cloned without its whole history.
        dirty: whether the file that was asked for differs from its last commit.
    """

    changes: tuple[CommittedChange, ...]
    shallow: bool
    dirty: bool = False


def changes_of(directory: Path, *, most: int, file: Path | None = None) -> DirectoryHistory:
    """The newest changes of a directory, or of one file in it.

    Raises:
        ConfigurationError: it is in no git repository, or that cannot be read.
    """
    from dulwich.errors import FileFormatException, NotGitRepository
    from dulwich.repo import Repo

    where = str(directory)
    try:
        repository = Repo.discover(where)
    except (NotGitRepository, OSError, ValueError) as error:
        hint = "its changes are read from its repository: name the directory in a clone of it"
        raise ConfigurationError("is in no git repository", where=where, hint=hint) from error
    try:
        with repository:
            return _read(repository, directory, most, file)
    except (FileFormatException, *_DAMAGED) as error:
        why = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ConfigurationError(
            f"its git repository cannot be read ({why})", where=where, hint="run `git fsck`"
        ) from error


def _read(repository: Repo, directory: Path, most: int, file: Path | None) -> DirectoryHistory:
    top = Path(repository.path).resolve()
    below = directory.resolve().relative_to(top).as_posix()
    path = (file.resolve().relative_to(top).as_posix() if file else below).encode()
    shallow = repository.get_shallow()
    found: list[CommittedChange] = []
    walker = repository.get_walker(paths=[path] if path != b"." else None, max_entries=None)
    for count, entry in enumerate(walker):
        if count >= _MOST_COMMITS or len(found) >= most:
            break
        if len(entry.commit.parents) > 1:
            continue
        changed = _changed(entry.changes(), below)
        if changed:
            found.append(_change(entry.commit, changed, boundary=entry.commit.id in shallow))
    dirty = file is not None and _committed(repository, path) != text_of(file).encode()
    return DirectoryHistory(changes=tuple(found), shallow=bool(shallow), dirty=dirty)


def _changed(changes: Sequence[object], below: str) -> tuple[str, ...]:
    prefix = "" if below == "." else f"{below}/"
    paths = {
        side.path.decode("utf-8", "replace")
        for change in changes
        for side in (getattr(change, "old", None), getattr(change, "new", None))
        if side is not None and side.path is not None
    }
    return tuple(sorted(path.removeprefix(prefix) for path in paths if path.startswith(prefix)))


def _change(commit: Commit, files: tuple[str, ...], *, boundary: bool) -> CommittedChange:
    title = commit.message.decode("utf-8", "replace").partition("\n")[0]
    return CommittedChange(
        id=commit.id.decode(),
        title=title,
        day=_day(commit.author_time, commit.author_timezone),
        committed=_day(commit.commit_time, commit.commit_timezone),
        files=files,
        is_boundary=boundary,
    )


def _day(seconds: int, offset_s: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).astimezone(timezone(timedelta(seconds=offset_s))).date()


def _committed(repository: Repo, path: bytes) -> bytes:
    """What the last commit has under that path; empty where it has nothing."""
    from dulwich.object_store import tree_lookup_path

    head = repository[repository.head()]
    try:
        _, blob = tree_lookup_path(repository.__getitem__, getattr(head, "tree"), path)  # noqa: B009 - a head is a commit
    except KeyError:
        return b""
    return repository[blob].as_raw_string()
