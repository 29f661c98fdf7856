"""The archive of the database's WAL: `pg_receivewal` streams it, and what is new goes to the object store every few moments.

    archive/wal/SEGMENT/FROM-TO    the bytes of a segment from one offset to another, in hexadecimal
    archive/wal/TIMELINE.history   where a timeline branched off

Pieces, not segments: what was written last is stored without a segment being ended for it, and nothing is stored twice. WAL is only ever
appended, so pieces of one segment never contradict each other.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .sealed import BackupKey

SEGMENT_BYTES = 16 << 20
ARCHIVE = "archive/wal/"
AGAIN_S = 0.2
_PARTIAL = ".partial"
_ZEROS = bytes(64 << 10)
"""Compared at once: byte by byte, the end of a segment took 50 ms of a processor each time."""
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_BROKEN = ("has already been removed", "is not in this server's history", "is ahead of the WAL flush position")
"""What the server says where what it has does not follow what was received."""

Put = Callable[[str, bytes], None]


def written(content: bytes) -> int:
    """How many bytes of a segment were written: what follows is zeros, as a piece that is not stored is."""
    until = len(content)
    while content.endswith(_ZEROS, 0, until):
        until -= len(_ZEROS)
    start = max(0, until - len(_ZEROS))
    return start + len(content[start:until].rstrip(b"\0"))


@dataclass(kw_only=True)
class WalArchive:
    """What was received, and how much of it is stored.

    Attributes:
        directory: where `pg_receivewal` writes.
        key: that all is encrypted with; None: it is stored as it is, a planted defect.
        put: stores an object.
        skips: number of the segment that is never stored, from 0 for the first; a planted defect.
    """

    directory: Path
    key: BackupKey | None
    put: Put
    skips: int | None = None
    _stored: dict[str, int] = field(default_factory=dict)
    _skipped: str = ""

    def store(self) -> int:
        """Store what is new; how many bytes it was. Raises ObjectStoreError, then it is tried again the next time."""
        total = 0
        for file in sorted(self.directory.iterdir(), key=lambda each: each.name):
            name = file.name.removesuffix(_PARTIAL)
            if _SEGMENT.fullmatch(name):
                total += self._store_segment(file, name, complete=file.name == name)
            elif name.endswith(".history") and name not in self._stored:
                self._put(ARCHIVE + name, content := file.read_bytes())
                self._stored[name] = len(content)
        return total

    def _store_segment(self, file: Path, name: str, *, complete: bool) -> int:
        since = self._stored.get(name, 0)
        if name not in self._stored and self.skips is not None and len(self._stored) == self.skips:
            self._skipped = self._skipped or name
        self._stored.setdefault(name, 0)
        if since >= SEGMENT_BYTES:
            return 0
        with suppress(FileNotFoundError):  # it was renamed meanwhile
            with file.open("rb") as segment:
                segment.seek(since)
                content = segment.read()
            until = SEGMENT_BYTES if complete else since + written(content)
            if until > since and name != self._skipped:
                self._put(f"{ARCHIVE}{name}/{since:08x}-{until:08x}", content[: until - since])
            if until > since:
                self._stored[name] = until
                return until - since
        return 0

    def _put(self, name: str, content: bytes) -> None:
        self.put(name, self.key.seal(content, name) if self.key else content)

    def forget(self) -> None:
        """Begin again where the database is now: what was received does not lead there."""
        for file in self.directory.iterdir():
            file.unlink()


async def receive(programs: Path, archive: WalArchive, broken: Callable[[], None]) -> None:
    """Stream WAL from the primary for as long as the pod runs, from wherever the last one was lost.

    `broken` is called where the archive has a gap from now on, so that a new base backup is needed.
    """
    command = [str(programs / "pg_receivewal"), "-D", str(archive.directory), "--no-loop", "--no-password"]
    env = {**os.environ, "PGAPPNAME": "wal-archive", "PGUSER": "replicator"}
    env["PGPASSWORD"] = os.environ.get("REPLICATION_PASSWORD", "")
    env.pop("PGDATABASE", None)
    while True:
        process = await asyncio.create_subprocess_exec(
            *command, env=env, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        text = said.decode(errors="replace").strip()
        if any(words in text for words in _BROKEN):
            sys.stderr.write(f"the archive has a gap, and begins again: {text[-200:]}\n")
            archive.forget()
            broken()
        await asyncio.sleep(AGAIN_S)
