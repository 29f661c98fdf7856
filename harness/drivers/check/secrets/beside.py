"""Requests that are sent at a steady rate while a secret is rotated, and how many of them failed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count, cycle
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.stored import Rotation
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

_AT_ONCE: Final = 16
_WITHIN_S: Final = 5.0
_LIMITED: Final = 429


class SteadyRequests:
    """What the requests came to so far.

    Attributes:
        sent: number of requests that ended.
        failed: number of failed requests, by what happened.
        limited: number of requests with status 429, which says nothing of the rotation.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.failed: Counter[str] = Counter()
        self.limited = 0
        self._lock = threading.Lock()

    def add(self, place: str, said: str, *, limited: bool = False) -> None:
        """Count one request; `said` is empty where it was answered well."""
        with self._lock:
            self.sent += 1
            self.limited += limited
            if said:
                self.failed[f"{place}: {said}"] += 1

    @property
    def words(self) -> str:
        """Numbers of what was sent and what failed."""
        worst = ", ".join(f"{n} of {what}" for what, n in self.failed.most_common(3))
        bad = f"{sum(self.failed.values())} failed ({worst})" if self.failed else "0 failed"
        return f"{self.sent} requests, {bad}" + (f", {self.limited} limited (429)" if self.limited else "")


def paths_of(target: Target, rotation: Rotation) -> tuple[str, ...]:
    """The paths that are requested: those of the rotation, else those of `probes`."""
    named = (
        rotation.requests or tuple(one.path for one in target.probes.services.values()) or (target.probes.read.path,)
    )
    if not target.entry:
        raise ConfigurationError("the key `entry` is missing", where=str(target.file), hint="write `entry: https://…`")
    return tuple(dict.fromkeys(named))


@contextmanager
def requests_beside(target: Target, rotation: Rotation) -> Iterator[SteadyRequests]:
    """Context in which every path is requested in turn, at the entry of every region or at that of the target."""
    doors = target.doors or {"": target.entry}
    places = [(name, url, path) for path in paths_of(target, rotation) for name, url in doors.items()]
    seen, ending = SteadyRequests(), threading.Event()
    with ExitStack() as stack:
        clients = {
            url: stack.enter_context(http_client(target, url, timeout_s=_WITHIN_S, connections=_AT_ONCE))
            for url in dict.fromkeys(url for _, url, _ in places)
        }
        pool = stack.enter_context(ThreadPoolExecutor(_AT_ONCE))
        calls = cycle([(f"{name} {path}".strip(), clients[url], path) for name, url, path in places])
        sender = threading.Thread(target=_send, args=(pool, calls, seen, ending, 1 / rotation.rate_per_s))
        sender.start()
        try:
            yield seen
        finally:
            ending.set()
            sender.join()


def _send(
    pool: ThreadPoolExecutor,
    calls: Iterator[tuple[str, httpx.Client, str]],
    seen: SteadyRequests,
    ending: threading.Event,
    every_s: float,
) -> None:
    """Send requests, each at its time, until the end; then wait for the answers."""
    began_s, under_way = clock.now_s(), list[Future[None]]()
    for number in count():
        if ending.wait(max(0.0, began_s + number * every_s - clock.now_s())):
            break
        under_way = [one for one in under_way if not one.done()]
        under_way.append(pool.submit(_request, *next(calls), seen))
    _await(under_way)


def _await(under_way: Sequence[Future[None]]) -> None:
    for one in under_way:
        one.result()


def _request(place: str, client: httpx.Client, path: str, seen: SteadyRequests) -> None:
    import httpx

    try:
        status = client.get(path).status_code
    except httpx.HTTPError as error:
        seen.add(place, f"no answer, {type(error).__name__}")
        return
    if status == _LIMITED:
        seen.add(place, "", limited=True)
    else:
        seen.add(place, "" if 200 <= status < 400 else f"status {status}")
