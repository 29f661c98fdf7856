"""Reads the places in which data is stored, file by file, and searches them for markers.

What is compressed with gzip, bzip2, xz or zip is searched unpacked too. What cannot be read is named; nothing is passed over in silence.
"""

from __future__ import annotations

import bz2
import errno
import glob
import gzip
import io
import lzma
import os
import re
import select
import stat
import subprocess
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
from harness.drivers.check.stored.scanning import ByteStream, FoundMarker, MarkerScan, ScanCount
from harness.errors import ConfigurationError, HarnessError
from harness.targets import Target
from harness.targets.cluster.commands import run_in_pod
from harness.targets.cluster.selectors import selector_text
from harness.targets.files.stored import PodCommand, StorePlace
from harness.targets.kubernetes import Cluster

_HEAD: Final = 512
"""Bytes at the begin of a file by which its form is known."""
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_PACKED: Final[Mapping[bytes, Callable[[Path], IO[bytes]]]] = MappingProxyType(
    {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}  # type: ignore[dict-item]
)
"""What unpacks a file that begins so."""
_NOT_UNPACKED: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        b"\x28\xb5\x2f\xfd": "compressed with zstd",
        b"\x04\x22\x4d\x18": "compressed with lz4",
        b"PGDMP": "an archive of pg_dump, which may be compressed",
        b"7z\xbc\xaf": "a 7z archive",
        b"Rar!\x1a": "a RAR archive",
        b"\x1f\x9d": "compressed with compress",
        b"\x89LZO": "compressed with lzop",
        b"\xff\x06\x00\x00sNaPpY": "compressed with snappy",
        b"PAR1": "a Parquet file, which may be compressed",
    }
)
"""What is not unpacked here, by how it begins."""
_LATE: Final = "not read as a whole within the time of `encryption.within`"
_NAMED: Final = 5
"""Files with one and the same problem that are named; of the others the number is given."""


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
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield ", ".join(names[:_NAMED]) + more, why


def scan_place(target: Target, store: StorePlace, scan: MarkerScan, deadline: Deadline) -> PlaceScan:
    """Search one place for markers, until the deadline."""
    seen = PlaceScan()
    if store.command:
        _of_command(store.command, scan, seen, deadline)
    elif store.pods is not None:
        _of_pods(target, store.pods, scan, seen, deadline)
    else:
        begins = re.compile(store.begins.encode()) if store.begins else None
        for path in _files(target, store, seen):
            if deadline.over:
                seen.fails(_LATE, str(path))
            else:
                _of_file(path, scan, seen, begins, deadline)
    return seen


def _files(target: Target, store: StorePlace, seen: PlaceScan) -> Iterator[Path]:
    """Every file of a place once, also where several names lead to it; a link to a directory is followed once."""
    known: set[tuple[int, int]] = set()
    for name in store.files:
        pattern = str(target.beside(str(Path(name).expanduser())))
        paths = [pattern]
        if glob.has_magic(pattern):
            paths = glob.glob(pattern, recursive=True, include_hidden=True)  # noqa: PTH207 - pathlib's has no absolute patterns
        if not paths:
            seen.fails("no file matches; correct `files`, or run on the machine that has them", name)
        for path in map(Path, sorted(paths)):
            if path.exists() and not (path.is_file() or path.is_dir()):
                seen.fails("it is neither a file nor a directory", str(path))
            yield from _below(path, seen, known, named=True)


def _below(path: Path, seen: PlaceScan, known: set[tuple[int, int]], *, named: bool = False) -> Iterator[Path]:
    """The files of a path; one that is not named is passed over where it is gone since it was listed, or is a link without an end."""
    try:
        status = path.stat()
    except OSError as error:
        if error.errno in _GONE and not named:
            return
        seen.fails(_reason(error), str(path))
        return
    if (status.st_dev, status.st_ino) in known:
        return
    known.add((status.st_dev, status.st_ino))
    if stat.S_ISREG(status.st_mode):
        yield path
    elif stat.S_ISDIR(status.st_mode):
        try:
            below = sorted(path.iterdir())
        except OSError as error:
            if error.errno not in _GONE or named:
                seen.fails(_reason(error), str(path))
            return
        for each in below:
            yield from _below(each, seen, known)


