"""Commands that the servers of caches have run, held against what Prometheus has of each: the series of redis_exporter.

Source: https://github.com/oliver006/redis_exporter: `exporter/info.go` (INFO commandstats and latencystats) and `exporter/latency.go` (LATENCY HISTOGRAM)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from harness import clock
from harness.drivers.check.monitor.exposed import Freshness
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.caches import CacheAddress, CacheConnection, address_of, connected, members_of
from harness.targets.files.cache import CacheServer

_CATEGORIES: Final = frozenset({"@read", "@write", "@pubsub"})
"""ACL categories of the commands that read, write or publish; others sign in, configure or ask for the state of the server."""
_CALLS: Final = "cmdstat_"
_ACL: Final = 6
"""Place of the ACL categories in an element of COMMAND INFO."""
_COMMAND, _SERVER = "cmd", "instance"
_COUNTS: Final = (("redis_commands_total", "redis_commands_total"),)
_PERCENTILES: Final = 'redis_latency_percentiles_usec{quantile=~"95|0.95"}'
_P95S: Final = (
    (_PERCENTILES, _PERCENTILES),
    ("histogram_quantile(0.95, redis_commands_latencies_usec_bucket)", "redis_commands_latencies_usec_count"),
)
"""Either is enough: the query of the value, and the selector of the series whose samples have an age."""
_EVERY_S: Final = 1.0


class _Exposed(NamedTuple):
    value: float
    age_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedServer:
    """A server of a cache, and what it has run.

    Attributes:
        cache: name of the cache. at: its address.
        hosts: its host, and the address that it announces.
        commands: names of the commands that it has run.
        why: why they are not known; empty if they are.
    """

    cache: str
    at: CacheAddress
    hosts: frozenset[str] = frozenset()
    commands: Sequence[str] = ()
    why: str = ""

    @property
    def subject(self) -> str:
        """Its name in facts."""
        return f"cache {self.cache} {self.at}"


_Key = tuple[CacheAddress | str, str]
"""Server and command of a series; a server that is not known is its `instance`."""
_Series = Mapping[_Key, _Exposed]


@dataclass(slots=True)
class CommandFacts:
    """The commands of every server of every cache of a target, in Prometheus.

    Args:
        target: the target; one without caches has no facts.
        fresh: how young samples must be.
    """

    target: Target
    fresh: Freshness
    _waited: bool = field(default=False, init=False)

    def read(self) -> list[FactReading]:
        """A fact for each server and command. A command that has no count is waited for once, since it may have run for the first time after the last scrape.

        Raises:
            DriverError: Prometheus gave no answer.
        """
        servers = [*_servers(self.target)]
        if not servers:
            return []
        counts, p95s = self._exposed(servers)
        if not self._waited and any(_lacks(one, counts) for one in servers):
            self._waited = True
            for _ in clock.Deadline.after(self.fresh.seconds).ticks(_EVERY_S):
                counts, p95s = self._exposed(servers)
                if not any(_lacks(one, counts) for one in servers):
                    break
        used = {one.cache for one in servers if one.commands}
        unknown = [_unknown(one) for one in servers if one.why or one.cache not in used]
        return [*unknown, *(fact for one in servers for fact in self._facts(one, counts, p95s))]

    def _exposed(self, servers: Sequence[AskedServer]) -> tuple[_Series, _Series]:
        with prometheus_of(self.target) as prometheus:
            counts, p95s = (_series(prometheus, sources, servers) for sources in (_COUNTS, _P95S))
        return counts, p95s

    def _facts(self, server: AskedServer, counts: _Series, p95s: _Series) -> Iterator[FactReading]:
        instances = {at for at, _ in (*counts, *p95s)}
        strangers = sorted(at for at in instances if isinstance(at, str)) if server.at not in instances else []
        for command in server.commands:
            count, p95 = (series.get((server.at, command)) for series in (counts, p95s))
            observed, ok = self._outcome(count, p95)
            if strangers:
                hint = f"set the label `{_SERVER}` to the server's address by relabelling"
                observed, ok = f"{observed}, but series of the unknown server {strangers[0]}; hint: {hint}", None
            expected = f"count and p95, {self.fresh}"
            yield FactReading(subject=f"{server.subject}: {command}", expected=expected, observed=observed, ok=ok)

    def _outcome(self, count: _Exposed | None, p95: _Exposed | None) -> tuple[str, bool | None]:
        """What is exposed of a command, and whether it is as expected."""
        if count is None or p95 is None:
            missing = [what for what, found in (("count", count), ("p95", p95)) if found is None]
            hint = "; hint: `latency-tracking-info-percentiles 50 95 99` of the server" if missing == ["p95"] else ""
            return f"no {' and no '.join(missing)}{hint}", False
        age_s = max(count.age_s, p95.age_s, 0.0)
        return f"{count.value:g} times, p95 {p95.value:.3g} us, {age_s:.1f} s old", self.fresh.met(age_s)


def _unknown(server: AskedServer) -> FactReading:
    why = server.why or "no server of this cache has run a command that reads, writes or publishes"
    return FactReading(subject=server.subject, expected="the commands that it has run", observed=why, ok=None)


def _lacks(server: AskedServer, counts: _Series) -> bool:
    return any((server.at, command) not in counts for command in server.commands)


def _servers(target: Target) -> Iterator[AskedServer]:
    """Each server of each cache once, also where several caches are of one cluster, and those too that a cluster counts as gone."""
    asked: set[CacheAddress] = set()
    for name, cache in (target.cache.servers if target.cache is not None else {}).items():
        try:
            places = [(one.at, one.host) for one in members_of(target, cache)] or [(address_of(cache), "")]
        except DriverError as error:
            yield AskedServer(cache=name, at=address_of(cache), why=error.what)
            continue
        for at, host in places:
            if at not in asked:
                asked.add(at)
                yield _server(target, name, cache, at, frozenset({at.host, host} - {""}))


def _server(target: Target, name: str, cache: CacheServer, at: CacheAddress, hosts: frozenset[str]) -> AskedServer:
    try:
        with connected(target, cache, at) as connection:
            return AskedServer(cache=name, at=at, hosts=hosts, commands=_commands(connection))
    except DriverError as error:
        return AskedServer(cache=name, at=at, hosts=hosts, why=error.what)


def _commands(connection: CacheConnection) -> list[str]:
    """The commands of these categories that a server has run since it was started.

    Raises:
        DriverError: the server does not say the categories of a command, or what `ask` raises.
    """
    stats = connection.info("commandstats")
    ran = sorted(key.removeprefix(_CALLS) for key, one in stats.items() if key.startswith(_CALLS) and _calls(one))
    described = connection.ask("COMMAND INFO", *ran) if ran else ()
    found = []
    for command, one in zip(ran, described, strict=True):
        if not one or len(one) <= _ACL:
            raise DriverError(f"does not say the ACL categories of {command} (COMMAND INFO)", where=str(connection.at))
        if not _CATEGORIES.isdisjoint(one[_ACL]):
            found.append(command)
    return found


def _calls(statistics: Any) -> int:
    return int(statistics.get("calls", 0)) if isinstance(statistics, Mapping) else 0


def _series(
    prometheus: PrometheusClient, sources: Sequence[tuple[str, str]], servers: Sequence[AskedServer]
) -> dict[_Key, _Exposed]:
    """The youngest that the sources have of each server and command."""
    found: dict[_Key, _Exposed] = {}
    for value, selector in sources:
        ages: dict[_Key, float] = {}
        for labels, age_s in prometheus.vector(f"time() - timestamp({selector})"):
            key = _key_of(labels, servers)
            ages[key] = min(age_s, ages.get(key, math.inf))
        for labels, number in prometheus.vector(value):
            key = _key_of(labels, servers)
            if key in ages and not math.isnan(number) and (key not in found or ages[key] < found[key].age_s):
                found[key] = _Exposed(number, ages[key])
    return found


def _key_of(labels: Mapping[str, str], servers: Sequence[AskedServer]) -> _Key:
    """Server and command of a series: its `instance` is the server's address, or has the host of one server alone, as that of an exporter beside it."""
    instance = labels.get(_SERVER, "")
    try:
        parts = urlsplit(instance if "://" in instance else f"//{instance}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    here = {one.at for one in servers if host in one.hosts}
    exact = {at for at in here if at.port == port} or here
    return (next(iter(exact)) if len(exact) == 1 else instance), labels.get(_COMMAND, "")
