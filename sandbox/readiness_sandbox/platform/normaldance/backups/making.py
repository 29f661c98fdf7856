"""Makes backups of the database: dumps for whoever wants one table or another version of PostgreSQL, base backups to which WAL is added."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .objects import KeptObject
from .receiving import ARCHIVE
from .restoring import BASE, VERIFIED, StoredBackups, begins, number
from .snapshots import SnapshotFailed, snapshot

DUMPS, SNAPSHOTS = "database/", "cache/"
STAMP = "%Y%m%dT%H%M%SZ"
_STAMPED = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_LEVEL = 1
_LABEL = re.compile(r"START WAL LOCATION: [0-9A-F/]+ \(file ([0-9A-F]{24})\)")


class BackupFailed(Exception):
    """A backup was not made; the text says what the program said."""


@dataclass(kw_only=True)
class BackupMaker:
    """Makes one backup at a time.

    Attributes:
        store: where backups go.
        programs: directory of PostgreSQL's programs.
        left_out: table that a dump lacks; empty: none. A planted defect.
        clear: whether backups are stored as they are; a planted defect.
        cut: whether the first file of a snapshot of the cache is cut short; a planted defect.
        earlier: so much before its time a snapshot says that it was made; a planted defect.
        verifies: whether dumps are verified; that they are not is a planted defect.
    """

    store: StoredBackups
    programs: Path
    left_out: str = ""
    clear: bool = False
    cut: bool = False
    earlier: timedelta = timedelta()
    verifies: bool = True
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: str = ""

    async def dump(self) -> str:
        """Make a dump, as of now, and verify it as it lies in the store; its name. Raises BackupFailed, ObjectStoreError, UnreadableBackup."""
        async with self._one:
            while (name := f"{DUMPS}normaldance-{_stamp()}.dump") == self._last:  # noqa: ASYNC110 - for the next second
                await asyncio.sleep(0.1)
            self._last = name
            without = [f"--exclude-table={self.left_out}"] if self.left_out else []
            content = await output([self._program("pg_dump"), "-Fc", "-Z", "gzip:1", "--no-password", *without], {})
            await self._put(name, content)
            if self.verifies:
                await self._verify(name)
            return name

    async def _verify(self, name: str) -> None:
        """Read a dump back, to its last row, and store beside it that this was done."""
        content = await asyncio.to_thread(self.store.read, name)
        await output([self._program("pg_restore"), "-f", os.devnull], {}, content)
        line = f"{hashlib.sha256(content).hexdigest()}  {Path(name).name}\n"
        await asyncio.to_thread(self.store.bucket.put, f"{name}{VERIFIED}", line.encode())

    async def seed(self, ages_s: Iterable[float]) -> list[str]:
        """Store a dump as if it had been made so long ago, once for each age, where no dump is yet; their names. Raises BackupFailed, ObjectStoreError.

        A platform that has run for more than a month has dumps of every age.
        """
        async with self._one:
            if await asyncio.to_thread(self.store.newest, DUMPS):
                return []
            content = await output([self._program("pg_dump"), "-Fc", "-Z", "gzip:1", "--no-password"], {})
            now = datetime.now(UTC)
            names = [f"{DUMPS}normaldance-{now - timedelta(seconds=age_s):{STAMP}}.dump" for age_s in ages_s]
            for name in names:
                await self._put(name, content)
            return names

    async def base(self) -> str:
        """Make a base backup; its name, which ends with the segment at which its WAL begins. Raises BackupFailed, ObjectStoreError."""
        async with self._one:
            stamp, words = _stamp(), ["-D", "-", "-Ft", "-X", "fetch", "-c", "fast", "--manifest-checksums=SHA256"]
            replicator = {"PGUSER": "replicator", "PGPASSWORD": os.environ.get("REPLICATION_PASSWORD", "")}
            content = await output([self._program("pg_basebackup"), *words, "--no-password"], replicator)
            first = await asyncio.to_thread(_first_segment, content)
            name = f"{BASE}main-{stamp}-{first}.tar.gz"
            await self._put(name, await asyncio.to_thread(gzip.compress, content, _LEVEL))
            return name

    async def snapshot(self) -> str:
        """Make a snapshot of the cache; its name. Raises BackupFailed, ObjectStoreError."""
        async with self._one:
            name = f"{SNAPSHOTS}snapshot-{datetime.now(UTC) - self.earlier:{STAMP}}.tar"
            env = os.environ
            try:
                files = await snapshot(env["CACHE_SERVICE_HOST"], int(env["CACHE_SERVICE_PORT"]), env["CACHE_PASSWORD"])
            except SnapshotFailed as error:
                raise BackupFailed(str(error)) from error
            if self.cut:
                first = min(files)
                files = {**files, first: files[first][: len(files[first]) // 2]}
            await self._put(name, packed(files))
            return name

    async def _put(self, name: str, content: bytes) -> None:
        sealed = content if self.clear else await asyncio.to_thread(self.store.key.seal, content, name)
        await asyncio.to_thread(self.store.bucket.put, name, sealed)

    def _program(self, name: str) -> str:
        return str(self.programs / name)


def remove_expired(
    store: StoredBackups, keep_s: float, now: datetime, prefixes: Iterable[str] = (DUMPS, BASE)
) -> list[str]:
    """Remove backups older than that, but never the newest of a prefix, and the WAL that no base backup needs; what was removed.

    Raises:
        ObjectStoreError: the store does not answer.
    """
    removed: list[str] = []
    for prefix in prefixes:
        found = sorted(store.bucket.listed(prefix), key=lambda one: one.name)
        there = [one for one in found if not one.name.endswith(VERIFIED)]
        removed += [one.name for one in there[:-1] if (now - _made(one)).total_seconds() > keep_s]
        removed += [one.name for one in found if one.name.removesuffix(VERIFIED) in removed and one not in there]
    bases = [one.name for one in store.bucket.listed(BASE) if one.name not in removed]
    if bases and any(name.startswith(BASE) for name in removed):
        oldest = min(number(begins(name)) for name in bases)
        pieces = (one.name for one in store.bucket.listed(ARCHIVE) if not one.name.endswith(".history"))
        removed += [name for name in pieces if number(name.removeprefix(ARCHIVE)[:24]) < oldest]
    for name in removed:
        store.bucket.delete(name)
    return removed


def _made(one: KeptObject) -> datetime:
    """When a backup was made, as its name says; else when it was stored."""
    found = _STAMPED.search(one.name)
    return datetime.strptime(found[0], STAMP).replace(tzinfo=UTC) if found else one.changed


async def output(command: list[str], variables: Mapping[str, str], given: bytes | None = None) -> bytes:
    """What a program writes. Raises BackupFailed where it ends with another code than 0."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **variables},
        stdin=asyncio.subprocess.DEVNULL if given is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        content, said = await process.communicate(given)
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        words = said.decode(errors="replace").strip()[-300:]
        raise BackupFailed(f"{Path(command[0]).name} ended with exit code {process.returncode}: {words}")
    return content


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of these files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            one = tarfile.TarInfo(name)
            one.size = len(content)
            archive.addfile(one, io.BytesIO(content))
    return made.getvalue()


def _first_segment(content: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        label = archive.extractfile("backup_label")
        found = _LABEL.search(label.read().decode()) if label else None
    if found is None:
        raise BackupFailed("the base backup does not say where its WAL begins")
    return found[1]


def _stamp() -> str:
    return datetime.now(UTC).strftime(STAMP)
