"""What lies in a place: each object, and the time on the store's own clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from harness import clock
from harness.targets.files.backups import BackupStore, time_pattern
from harness.units import NS_PER_S

AHEAD_NS: Final = 5 * NS_PER_S
"""A time in a name may be later than the store's time of the object by this much: the store's time may be cut to seconds."""


class ObjectKind(StrEnum):
    """What an object in a place of backups is."""

    BACKUP = "backup"
    EMPTY = "empty"
    """Named like a backup, without any byte."""
    UNFINISHED = "unfinished"
    FAILED = "failed"
    """A resource of a backup that was not made."""
    BESIDE = "beside"
    VERIFICATION = "verification"
    """The file beside a backup that shows that the backup was verified."""
    UNKNOWN = "unknown"
    """Its name is in no list of the target file, or has no time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """An object, as a list has it.

    Attributes:
        name: path below the place.
        size: number of bytes.
        modified_ns: time of its upload or last change on the store's clock, in ns since 1970.
        tag: the ETag, device, inode and size, or uid and state: another one shows other content.
        kind: what it is, if the place says so and not its name.
    """

    name: str
    size: int
    modified_ns: int
    tag: str
    kind: ObjectKind | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One complete reading of a place.

    Attributes:
        objects: what was there.
        sent_ns, done_ns: begin and end of the reading on this machine's monotonic clock.
        store_ns: the store's time in its first answer, in ns since 1970.
        answered_ns: when that answer was complete, on the monotonic clock.
        step_ns: the store's time is cut to steps of this length.
    """

    objects: tuple[StoredObject, ...]
    sent_ns: int
    done_ns: int
    store_ns: int
    answered_ns: int
    step_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredBackup:
    """An object, and what its name says.

    Attributes:
        stored: the object.
        kind: what it is.
        saved_ns: when the state in it was saved, in ns since 1970; of what is no backup, the store's time.
        early: whether the store's time is before the time in the name, which cannot be.
    """

    stored: StoredObject
    kind: ObjectKind
    saved_ns: int
    early: bool = False


def recognised(store: BackupStore, objects: Iterable[StoredObject]) -> Iterator[StoredBackup]:
    """What each object is; what lies in the place only to make it a directory is left out."""
    for one in objects:
        if one.kind is not None:
            yield StoredBackup(stored=one, kind=one.kind, saved_ns=one.modified_ns)
            continue
        if not one.name or (one.name.endswith("/") and not one.size):
            continue
        kind, saved_ns = _kind_of(store, one), one.modified_ns
        if kind is ObjectKind.BACKUP and store.time is not None:
            named = named_ns(store.time, one.name)
            kind, saved_ns = (ObjectKind.UNKNOWN, saved_ns) if named is None else (kind, named)
        yield StoredBackup(stored=one, kind=kind, saved_ns=saved_ns, early=one.modified_ns + AHEAD_NS < saved_ns)


def newest(backups: Iterable[StoredBackup]) -> StoredBackup | None:
    """The backup whose state was saved last; None: there is no backup."""
    found = (one for one in backups if one.kind is ObjectKind.BACKUP)
    return max(found, key=lambda one: (one.saved_ns, one.stored.name), default=None)


def named_ns(form: str, name: str) -> int | None:
    """The time in a name, in ns since 1970; None: there is none, one with a zone that the form does not have, or several that differ."""
    found = set(time_pattern(form).findall(name))
    try:
        (text,) = found
        at = datetime.strptime(text, form)  # noqa: DTZ007 - without a zone it is in UTC
        return clock.wall_ns(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    except ValueError:
        return None


def _kind_of(store: BackupStore, one: StoredObject) -> ObjectKind:
    def among(patterns: Iterable[str]) -> bool:
        return any(fnmatchcase(one.name, pattern) for pattern in patterns)

    if among(store.unfinished):
        return ObjectKind.UNFINISHED
    if store.verified and one.name.endswith(store.verified):
        return ObjectKind.VERIFICATION
    of_checksum = store.checksum.beside if store.checksum is not None else ""
    if among(store.beside) or (of_checksum and one.name.endswith(of_checksum)):
        return ObjectKind.BESIDE
    if among(store.files):
        return ObjectKind.BACKUP if one.size else ObjectKind.EMPTY
    return ObjectKind.UNKNOWN
