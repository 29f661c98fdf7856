"""`cache-hits`: checks which share of its lookups each layer of caches answered during some seconds of the traffic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.prometheus import prometheus_of
from harness.drivers.check.needs import within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.model import Quantity
from harness.targets import Target
from harness.targets.caches import (
    CACHE,
    CacheAddress,
    CacheConnection,
    CommandRefused,
    address_of,
    cache_of,
    connected,
    endpoints_of,
    lookups_in,
    members_of,
    watched_key,
)
from harness.targets.files.cache import CacheLayer, CacheServer

_WATCHED_S: Final = 20.0
"""Time between the two readings, in s."""
_LEAST: Final = 100
"""Number of lookups from which a share is judged."""


@dataclass(frozen=True, slots=True)
class LookupCount:
    """Lookups that one source has counted since it was started.

    Attributes:
        hits, misses: those that were answered, and those that were not.
        run: id of the process that counts; empty: it does not say it.
        own: hits and misses of the harness among them.
    """

    hits: float
    misses: float
    run: str = ""
    own: tuple[int, int] = (0, 0)


@claim(
    "every declared cache layer answers at least <share:ratio> of its lookups[ in the steady state]",
    example="every declared cache layer answers at least 50 % of its lookups in the steady state",
    fixed={"at_least": "<share>"},
    needs=(CACHE, within("cache.layers", "the layers of caches are declared")),
    when=When.UNDER_TRAFFIC,
    again=False,
)
def cache_hits(target: Target, params: Mapping[str, str]) -> FactProbe:
    """What the servers of a layer (`keyspace_hits`, `keyspace_misses`) or counters in Prometheus have counted within 20 s of the traffic.

    A layer whose counts began anew meanwhile, and one with fewer than 100 lookups, is not decided.
    """
    if not (layers := cache_of(target).layers):
        hint = "write `cache: {layers: {NAME: {servers: [SERVER]}}}`"
        raise ConfigurationError("names no layer", where=f"{target.file}: cache.layers", hint=hint)
    least = Quantity.parse(params["at_least"]).base

    def probe() -> Sequence[FactReading]:
        before = {name: _counted(target, layer, 1) for name, layer in layers.items()}
        clock.sleep(_WATCHED_S)
        return [_of(name, least, before[name], _counted(target, layer, 2)) for name, layer in layers.items()]

    return probe


def _of(
    name: str, least: float, before: Mapping[str, LookupCount] | str, after: Mapping[str, LookupCount] | str
) -> FactReading:
    def fact(observed: str, *, ok: bool | None) -> FactReading:
        expected = f"at least {100 * least:g} % of its lookups answered"
        return FactReading(subject=f"layer {name}", expected=expected, observed=observed, ok=ok)

    if isinstance(before, str) or isinstance(after, str):
        return fact(before if isinstance(before, str) else str(after), ok=None)
    if why := _broken(before, after):
        return fact(why, ok=None)
    hits, misses = (_of_platform(after.values(), kind) - _of_platform(before.values(), kind) for kind in (0, 1))
    hits, misses = max(hits, 0), max(misses, 0)  # what the harness has read may be written a moment later
    lookups = hits + misses
    if lookups < _LEAST:
        return fact(f"{lookups:g} lookups in {_WATCHED_S:g} s, at least {_LEAST} are needed", ok=None)
    return fact(f"{100 * hits / lookups:.3g} % of {lookups:.0f} in {_WATCHED_S:g} s", ok=hits >= least * lookups)


def _broken(before: Mapping[str, LookupCount], after: Mapping[str, LookupCount]) -> str:
    """Why two readings do not belong together; empty: they do."""
    if gone := sorted(before.keys() - after.keys()):
        return f"{gone[0]} is no longer there"
    if new := sorted(after.keys() - before.keys()):
        return f"{new[0]} came meanwhile"
    for source, now in after.items():
        was = before[source]
        if now.run != was.run or now.hits < was.hits or now.misses < was.misses:
            return f"{source} counts anew: it was started again, or its counts were reset"
        if now.own[0] < was.own[0]:
            return f"{source}: the harness's own key was removed meanwhile, so its lookups are not known"
    return ""


def _of_platform(counts: Iterable[LookupCount], kind: int) -> float:
    """Hits (0) or misses (1) without those of the harness."""
    return sum((one.hits, one.misses)[kind] - one.own[kind] for one in counts)


def _counted(target: Target, layer: CacheLayer, reading: int) -> Mapping[str, LookupCount] | str:
    """What each server of a layer, or each series of its counters, has counted by now; else why it is not known."""
    try:
        return _of_servers(target, layer, reading) if layer.servers else _of_series(target, layer)
    except (TargetUnreachable, CommandRefused, DriverError) as error:
        return error.what


def _of_servers(target: Target, layer: CacheLayer, reading: int) -> Mapping[str, LookupCount]:
    servers, found = cache_of(target).servers, dict[str, LookupCount]()
    for name in layer.servers:
        keys = _watched_keys(target, servers[name])
        for at in endpoints_of(target, servers[name]):
            with connected(target, servers[name], at) as connection:
                own = _own_lookups(connection, keys[at], reading) if at in keys else (0, 0)
                stats, server = connection.info("stats"), connection.info("server")
            try:
                hits, misses = int(stats["keyspace_hits"]), int(stats["keyspace_misses"])
                found[str(at)] = LookupCount(hits, misses, str(server["run_id"]), own)
            except (KeyError, ValueError):
                what = "the server does not say `keyspace_hits`, `keyspace_misses` and `run_id`"
                raise DriverError(what, where=str(at)) from None
    return found


def _watched_keys(target: Target, server: CacheServer) -> Mapping[CacheAddress, str]:
    """The key that the watcher of caches reads at each primary; none where it may not."""
    if not target.caches_probed:
        return {}
    nodes = members_of(target, server)
    found = {one.at: watched_key(one.ranges[0][0]) for one in nodes if not one.primary and one.ranges}
    return found if nodes else {address_of(server): watched_key(None)}


def _own_lookups(connection: CacheConnection, key: str, reading: int) -> tuple[int, int]:
    """Hits and misses of the harness at a server: those of the watcher, as its key's value says, and one of each reading so far."""
    value = connection.ask("GET", key)
    hits, misses = lookups_in(value)
    return (hits, misses + reading) if value is None else (hits + reading, misses)


def _of_series(target: Target, layer: CacheLayer) -> Mapping[str, LookupCount]:
    with prometheus_of(target) as prometheus:
        hits = prometheus.vector(layer.hits)
        misses = prometheus.vector(layer.misses)
    for selector, series in ((layer.hits, hits), (layer.misses, misses)):
        if not series:  # of one counter alone any share would be 0 or 100 %
            raise DriverError(f"Prometheus has no such series: {selector}", where=selector)
    found = {f"hits {_named(labels)}": LookupCount(value, 0) for labels, value in hits}
    return found | {f"misses {_named(labels)}": LookupCount(0, value) for labels, value in misses}


def _named(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
