"""Searches one file for markers: as it is, and unpacked where it is packed. What cannot be unpacked is named."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

from harness import clock
from harness.clock import Deadline
from harness.drivers.check.stored.dumps import PackedDump, UnknownDump
from harness.drivers.check.stored.scanning import ByteStream, FoundMarker, MarkerScan, ScanCount
from harness.words import some

_HEAD: Final = 512
"""Bytes at the begin of a file by which its form is known."""
_PACKED: Final[Mapping[bytes, Callable[[Path], IO[bytes]]]] = MappingProxyType(
    {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}  # type: ignore[dict-item]
)
"""What unpacks a file that begins so."""
_NOT_UNPACKED: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        b"\x28\xb5\x2f\xfd": "compressed with zstd",
        b"\x04\x22\x4d\x18": "compressed with lz4",
        b"7z\xbc\xaf": "a 7z archive",
        b"Rar!\x1a": "a RAR archive",
        b"\x1f\x9d": "compressed with compress",
        b"\x89LZO": "compressed with lzop",
        b"\xff\x06\x00\x00sNaPpY": "compressed with snappy",
        b"PAR1": "a Parquet file, which may be compressed",
        b"\x5d\x00\x00": "compressed with lzma",
        b"LZIP": "compressed with lzip",
        b"\x02\x21\x4c\x18": "compressed with lz4",
        **dict.fromkeys((bytes([n]) + b"\x2a\x4d\x18" for n in range(0x50, 0x60)), "compressed with zstd or lz4"),
        **dict.fromkeys((b"x\x01", b"x^", b"x\x9c", b"x\xda"), "compressed with zlib"),
    }
)
"""What is not unpacked here, by how it begins."""
_DUMP: Final = b"PGDMP"
_ANY: Final = (*_PACKED, *_NOT_UNPACKED, b"PK\x03\x04", _DUMP)
_NEAR: Final = 4096
"""Bytes after the declared begin of an encrypted file in which a packed one may begin."""
_BEHIND: Final = re.compile(
    rb"\x1f\x8b\x08[\x00-\x1f]|BZh[1-9]1AY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|PK\x03\x04|PGDMP"
)
"""Begins that random bytes have too rarely to be met by chance."""
_LIES: Final = (
    "a packed file follows its declared begin, so it is not encrypted as that says, and was not searched unpacked"
)
_TWICE: Final = "packed more than once: name a `command` that prints its content"
LATE: Final = "not read as a whole within the time of `encryption.within`"


@dataclass(kw_only=True, slots=True)
class PlaceScan:
    """What was found in one place.

    Attributes:
        files: files, or outputs of commands, that were read.
        size: bytes of them, packed as they are.
        found: how often each marker was found, by file.
        problems: what could not be read, and why.
        began_ns: time at which the search began, in ns since 1970.
        newest_ns: time of the newest change of a file, in ns since 1970.
        wrong: files that do not begin as declared.
    """

    files: int = 0
    size: int = 0
    found: dict[str, Counter[FoundMarker]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    began_ns: int = field(default_factory=lambda: clock.wall_ns(clock.wall()))
    newest_ns: int = 0
    wrong: list[str] = field(default_factory=list)

    def times(self, marker: str) -> int:
        """How often a marker was found."""
        return sum(n for each in self.found.values() for one, n in each.items() if one.marker == marker)

    def add(self, name: str, count: ScanCount) -> None:
        """Count what was read of a file."""
        self.files += 1
        self.size += count.size
        if count.found:
            self.found[name] = count.found

    def fails(self, why: str, name: str) -> None:
        """Record that a file was not read."""
        self.problems.setdefault(why, []).append(name)

    @property
    def not_read(self) -> Iterator[tuple[str, str]]:
        """What was not read: names, and the reason."""
        for why, names in self.problems.items():
            yield some(names), why


class _InTime:
    """A stream that ends at the deadline, however large it is."""

    def __init__(self, stream: ByteStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, size: int, /) -> bytes:
        return b"" if self._deadline.over else self._stream.read(size)


def search_file(  # noqa: PLR0917 - a file, what is searched, and where it is counted
    path: Path,
    scan: MarkerScan,
    seen: PlaceScan,
    begins: re.Pattern[bytes] | None,
    deadline: Deadline,
    name: str = "",
) -> None:
    """Search a file, which is counted and named as `name`; one that is gone is passed over."""
    name = name or str(path)
    count = ScanCount()
    try:
        with path.open("rb", buffering=0) as file:
            head, near = file.read(_HEAD) or b"", file.read(_NEAR) or b""
            file.seek(0)
            scan.read(_InTime(file, deadline), count)
            if head:  # an empty one is no proof that what was written came here
                seen.newest_ns = max(seen.newest_ns, os.fstat(file.fileno()).st_mtime_ns)
    except FileNotFoundError:
        return  # removed since it was listed: a database does that with its logs
    except OSError as error:
        seen.fails(reason_of(error), name)
        return
    count.found += _unpacked(path, head, scan, seen, deadline, name)
    if deadline.over:
        seen.fails(LATE, name)
    seen.add(name, count)
    if begins is None or not head:
        return
    if (begun := begins.match(head)) is None:
        seen.wrong.append(name)
    elif begun.end() and _BEHIND.search(head + near, begun.end()):
        seen.fails(_LIES, name)


def _unpacked(  # noqa: PLR0917 - as above
    path: Path, head: bytes, scan: MarkerScan, seen: PlaceScan, deadline: Deadline, name: str
) -> Counter[FoundMarker]:
    """Search what a packed file holds; one that only begins like a packed one has nothing to unpack."""
    inner = ScanCount()
    try:
        for stream in _inside(path, head):
            begin = stream.read(_HEAD)
            if begin.startswith(_ANY):
                seen.fails(_TWICE, name)
            scan.read(_InTime(_Joined(begin, stream), deadline), inner)
    except UnknownDump as error:
        why = f"an archive of pg_dump {error}: name a `command` that prints its content, as `pg_restore -f - FILE`"
        seen.fails(why, name)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        seen.fails("it begins like a compressed file and could not be unpacked as a whole", name)
    for begins, words in _NOT_UNPACKED.items():
        if head.startswith(begins):
            seen.fails(f"{words}: name a `command` that prints its content, as `zstd -dc FILE`", name)
    return inner.found


def _inside(path: Path, head: bytes) -> Iterator[ByteStream]:
    """What a packed file has in it; each stream is read before the next one."""
    for begin, unpack in _PACKED.items():
        if head.startswith(begin):
            with unpack(path) as stream:
                yield stream
    if head.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as stream:
                    yield stream
    if head.startswith(_DUMP):
        with PackedDump.of(path) as dump:
            yield dump


class _Joined:
    """A stream whose begin was read already."""

    def __init__(self, begin: bytes, stream: ByteStream) -> None:
        self._begin, self._stream = begin, stream

    def read(self, size: int, /) -> bytes:
        begin, self._begin = self._begin, b""
        return begin or self._stream.read(size)


def reason_of(error: OSError) -> str:
    """Why a place cannot be read, and what to do."""
    return f"{error.strerror or type(error).__name__}: run as a user who may read it, or correct the target file"
