"""Brings the database back from the object store: the newest base backup, and the WAL since, as far as it is without a gap."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .objects import ArchiveBucket
from .receiving import ARCHIVE, SEGMENT_BYTES
from .sealed import MAGIC, BackupKey

BASE = "archive/base/"
VERIFIED = ".verified"
"""The name of what shows that a dump was verified ends so; it begins as that of the dump."""
_PIECE = re.compile(re.escape(ARCHIVE) + r"([0-9A-F]{24})/([0-9a-f]{8})-([0-9a-f]{8})")
_PER_LOG = 0x1_0000_0000 // SEGMENT_BYTES


class RestoreRefused(Exception):
    """The database is not restored; the text says why, and what to do."""


class NotArchivedYet(Exception):
    """The archive does not reach the chosen moment by now, and has no gap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredBackups:
    """The bucket and the key of what is in it."""

    bucket: ArchiveBucket
    key: BackupKey

    @classmethod
    def from_env(cls) -> StoredBackups:
        """As the pod's variables say. Raises KeyError."""
        return cls(bucket=ArchiveBucket.from_env(), key=BackupKey.of(os.environ["BACKUP_KEY"]))

    def read(self, name: str) -> bytes:
        """The content of a backup.

        Raises:
            ObjectStoreError: the store does not give it. UnreadableBackup: it cannot be decrypted.
        """
        stored = self.bucket.get(name)
        clear = os.environ.get("DEFECT_CLEAR_BACKUP") == "yes" and not stored.startswith(MAGIC)
        return stored if clear else self.key.open(stored, name)

    def newest(self, prefix: str, until: datetime | None = None) -> str:
        """The name of the newest object, as names have their time, that was stored by then; empty: there is none. Raises ObjectStoreError."""
        there = (one for one in self.bucket.listed(prefix) if not one.name.endswith(VERIFIED))
        return max((one.name for one in there if until is None or one.changed <= until), default="")


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoredFiles:
    """What was brought: the base backup's name, the segments of WAL, and the first one that lacks (empty: none)."""

    base: str
    segments: int
    gap: str


def restore_files(store: StoredBackups, data: Path, wal: Path, until: datetime | None = None) -> RestoredFiles:
    """Write the newest base backup (of those complete by `until`) to `data` and the WAL since to `wal`, and let the server recover when it starts there.

    Raises:
        RestoreRefused: there is no base backup, or not all of it.
        ObjectStoreError: the store does not answer. UnreadableBackup: a backup cannot be decrypted.
    """
    name = store.newest(BASE, until)
    if not name:
        by = f" of {until.isoformat()}" if until else ""
        raise RestoreRefused(f"there is no base backup{by} below {BASE}; hint: make one while the database runs")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    wal.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(store.read(name)))) as archive:
        archive.extractall(data, filter="data")
    data.chmod(0o700)
    found, gap = _bring_wal(store, wal, begins(name))
    for leftover in ("postmaster.pid", "standby.signal"):
        (data / leftover).unlink(missing_ok=True)
    (data / "recovery.signal").touch(mode=0o600)
    return RestoredFiles(base=name, segments=found, gap=gap)


def _bring_wal(store: StoredBackups, wal: Path, first: str) -> tuple[int, str]:
    """Write segments from the first one on until one has a gap; how many, and which one that is while others follow it."""
    pieces: dict[str, list[tuple[int, int, str]]] = {}
    for one in store.bucket.listed(ARCHIVE):
        if one.name.endswith(".history"):
            (wal / one.name.removeprefix(ARCHIVE)).write_bytes(store.read(one.name))
        elif (found := _PIECE.fullmatch(one.name)) and number(found[1]) >= number(first):
            pieces.setdefault(found[1], []).append((int(found[2], 16), int(found[3], 16), one.name))
    gap, last = missing(pieces, first)
    needed = [name for name in pieces if number(name) <= last]
    for name in needed:
        content = bytearray(SEGMENT_BYTES)
        for since, until, piece in sorted(pieces[name]):
            content[since:until] = store.read(piece)
        (wal / name).write_bytes(content)
    return len(needed), gap


def begins(base: str) -> str:
    """The segment with which the WAL of a base backup begins, which its name has."""
    return base.removeprefix(BASE).split(".")[0].rpartition("-")[2]


def number(segment: str) -> int:
    """The place of a segment in the WAL, on whichever timeline."""
    return int(segment[8:16], 16) * _PER_LOG + int(segment[16:], 16)


def missing(pieces: Mapping[str, Iterable[tuple[int, int, str]]], first: str) -> tuple[str, int]:
    """The first segment with a gap that others follow (empty: none), and the number of the last one that can be used.

    A segment that has a beginning is used as far as it goes. Of segments with one number, on several timelines, one without a gap is enough.
    """
    reach: dict[int, int] = {}
    for name, parts in pieces.items():
        reached = 0
        for since, until, _ in sorted(parts):
            reached = max(reached, until) if since <= reached else reached
        reach[number(name)] = max(reach.get(number(name), 0), reached)
    place, end = number(first), max(reach, default=-1)
    while place < end and reach.get(place, 0) >= SEGMENT_BYTES:
        place += 1
    gap = f"{first[:8]}{place // _PER_LOG:08X}{place % _PER_LOG:08X}" if place < end else ""
    return gap, place


def settings(wal: Path) -> str:
    """The settings with which PostgreSQL recovers from those files, up to the last one, on the newest timeline."""
    return f"restore_command = 'cp \"{wal}/%f\" \"%p\"'\nrecovery_target_timeline = 'latest'\n"


def verify(programs: Path, data: Path) -> None:
    """Hold the base backup against its own manifest. Raises RestoreRefused."""
    command = [str(programs / "pg_verifybackup"), "--no-parse-wal", "--ignore=recovery.signal", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RestoreRefused(f"the base backup is not complete: {done.stderr.strip()[-300:]}")
