"""`cache-memory`: checks that every server of every cache has a memory limit and an eviction policy, and stays below the limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.needs import within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import TargetUnreachable
from harness.targets import Target
from harness.targets.caches import CACHE, CacheAddress, CommandRefused, connected, endpoints_of, servers_of
from harness.targets.files.cache import CacheServer

SERVERS: Final = within("cache.servers", "the servers of the caches are asked")
_READINGS: Final = 5
_EVERY_S: Final = 1.0
_EXPECTED: Final = "a memory limit, an eviction policy, and less memory in use than the limit"
_NONE: Final = "noeviction"
_SECTIONS: Final = ("memory", "stats", "errorstats", "replication")
_MIB: Final = 2**20
_NOT_COUNTED: Final = "mem_not_counted_for_evict"
"""Buffers for replicas and the log, which a server does not count when it evicts. Source: `freeMemoryGetNotCountedMemory` of `src/evict.c`."""
_FULL: Final = 1.01
"""A server evicts before a command, which may then take more: so much of the limit is in use where it evicts and is full."""


@claim(
    "the cache has a memory limit and an eviction policy and stays below the limit[ in the steady state]",
    example="the cache has a memory limit and an eviction policy and stays below the limit in the steady state",
    needs=(CACHE, SERVERS),
    when=When.UNDER_TRAFFIC,
    again=False,
)
def cache_memory(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """`maxmemory`, `maxmemory_policy` and `used_memory` of every server of every cache, read five times within 4 s, and the most memory that it ever used.

    Memory that a server does not count when it evicts is not counted here. A server that is full and evicts stays at its limit.
    """
    servers = servers_of(target)

    def probe() -> Sequence[FactReading]:
        places = [
            (name, server, at) for name, server in servers.items() for at in endpoints_of(target, server, gone=True)
        ]
        rounds: list[list[Mapping[str, Any] | str]] = []
        for number in range(_READINGS):
            if number:
                clock.sleep(_EVERY_S)
            rounds.append([_memory(target, server, at) for _, server, at in places])
        read = list(zip(places, zip(*rounds, strict=True), strict=True))
        evict = {name for (name, _, _), readings in read if _evicts(readings)}
        return [_of(f"{name} {at}", readings, of_evicting=name in evict) for (name, _, at), readings in read]

    return probe


def _memory(target: Target, server: CacheServer, at: CacheAddress) -> Mapping[str, Any] | str:
    """What a server says of its memory, or why it does not."""
    try:
        with connected(target, server, at) as connection:
            return {key: value for section in _SECTIONS for key, value in connection.info(section).items()}
    except (TargetUnreachable, CommandRefused) as error:
        return error.what


def _evicts(readings: Sequence[Mapping[str, Any] | str]) -> bool:
    """Whether a primary evicted meanwhile."""
    known = [one for one in readings if not isinstance(one, str)]
    return len(known) > 1 and known[-1].get("role") == "master" and _grown(known, "evicted_keys") > 0


def _of(subject: str, readings: Sequence[Mapping[str, Any] | str], *, of_evicting: bool) -> FactReading:
    lacking = next((one for one in readings if isinstance(one, str)), "")
    observed, ok = _read([one for one in readings if not isinstance(one, str)], of_evicting=of_evicting)
    if lacking and ok is not False:
        observed, ok = lacking, None
    return FactReading(subject=subject, expected=_EXPECTED, observed=observed, ok=ok)


def _read(readings: Sequence[Mapping[str, Any]], *, of_evicting: bool) -> tuple[str, bool | None]:
    """What was read, and whether it is as expected; None: the server does not say it.

    A replica does not evict itself: what its primary evicts goes there too (`replica-ignore-maxmemory` of `valkey.conf`). It may be
    full where a primary of its cache, by `of_evicting`, evicts; each primary has a fact of its own.
    """
    last = readings[-1] if readings else {}
    limit, policy = last.get("maxmemory"), last.get("maxmemory_policy")
    used = [one["used_memory"] - int(one.get(_NOT_COUNTED, 0)) for one in readings if "used_memory" in one]
    if not isinstance(limit, int) or not policy or len(used) < len(readings):
        return "the server does not say `maxmemory`, `maxmemory_policy` and `used_memory`", None
    if not limit or policy == _NONE:
        return f"no eviction: maxmemory_policy is {policy}" if limit else "no memory limit: maxmemory is 0", False
    most = max(used)
    share = f"{100 * most / limit:.3g} % of {limit / _MIB:.4g} MiB used, {policy}"
    evicted, refused = (_grown(readings, name) for name in ("evicted_keys", "errorstat_OOM"))
    if refused > 0:
        share += f"; {refused} commands were refused meanwhile, as its memory was full"
    if refused > 0 or most >= _FULL * limit:
        return share, False
    if most >= limit:
        goes = evicted > 0 or (of_evicting and last.get("role") == "slave")
        by = "its primary evicts" if goes and not evicted else f"{evicted} keys were evicted meanwhile"
        return f"{share}; it is full, and {by}", True if goes else None
    peak = last.get("used_memory_peak")
    if isinstance(peak, int) and peak >= limit:
        return f"{share}; since it was started it used up to {100 * peak / limit:.4g} %", True
    return share, True


def _grown(readings: Sequence[Mapping[str, Any]], name: str) -> int:
    """By how much a counter of a server grew meanwhile."""
    return _count(readings[-1], name) - _count(readings[0], name)


def _count(reading: Mapping[str, Any], name: str) -> int:
    """A counter of a server; of an error: how often it gave it."""
    found = reading.get(name, 0)
    return int(found.get("count", 0) if isinstance(found, Mapping) else found)
