"""Container logs: one file a start, as in /var/log/pods, with the time of each line.

The index has these to a second.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import clock
from readiness_sandbox.cluster.statuses import bad_request
from readiness_sandbox.cluster.timestamps import micro_timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from readiness_sandbox.cluster.store import Object

FOLLOW_S = 0.1
LONGEST_NAME = 128
"""Bytes of a pod's name in its log directory, which the uid makes unique.

A file's name has at most 255 bytes.
"""
AT_ONCE = 1 << 16
"""Bytes of a log that are read before others have their turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogOptions:
    """Which part of a log, as the API's query parameters say it."""

    follow: bool = False
    tail_lines: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    limit_bytes: int | None = None


class LogTimes:
    """When each log had which size, sampled by `sample`."""

    def __init__(self) -> None:
        self._samples: dict[Path, list[tuple[int, datetime]]] = {}

    def sample(self, path: Path) -> None:
        """Note the size of a log now, if it has grown."""
        try:
            size = os.stat(path).st_size  # noqa: PTH116 - of each log each second, and as cheap as can be
        except OSError:
            return
        samples = self._samples.setdefault(path, [])
        if size and (not samples or samples[-1][0] < size):
            samples.append((size, clock.wall()))

    def forget(self, directory: Path) -> None:
        """Drop what is known of the logs below a directory."""
        self._samples = {path: each for path, each in self._samples.items() if not path.is_relative_to(directory)}

    def at(self, path: Path, offset: int) -> datetime:
        """When the byte at that offset had been written, at the latest."""
        samples = self._samples.get(path, [])
        first = bisect_right(samples, offset, key=lambda sample: sample[0])
        return samples[first][1] if first < len(samples) else clock.wall()


def pod_directory(root: Path, pod: Object) -> Path:
    """Where the logs of a pod are."""
    meta = pod["metadata"]
    return root / f"{meta['namespace']}_{meta['name'][:LONGEST_NAME]}_{meta['uid']}"


def chosen(pod: Object, name: str | None) -> str:
    """The container of that name; an empty name selects the only one. Raises StatusError 400."""
    names = [each["name"] for key in ("containers", "initContainers") for each in pod["spec"].get(key) or ()]
    plain = [each["name"] for each in pod["spec"]["containers"]]
    where = pod["metadata"]["name"]
    if not name and len(plain) == 1:
        return str(plain[0])
    if not name:
        raise bad_request(f"a container name must be specified for pod {where}, choose one of: [{' '.join(names)}]")
    if name not in names:
        raise bad_request(f"container {name} is not valid for pod {where}")
    return name


async def read(path: Path, options: LogOptions, times: LogTimes, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The selected lines of a log; with `follow` on until `ended`."""
    offset, left = 0, options.limit_bytes
    found = _chosen(path, options, times)
    while True:
        async for start, line in found:
            offset = start + len(line)
            if not line:
                continue
            out = f"{micro_timestamp(times.at(path, start))} ".encode() + line if options.timestamps else line
            out = out if left is None else out[:left]
            left = None if left is None else left - len(out)
            if out:
                yield out
            if left == 0:
                return
        if not options.follow or (ended() and not any(_lines(path, offset))):
            return
        await clock.asleep(FOLLOW_S)
        found = _all(path, offset)


async def _chosen(path: Path, options: LogOptions, times: LogTimes) -> AsyncIterator[tuple[int, bytes]]:
    """What is there, cut to what is asked for; then an empty line where it ends."""
    last: deque[tuple[int, bytes]] = deque(maxlen=min(options.tail_lines or 0, sys.maxsize))
    end = 0
    async for start, line in _all(path, 0):
        end = start + len(line)
        if options.since is not None and times.at(path, start) < options.since:
            continue
        if options.tail_lines is None:
            yield start, line
        else:
            last.append((start, line))
    for each in last:
        yield each
    yield end, b""


async def _all(path: Path, offset: int) -> AsyncIterator[tuple[int, bytes]]:
    """The lines from there on; others have their turn in between."""
    turn = offset
    for start, line in _lines(path, offset):
        if start - turn > AT_ONCE:
            turn = start
            await clock.asleep(0)
        yield start, line


def _lines(path: Path, offset: int) -> Iterator[tuple[int, bytes]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            yield offset, line
            offset += len(line)
