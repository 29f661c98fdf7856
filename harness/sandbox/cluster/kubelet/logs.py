"""Container logs: one file a start, as /var/log/pods has it, with an index that knows to a second when a line came."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from harness import clock
from harness.sandbox.cluster.statuses import bad_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from harness.sandbox.cluster.store import Object

FOLLOW_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which part of a log, as the API's query parameters say it."""

    follow: bool = False
    tail_lines: int | None = None
    since_seconds: int | None = None
    timestamps: bool = False
    limit_bytes: int | None = None


class LogTimes:
    """When each log had which size, sampled by `sample`."""

    def __init__(self) -> None:
        self._samples: dict[Path, list[tuple[int, datetime]]] = {}

    def sample(self, path: Path) -> None:
        """Note the size of a log now, if it has grown."""
        size = path.stat().st_size if path.exists() else 0
        samples = self._samples.setdefault(path, [])
        if size and (not samples or samples[-1][0] < size):
            samples.append((size, clock.wall()))

    def forget(self, directory: Path) -> None:
        """Drop what is known of the logs below a directory."""
        self._samples = {path: each for path, each in self._samples.items() if not path.is_relative_to(directory)}

    def at(self, path: Path, offset: int) -> datetime:
        """When the byte at that offset had been written, at the latest."""
        samples = self._samples.get(path, [])
        return next((when for size, when in samples if size > offset), clock.wall())


def pod_directory(root: Path, pod: Object) -> Path:
    """Where the logs of a pod are."""
    meta = pod["metadata"]
    return root / f"{meta['namespace']}_{meta['name']}_{meta['uid']}"


def chosen(pod: Object, name: str | None) -> str:
    """The container that is meant; an empty name is the only one. Raises StatusError 400."""
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


async def read(path: Path, wanted: Wanted, times: LogTimes, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The wanted lines of a log; with `follow` on until `ended`."""
    offset, left = 0, wanted.limit_bytes
    for number, lines in enumerate(_batches(path, wanted, times)):
        for start, line in lines:
            offset = start + len(line)
            out = f"{_stamp(times.at(path, start))} ".encode() + line if wanted.timestamps else line
            out = out if left is None else out[:left]
            left = None if left is None else left - len(out)
            if out:
                yield out
        if number == 0 and not wanted.follow:
            return
        if ended() and not any(_lines(path, offset)):
            return
        await clock.asleep(FOLLOW_S)


def _batches(path: Path, wanted: Wanted, times: LogTimes) -> Iterator[list[tuple[int, bytes]]]:
    """What is there, cut to what is wanted; then again and again what has come since."""
    found = list(_lines(path, 0))
    offset = found[-1][0] + len(found[-1][1]) if found else 0
    if wanted.since_seconds is not None:
        earliest = clock.wall() - timedelta(seconds=wanted.since_seconds)
        found = [(start, line) for start, line in found if times.at(path, start) >= earliest]
    if wanted.tail_lines is not None:
        found = list(deque(found, maxlen=wanted.tail_lines))
    yield found
    while True:
        found = list(_lines(path, offset))
        offset = found[-1][0] + len(found[-1][1]) if found else offset
        yield found


def _lines(path: Path, offset: int) -> Iterator[tuple[int, bytes]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            yield offset, line
            offset += len(line)


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
