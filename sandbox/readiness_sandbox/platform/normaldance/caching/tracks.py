"""Tracks that are read through the cache.

A track that the cache has not is read from the database and put there, for the time to live. A play is counted there too, any other change removes the
track, and each is published on a channel: a row that was read before is not put there. A copy of the database may show an older row for a moment, so the same is
done once more a second later, and a track stays a second less than its time to live.
Without the cache, or without the server that has a track, the database is read.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from aiohttp import web
from prometheus_client import Counter

from ..kit.app import ENVELOPE, RequestRefused  # noqa: TID252 - of the platform
from ..kit.settings import address_of  # noqa: TID252 - as above
from ..kit.times import QuickHistogram  # noqa: TID252 - as above
from .cluster import CacheCluster, CachePlace
from .wire import CacheLost

HEADER: Final = "x-cache"
HIT, MISS, LOST = "HIT", "MISS", "LOST"
CHANNEL: Final = "invalidations"
AGAIN_S: Final = 1.0
COUNT: Final = """
local text = redis.call('GET', KEYS[1])
if text then
    local row = cjson.decode(text)
    if row.plays < tonumber(ARGV[1]) then
        row.plays = tonumber(ARGV[1])
        redis.call('SET', KEYS[1], cjson.encode(row), 'KEEPTTL')
    end
end
"""
"""Counts a play of a cached track; plays only become more, so an older count that comes later changes nothing."""
BUCKETS_S: Final = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1)
Row = dict[str, Any]
Load = Callable[[int], Awaitable[Row | None]]


class TrackReads(Protocol):
    """How tracks are read."""

    def hang(self, app: web.Application) -> None:
        """Let it run and be measured with a service."""

    async def track(self, number: int, load: Load) -> tuple[Row | None, str]:
        """A track, and whether the cache had it: HIT, MISS or LOST; empty: there is no cache. `load` reads the database."""

    async def changed(self, number: int, plays: int | None = None) -> None:
        """A write of the track is done; `plays` is the number of its plays, if that is all that changed."""


class UncachedTracks:
    """Of a platform without a cache."""

    def hang(self, app: web.Application) -> None:
        """Nothing runs."""

    async def track(self, number: int, load: Load) -> tuple[Row | None, str]:
        """The row of the database."""
        return await load(number), ""

    async def changed(self, number: int, plays: int | None = None) -> None:
        """Nothing has to be changed."""


class CachedTracks:
    """Of a platform with a cache.

    Args:
        cluster: the cache.
        ttl_s: time to live, in seconds.
        keeps: whether this pod keeps what it has read, and never reads it again (a planted defect).
        needs: whether a read fails without the cache (a planted defect).
    """

    def __init__(self, cluster: CacheCluster, ttl_s: float, *, keeps: bool = False, needs: bool = False) -> None:
        self.lookups = Counter(
            "cache_lookups_total", "Lookups of the cache, by what they found.", ("outcome",), registry=None
        )
        self.seconds = QuickHistogram(
            "cache_read_seconds", "From a read of the cache to its answer.", ("outcome",), BUCKETS_S
        )
        self._cluster = cluster
        self._stays_ms = int(1000 * (ttl_s - AGAIN_S))
        self._kept: dict[int, Row] | None = {} if keeps else None
        self._needs = needs
        self._loading: dict[int, list[asyncio.Event]] = {}
        self._later: set[asyncio.Task[None]] = set()

    @classmethod
    def from_env(cls) -> CachedTracks:
        """The cache that the variables name."""
        env = os.environ
        cluster = CacheCluster(CachePlace(*address_of("cache")), env["CACHE_PASSWORD"])
        keeps, needs = (env.get(name) == "yes" for name in ("DEFECT_CACHE_KEEPS", "DEFECT_CACHE_NEEDED"))
        return cls(cluster, float(env["CACHE_TTL_S"]), keeps=keeps, needs=needs)

    def hang(self, app: web.Application) -> None:
        """Know the cluster, hear of writes, and be measured."""
        app.cleanup_ctx.extend((self._cluster.watched, self._hears))
        app[ENVELOPE].registry.register(self.lookups)
        app[ENVELOPE].histograms.append(self.seconds)

    async def track(self, number: int, load: Load) -> tuple[Row | None, str]:
        """The cached row; else that of the database, which is cached from now on."""
        if self._kept is not None and number in self._kept:
            return self._kept[number], HIT
        try:
            cached = await self._read(number)
        except CacheLost as lost:
            self.lookups.labels(LOST.lower()).inc()
            if self._needs:
                raise RequestRefused(500, f"the cache: {lost}") from lost
            return await load(number), LOST
        row = cached or await self._filled(number, load)
        if self._kept is not None and row is not None:
            self._kept[number] = row
        return row, HIT if cached else MISS

    async def changed(self, number: int, plays: int | None = None) -> None:
        """Change or remove the track now and once more later, and tell the other pods."""
        self._outdated(number)
        words: tuple[str | int, ...] = ("DEL", _key(number))
        if plays is not None:
            words = ("EVAL", COUNT, 1, _key(number), plays)
        with suppress(CacheLost):  # it ends with its time to live
            await self._cluster.ask(_key(number), *words)
            await self._cluster.ask(_key(number), "PUBLISH", CHANNEL, number)
        again = asyncio.create_task(self._once_more(number, words))
        self._later.add(again)
        again.add_done_callback(self._later.discard)

    async def _read(self, number: int) -> Row | None:
        began_s = time.monotonic()
        text = await self._cluster.ask(_key(number), "GET", _key(number))
        outcome = (MISS if text is None else HIT).lower()
        self.seconds.observe(time.monotonic() - began_s, outcome)
        self.lookups.labels(outcome).inc()
        row: Row | None = json.loads(text) if isinstance(text, bytes) else None
        return row

    async def _filled(self, number: int, load: Load) -> Row | None:
        outdated = asyncio.Event()
        self._loading.setdefault(number, []).append(outdated)
        try:
            row = await load(number)
        finally:
            self._loading[number].remove(outdated)
            if not self._loading[number]:
                del self._loading[number]
        if row is not None and not outdated.is_set():
            with suppress(CacheLost):  # the next read fills it
                await self._cluster.ask(_key(number), "SET", _key(number), json.dumps(row), "PX", self._stays_ms)
        return row

    async def _once_more(self, number: int, words: tuple[str | int, ...]) -> None:
        await asyncio.sleep(AGAIN_S)
        with suppress(CacheLost):
            await self._cluster.ask(_key(number), *words)

    def _outdated(self, number: int) -> None:
        """What is being read of this track is not cached."""
        for each in self._loading.get(number, ()):
            each.set()

    async def _hears(self, _: web.Application) -> AsyncIterator[None]:
        def heard(_channel: bytes, message: bytes) -> None:
            if message.isdigit():
                self._outdated(int(message))

        hearing = asyncio.create_task(self._cluster.listen(CHANNEL, heard))
        yield
        for task in (hearing, *self._later):
            task.cancel()
        await asyncio.wait([hearing, *self._later])


def is_on() -> bool:
    """Whether the platform has a cache."""
    return os.environ.get("CACHE") == "on"


def tracks_from_env() -> CachedTracks | UncachedTracks:
    """How tracks are read here."""
    return CachedTracks.from_env() if is_on() else UncachedTracks()


def _key(number: int) -> str:
    return f"track:{number}"
