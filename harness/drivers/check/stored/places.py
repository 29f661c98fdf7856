"""Reads the places in which data is stored, file by file, and searches them for markers.

What is compressed with gzip, bzip2, xz or zip, and an archive of pg_dump, is searched unpacked too. What cannot be read is named; nothing is passed over in silence.
"""

from __future__ import annotations

import errno
import glob
import io
import os
import re
import select
import stat
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Final

from harness import clock
from harness.clock import Deadline
from harness.drivers.check.stored.files import LATE, PlaceScan, reason_of, search_file
from harness.drivers.check.stored.objects import search_backups
from harness.drivers.check.stored.scanning import ByteStream, MarkerScan, ScanCount
from harness.errors import ConfigurationError, HarnessError
from harness.targets import Target
from harness.targets.cluster.commands import run_in_pod
from harness.targets.cluster.selectors import selector_text
from harness.targets.files.stored import PodCommand, StorePlace
from harness.targets.kubernetes import Cluster

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


def scan_place(target: Target, store: StorePlace, scan: MarkerScan, deadline: Deadline) -> PlaceScan:
    """Search one place for markers, until the deadline."""
    seen = PlaceScan()
    begins = re.compile(store.begins.encode()) if store.begins else None
    if store.command:
        _of_command(store.command, scan, seen, deadline)
    elif store.pods is not None:
        _of_pods(target, store.pods, scan, seen, deadline)
    elif store.backups:
        search_backups(target, store.backups, scan, seen, begins, deadline)
    else:
        for path in _files(target, store, seen):
            if deadline.over:
                seen.fails(LATE, str(path))
            else:
                search_file(path, scan, seen, begins, deadline)
    return seen


def _files(target: Target, store: StorePlace, seen: PlaceScan) -> Iterator[Path]:
    """Every file of a place once, also where several names lead to it; a link to a directory is followed once."""
    known: set[tuple[int, int]] = set()
    for name in store.files:
        try:
            pattern = target.beside(str(Path(name).expanduser())).absolute()
            paths = [pattern]
            if glob.has_magic(str(pattern)):
                paths = sorted(_matching(Path(pattern.anchor), pattern.parts[1:], seen, set()))
        except (RuntimeError, ValueError) as error:  # an unknown user after `~`, or a character that no name may have
            seen.fails(f"{error}; correct `files`", name)
            continue
        if not paths:
            seen.fails("no file matches; correct `files`, or run on the machine that has them", name)
        for path in paths:
            yield from _below(path, seen, known, named=True)


def _matching(place: Path, parts: tuple[str, ...], seen: PlaceScan, walked: set[tuple[str, int]]) -> Iterator[Path]:
    """What the parts of a pattern name below a directory.

    Links to directories are followed; `walked` has what was walked for a `**`, which is done once.
    """
    if not parts:
        yield place
    elif not glob.has_magic(parts[0]):
        if _is_there(place / parts[0], seen):
            yield from _matching(place / parts[0], parts[1:], seen, walked)
    elif parts[0] != "**":
        for path, _ in _entries(place, seen):
            if fnmatchcase(path.name, parts[0]):
                yield from _matching(path, parts[1:], seen, walked)
    elif (once := (os.path.realpath(place), len(parts))) not in walked:
        walked.add(once)
        yield from _matching(place, parts[1:], seen, walked)
        for path, is_directory in _entries(place, seen):
            if is_directory:
                yield from _matching(path, parts, seen, walked)


def _is_there(path: Path, seen: PlaceScan) -> bool:
    """Whether there is such a name; a directory in which nothing may be looked up is named."""
    try:
        path.lstat()
    except OSError as error:
        if error.errno not in _GONE:
            seen.fails(reason_of(error), str(path.parent))
        return False
    return True


def _entries(place: Path, seen: PlaceScan) -> list[tuple[Path, bool]]:
    """What is in a directory, and whether it is one itself; a directory that may not be listed is named, since it may have more."""
    try:
        with os.scandir(place) as listed:
            return [(Path(one.path), one.is_dir()) for one in listed]
    except OSError as error:
        if error.errno not in _GONE:
            seen.fails(reason_of(error), str(place))
        return []


def _below(path: Path, seen: PlaceScan, known: set[tuple[int, int]], *, named: bool = False) -> Iterator[Path]:
    """The files of a path; one that is not named is passed over where it is gone since it was listed, or is a link without an end."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # the latter of a character that no name may have
        if isinstance(error, OSError) and error.errno in _GONE and not named:
            return
        seen.fails(reason_of(error) if isinstance(error, OSError) else f"{error}; correct `files`", str(path))
        return
    if (status.st_dev, status.st_ino) in known:
        return
    known.add((status.st_dev, status.st_ino))
    if stat.S_ISREG(status.st_mode):
        yield path
    elif not stat.S_ISDIR(status.st_mode):
        if named:
            seen.fails("it is neither a file nor a directory", str(path))
    else:
        try:
            below = sorted(path.iterdir())
        except OSError as error:
            if error.errno not in _GONE or named:
                seen.fails(reason_of(error), str(path))
            return
        for each in below:
            yield from _below(each, seen, known)


def _of_command(command: tuple[str, ...], scan: MarkerScan, seen: PlaceScan, deadline: Deadline) -> None:
    """Search what a command prints, while it prints it."""
    name = f"output of `{command[0]}`"
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
    except OSError as error:
        seen.fails(reason_of(error), name)
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
