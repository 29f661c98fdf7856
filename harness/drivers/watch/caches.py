"""The watcher of caches that speak the Redis protocol: it reads and writes a key in the hash slots of each primary.

It follows a cluster as clients do: where a server is gone or sends it elsewhere, it asks the others which primary has which slots.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness import clock
from harness.drivers.watch.entry.probers import WAIT_S
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Pace, Watcher, Watching
from harness.errors import DriverError
from harness.model.records.table import CACHE
from harness.targets.caches import (
    CacheAddress,
    ClusterNode,
    address_of,
    cluster_nodes,
    lookups_text,
    members_of,
    options_of,
    servers_of,
    watched_key,
)
from harness.targets.files.cache import CacheServer
from harness.targets.files.target import Target

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from harness.drivers.watch.recorder import WatchRecorder
    from harness.drivers.watch.schedule import Probe, ProbeSchedule
    from harness.evidence.rows import RowWriter

_KINDS: Final = ("read", "write")
_KEPT_MS: Final = 60_000
"""Time after which a key is gone if no write follows, in ms."""


class WatchedCache:
    """One cache: which primary has which hash slots, and a key in the slots of each.

    Args:
        target: target.
        name: name of the cache in the target file.
        server: the server that the target file names.
        nodes: its servers; none if it is not a cluster; None: not known yet.
    """

    def __init__(self, target: Target, name: str, server: CacheServer, nodes: Sequence[ClusterNode] | None) -> None:
        self._target = target
        self._name = name
        self._server = server
        self._nodes: Sequence[ClusterNode] = ()
        self._keys: dict[int | None, str] = {}
        self._lookups: dict[str, tuple[int, int]] = {}
        self._clients: dict[CacheAddress, Redis] = {}
        self._learning: asyncio.Task[None] | None = None
        self._turn = 0
        if nodes is not None:
            self._learned(nodes)

    async def ask(self, kind: str) -> tuple[list[str], list[str]]:
        """Read or write every key: the primary of each key, and what failed."""
        if not self._keys:
            self._learn_soon()
            return [], [f"{self._name}: no server reports which slots it serves"]
        found = await asyncio.gather(*(self._ask_of(slot, key, kind) for slot, key in self._keys.items()))
        return [at for at, _ in found], [f"{self._name} {at}: {why}" for at, why in found if why]

    async def aclose(self) -> None:
        """Close all connections."""
        if self._learning is not None:
            self._learning.cancel()
            with suppress(asyncio.CancelledError):
                await self._learning
        for client in self._clients.values():
            await client.aclose()

    def _learned(self, nodes: Sequence[ClusterNode]) -> None:
        """Keep which primary has which slots; a primary without a key gets one. No key is given up, so that slots without a primary are seen."""
        self._nodes = nodes
        if not nodes:
            self._keys.setdefault(None, watched_key(None))
        for node in nodes:
            if not node.primary and node.ranges and not any(node.serves(slot) for slot in self._keys):
                first = node.ranges[0][0]
                self._keys[first] = watched_key(first)

    def _owner(self, slot: int | None) -> CacheAddress | None:
        if slot is None:
            return address_of(self._server)
        return next((one.at for one in self._nodes if not one.primary and one.serves(slot)), None)

    async def _ask_of(self, slot: int | None, key: str, kind: str) -> tuple[str, str]:
        """The primary that was asked for a key, and why this failed; empty if it did not."""
        from redis import exceptions

        at = self._owner(slot)
        if at is None:
            self._learn_soon()
            return f"slot {slot}", "no primary"
        words: tuple[str | int, ...] = ("GET", key)
        if kind == "write":
            words = ("SET", key, lookups_text(*self._lookups.get(key, (0, 0))), "PX", _KEPT_MS)
        try:
            async with asyncio.timeout(WAIT_S):
                try:
                    found = await self._ask(at, *words)
                except exceptions.MovedError as moved:
                    self._learn_soon()
                    at = CacheAddress(moved.host or at.host, moved.port)
                    found = await self._ask(at, *words)
        except TimeoutError:
            self._learn_soon()
            return str(at), "no answer"
        except (exceptions.RedisError, OSError) as error:
            self._learn_soon()
            return str(at), " ".join(str(error).split()) or type(error).__name__
        if kind == "read":
            hits, misses = self._lookups.get(key, (0, 0))
            self._lookups[key] = (hits, misses + 1) if found is None else (hits + 1, misses)
        return str(at), ""

    async def _ask(self, at: CacheAddress, *words: str | int) -> Any:
        """The answer of one server to a command; it raises what redis-py raises."""
        if at not in self._clients:
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            options: dict[str, Any] = options_of(self._target, self._server, at, within_s=WAIT_S)
            self._clients[at] = Redis(**options, retry=Retry(NoBackoff(), 0))
        return await self._clients[at].execute_command(*words)  # type: ignore[no-untyped-call]

    def _learn_soon(self) -> None:
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._learn())

    async def _learn(self) -> None:
        """Ask the servers, each time beginning with another, until one reports which primary has which slots."""
        from redis import exceptions

        known = sorted({address_of(self._server), *(one.at for one in self._nodes if one.state != "fail")})
        self._turn += 1
        for number in range(len(known)):
            at = known[(self._turn + number) % len(known)]
            with suppress(exceptions.RedisError, OSError, TimeoutError, KeyError, ValueError):
                async with asyncio.timeout(WAIT_S):
                    info = await self._ask(at, "INFO", "cluster")
                    enabled = int(info["cluster_enabled"])
                    seen = await self._ask(at, "CLUSTER NODES") if enabled else {}
                nodes = cluster_nodes(seen, at.host)
                if nodes and not any(one.ranges for one in nodes):
                    continue  # a server that came back empty and has not met the others knows itself alone
                self._learned(nodes)
                return


class CacheWatcher(Watcher):
    """Reads and writes keys of its own in every cache; each is gone a minute after the last write."""

    name: ClassVar[str] = "cache"
    file: ClassVar[str] = "watch/cache.rows"

    _recorder: WatchRecorder
    _rates: Rates
    _schedules: list[ProbeSchedule]

    def needs(self, target: Target) -> bool:
        """Whether the target file names a server of a cache, and allows keys of the harness."""
        return target.caches_probed

    def per_s(self, rates: Rates) -> float:
        """Planned reads per second, and as many writes."""
        return rates.cache

    def begin(self, here: Watching) -> None:
        """Start two schedules: reads and writes."""
        self._recorder, self._rates = here.recorder, here.settings.rates
        rows, caches = here.recorder.rows(self.name, CACHE), _caches(here.target)
        for one in caches:
            here.closes(one)
        self._schedules = [
            here.schedule(
                self.name, self._rates.cache, _prober(kind, caches, rows), of=kind, phase=number / len(_KINDS)
            )
            for number, kind in enumerate(_KINDS)
        ]

    def pace(self, pace: Pace) -> None:
        """Probe more often while a fault may be active."""
        per_s = self._rates.cache_in_fault if pace.fault_in else self._rates.cache
        self.respace(self._recorder, per_s, self._schedules)


def _caches(target: Target) -> list[WatchedCache]:
    """Every cache once: servers of the target file that are in one cluster are one cache."""
    found, known = list[WatchedCache](), set[str]()
    for name, server in servers_of(target).items():
        nodes: Sequence[ClusterNode] | None = None
        with suppress(DriverError):  # it is asked again with the first probe
            nodes = members_of(target, server)
        marks = {one.id for one in nodes or ()} or {server.at}
        if not marks & known:
            found.append(WatchedCache(target, name, server, nodes))
        known |= marks
    return found


def _prober(kind: str, caches: Sequence[WatchedCache], rows: RowWriter) -> Probe:
    async def probe(due_ns: int) -> None:
        sent_ns = clock.now_ns()
        found = await asyncio.gather(*(one.ask(kind) for one in caches))
        servers, failed = ([word for one in found for word in one[part]] for part in (0, 1))
        rows.put((due_ns, sent_ns, clock.now_ns()), (kind, " ".join(servers), "; ".join(failed) or None))

    return probe