class _InTime:
    """A stream that ends at the deadline, however large it is."""

    def __init__(self, stream: ByteStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, size: int, /) -> bytes:
        return b"" if self._deadline.over else self._stream.read(size)


def _of_file(
    path: Path, scan: MarkerScan, seen: PlaceScan, begins: re.Pattern[bytes] | None, deadline: Deadline
) -> None:
    count = ScanCount()
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(_HEAD) or b""
            file.seek(0)
            scan.read(_InTime(file, deadline), count)
            seen.newest_ns = max(seen.newest_ns, os.fstat(file.fileno()).st_mtime_ns)
    except FileNotFoundError:
        return  # removed since it was listed: a database does that with its logs
    except OSError as error:
        seen.fails(_reason(error), str(path))
        return
    count.found += _unpacked(path, head, scan, seen, deadline)
    if deadline.over:
        seen.fails(_LATE, str(path))
    seen.add(str(path), count)
    if begins is not None and head and not begins.match(head):
        seen.wrong.append(str(path))


def _unpacked(path: Path, head: bytes, scan: MarkerScan, seen: PlaceScan, deadline: Deadline) -> Counter[FoundMarker]:
    """Search what a packed file holds; one that only begins like a packed one has nothing to unpack."""
    inner = ScanCount()
    try:
        for begin, unpack in _PACKED.items():
            if head.startswith(begin):
                with unpack(path) as stream:
                    scan.read(_InTime(stream, deadline), inner)
        if head.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    with archive.open(member) as stream:
                        scan.read(_InTime(stream, deadline), inner)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        seen.fails("it begins like a compressed file and could not be unpacked as a whole", str(path))
    for begin, words in _NOT_UNPACKED.items():
        if head.startswith(begin):
            seen.fails(f"{words}: name a `command` that prints its content, as `zstd -dc FILE`", str(path))
    return inner.found


def _of_command(command: tuple[str, ...], scan: MarkerScan, seen: PlaceScan, deadline: Deadline) -> None:
    """Search what a command prints, while it prints it."""
    name = f"output of `{command[0]}`"
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
    except OSError as error:
        seen.fails(_reason(error), name)
        return
    with process:
        count = ScanCount()
        if process.stdout is not None:
            scan.read(_Until(process.stdout, deadline), count)
        ended = True
        try:
            process.wait(deadline.left_s)
        except subprocess.TimeoutExpired:
            ended = False
            process.kill()
            seen.fails("it did not end within the time of `encryption.within`", name)
    if process.returncode and ended:
        seen.fails(f"it ended with exit code {process.returncode}", name)
    seen.add(name, count)
    seen.newest_ns = clock.wall_ns(clock.wall())


class _Until:
    """A stream that ends at the deadline."""

    def __init__(self, stream: IO[bytes], deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, size: int, /) -> bytes:
        ready, _, _ = select.select([self._stream], [], [], self._deadline.left_s)
        return self._stream.read(size) or b"" if ready else b""


def _of_pods(target: Target, pods: PodCommand, scan: MarkerScan, seen: PlaceScan, deadline: Deadline) -> None:
    if target.kubernetes is None:
        raise ConfigurationError(
            "the target file names no cluster",
            where=f"{target.file}: kubernetes",
            hint="`pods` of `encryption.stores` needs it",
        )
    selector = selector_text(pods.selector)
    found = Cluster.of(target).pods(pods.namespace, selector)
    if not found:
        seen.fails(f"no pod has the labels {selector}", pods.namespace)
    for pod in found:
        name = f"{pods.namespace}/{pod['metadata']['name']}"
        try:
            done = run_in_pod(
                target,
                pods.namespace,
                pod["metadata"]["name"],
                pods.command,
                container=pods.container,
                within_s=max(1.0, deadline.left_s),
            )
        except HarnessError as error:
            seen.fails(error.what, name)
            continue
        if done.code:
            seen.fails(f"the command ended with exit code {done.code}", name)
        stream: ByteStream = io.BytesIO(done.output.encode("utf-8", "surrogateescape"))
        seen.add(name, scan.read(stream, ScanCount()))


def _reason(error: OSError) -> str:
    return f"{error.strerror or type(error).__name__}: run as a user who may read it, or correct the target file"
