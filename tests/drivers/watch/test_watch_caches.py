"""The watcher of caches against genuine clusters: a primary is lost, and its replica takes over or may not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis.crc import key_slot

from harness import clock
from harness.drivers.check.cache import shares
from harness.drivers.check.cache.shares import cache_hits
from harness.drivers.watch import Pace, Rates
from harness.drivers.watch.caches import CacheWatcher
from harness.evidence.rows import RowTail
from harness.judgement.recovery import Requests, recovery_of
from harness.judgement.recovery.usual import UNKNOWN
from harness.model import OperationRecovery, Table
from harness.model.records.table import CACHE
from harness.targets import Target, load_target
from tests.builders.addresses import NET
from tests.builders.cache_servers import CacheProcess, clustered, program, until
from tests.drivers.watch import watch_bench

HOSTS = [f"{NET}{number}" for number in range(41, 47)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[CacheProcess]]:
    """Three primaries and three replicas of Valkey: the replica of the first is the fourth."""
    with clustered(program("valkey-server"), tmp_path / "cluster", HOSTS) as servers:
        yield servers


def target_of(directory: Path, *servers: CacheProcess, **more: Any) -> Target:
    """A target that names these servers of a cache."""
    content = {
        "name": "shop",
        "environment": "staging",
        "entry": "http://127.0.0.1:9",
        "may_write": [{"keys": "readiness:*"}],
        "cache": {"servers": {f"at-{one.host.rpartition('.')[2]}": {"at": one.url} for one in servers}},
        **more,
    }
    (directory / "target.yaml").write_text(json.dumps(content), encoding="utf-8")
    return load_target(directory / "target.yaml")


class Watched:
    """A run of the watcher in this process, with what it has recorded so far."""

    def __init__(self, run: Path) -> None:
        self._tail = RowTail(run / "watch" / "cache.rows", CACHE)
        self.rows = Table.empty(CACHE)

    def poll(self) -> Table:
        """Every row so far."""
        self.rows = Table.merged(CACHE, [self.rows, self._tail.poll()])
        return self.rows

    def failed(self, kind: str) -> int:
        """How many probes of a kind failed."""
        rows = self.poll()
        return int((rows.words["kind"].equals(kind) & ~rows.words["error"].missing).sum())

    def recovered(self, kind: str, sent_ns: int, until_ns: int) -> OperationRecovery:
        """The recovery of a kind after a fault, by the judge's rule."""
        requests = Requests.of_caches(self.poll(), kind)
        spacing_ms = 1000 / Rates().cache_in_fault
        return recovery_of(
            kind, requests, sent_ns=sent_ns, undone_ns=None, until_ns=until_ns, spacing_ms=spacing_ms, usual=UNKNOWN
        )


def watch(target: Target, run: Path, act: Callable[[Watched], None]) -> Watched:
    """Watch as under a fault until an act has ended."""
    found = Watched(run)

    def acting(tell: Callable[[Pace], None]) -> None:
        tell(Pace(fault_in=True))
        act(found)

    asyncio.run(watch_bench.watched(target, run, CacheWatcher(), acting, Rates()))
    return found


def rows_after(watched: Watched, at_ns: int) -> int:
    """How many probes that were sent after a moment are recorded."""
    return int((watched.poll().ints["sent_ns"] > at_ns).sum())


def test_a_replica_that_takes_over_is_seen(cluster: list[CacheProcess], tmp_path: Path) -> None:
    """From the loss of the first primary its keys fail; then the fourth server has its slots, and its keys are served again."""
    times = dict[str, int]()

    def act(watched: Watched) -> None:
        until(lambda: len(watched.poll()) >= 6)
        times["sent"] = clock.now_ns()
        cluster[0].kill()
        until(lambda: watched.failed("write") and watched.failed("read"))
        until(lambda: f"{HOSTS[3]}:6379" in str(watched.poll().words["servers"].present))
        back = clock.now_ns()
        until(lambda: rows_after(watched, back) > 70)

    watched = watch(target_of(tmp_path, cluster[1], cluster[0]), tmp_path / "run", act)
    rows = watched.poll()
    assert rows.words["servers"].present[0] == " ".join(f"{host}:6379" for host in HOSTS[:3])
    for kind in ("read", "write"):
        seen = watched.recovered(kind, times["sent"], int(rows.ints["sent_ns"].max()))
        assert seen.seconds is not None, seen
        assert 0.5 < seen.seconds < 15
        assert seen.resolution_s < 1.5


def test_a_server_that_came_back_empty_is_not_asked_who_has_the_slots(
    cluster: list[CacheProcess], tmp_path: Path
) -> None:
    """The target file names a replica that has forgotten the others: what they say counts."""

    def act(watched: Watched) -> None:
        until(lambda: len(watched.poll()) >= 6)
        cluster[5].ask("CLUSTER", "RESET", "HARD")
        cluster[0].kill()
        until(lambda: f"{HOSTS[3]}:6379" in str(watched.poll().words["servers"].present))

    watched = watch(target_of(tmp_path, cluster[5]), tmp_path / "run", act)
    errors = watched.poll().words["error"].present
    assert errors
    assert not any("no primary" in one for one in errors), errors


def test_a_replica_that_may_not_take_over_is_no_recovery(cluster: list[CacheProcess], tmp_path: Path) -> None:
    """The keys of the first primary fail until the end; the error names it, and the others are served."""
    for one in cluster:
        one.ask("CONFIG", "SET", "cluster-replica-no-failover", "yes")
        one.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
    times = dict[str, int]()

    def act(watched: Watched) -> None:
        until(lambda: len(watched.poll()) >= 6)
        times["sent"] = clock.now_ns()
        cluster[0].kill()
        until(lambda: rows_after(watched, times["sent"]) > 100)

    watched = watch(target_of(tmp_path, cluster[1]), tmp_path / "run", act)
    rows = watched.poll()
    for kind in ("read", "write"):
        seen = watched.recovered(kind, times["sent"], int(rows.ints["sent_ns"].max()))
        assert seen.seconds is None, seen
    errors = rows.words["error"].present
    assert all(one.startswith(f"at-42 {HOSTS[0]}:6379: ") for one in errors), errors


def test_a_slot_that_moves_is_followed_and_a_cluster_is_one_cache(cluster: list[CacheProcess], tmp_path: Path) -> None:
    """A failover by hand: no probe fails for longer than the exchange, and each cluster is read once though two servers are named."""

    def act(watched: Watched) -> None:
        until(lambda: len(watched.poll()) >= 6)
        cluster[3].ask("CLUSTER", "FAILOVER")
        until(lambda: f"{HOSTS[3]}:6379" in str(watched.poll().words["servers"].present))
        since = clock.now_ns()
        until(lambda: rows_after(watched, since) > 20)

    watched = watch(target_of(tmp_path, *cluster[:2]), tmp_path / "run", act)
    last = watched.poll().words["servers"].present[-1]
    assert last == " ".join(f"{host}:6379" for host in (HOSTS[3], *HOSTS[1:3]))
    assert watched.failed("read") + watched.failed("write") <= 4


def test_the_lookups_of_the_watcher_are_no_hits_of_the_platform(
    cluster: list[CacheProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 3000 lookups of the platform none is a hit; the watcher's reads, all hits, do not count."""
    target = target_of(
        tmp_path, cluster[0], cache={"servers": {"eu": {"at": cluster[0].url}}, "layers": {"all": {"servers": ["eu"]}}}
    )
    facts = list[Any]()

    def lookups(watched: Watched) -> None:
        owners = {range(number * 5462, min((number + 1) * 5462, 16_384)): one for number, one in enumerate(cluster[:3])}
        for word in map(str, range(3000)):
            (owner,) = (one for slots, one in owners.items() if key_slot(word.encode()) in slots)
            clients[owner.host].get(word)
        since = clock.now_ns()
        until(lambda: rows_after(watched, since) > 20)

    def act(watched: Watched) -> None:
        until(lambda: len(watched.poll()) >= 10)
        monkeypatch.setattr(shares, "clock", SimpleNamespace(sleep=lambda _: lookups(watched)))
        facts.extend(cache_hits(target, {"at_least": "1 %"})())

    with ExitStack() as stack:
        clients = {one.host: stack.enter_context(one.client) for one in cluster[:3]}
        watch(target, tmp_path / "run", act)
    (fact,) = facts
    share, _, words = fact.observed.partition(" % of ")
    assert not fact.ok, fact
    assert float(share) < 0.2
    assert 2990 <= int(words.split()[0]) <= 3010
