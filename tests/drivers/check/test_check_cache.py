"""Checks of caches against genuine servers: Redis and Valkey, alone, signed in to, with TLS, and as clusters of six processes."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import clock
from harness.drivers.check.cache import commands, memory, slots
from harness.drivers.check.cache.memory import cache_memory
from harness.drivers.check.cache.shares import cache_hits
from harness.drivers.check.cache.slots import cache_slots
from harness.drivers.check.cache.subscribers import cache_messages
from harness.drivers.check.cache.trips import cache_returns
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, TargetUnreachable
from harness.targets import Target
from harness.targets.caches import CacheAddress, CacheConnection, ClusterNode
from tests.builders.addresses import NET
from tests.builders.cache_servers import CacheProcess, cache, clustered, program, until
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, shop_of

HOSTS = [f"{NET}{number}" for number in range(1, 7)]
LIMITED = ("--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru")
KEYS = [{"keys": "readiness:*"}]


@pytest.fixture(params=["redis-server", "valkey-server"], scope="module")
def product(request: pytest.FixtureRequest) -> str:
    """The program of a product."""
    return program(str(request.param))


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is read five times within a moment."""
    monkeypatch.setattr(memory, "_EVERY_S", 0.01)


@pytest.fixture
def lone(product: str, tmp_path: Path) -> Iterator[CacheProcess]:
    """A server with a limit."""
    with cache(product, tmp_path / "lone", f"{NET}9", 6379, *LIMITED) as one:
        yield one


BOTH = pytest.mark.parametrize("cluster", ["redis-server", "valkey-server"], indirect=True)
"""For a test of which both products' clusters are in the light suite."""


@pytest.fixture(params=["valkey-server", pytest.param("redis-server", marks=pytest.mark.slow)])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[CacheProcess]]:
    """Three primaries and three replicas: six processes that find each other, for two seconds of a processor."""
    with clustered(program(str(request.param)), tmp_path / "cluster", HOSTS) as servers:
        yield servers


def target_of(directory: Path, server: dict[str, Any], **more: Any) -> Target:
    """A target with this cache."""
    cache = {"servers": {"eu": server}, **more.pop("cache", {})}
    return shop_of(directory, **{"may_write": KEYS, "cache": cache, **more})


def facts(check: Callable[..., Any], target: Target, **params: str) -> Sequence[FactReading]:
    """What a check reads."""
    probe: FactProbe = check(target, params)
    return probe()


def read(check: Callable[..., Any], target: Target, **params: str) -> list[tuple[str, str, bool | None]]:
    """Subject, observed and outcome of each fact."""
    return [(one.subject, one.observed, one.ok) for one in facts(check, target, **params)]


@BOTH
def test_a_limit_and_a_policy_are_read_from_each_server_of_a_cluster(
    cluster: list[CacheProcess], tmp_path: Path
) -> None:
    """Replicas too; a server without a limit, and one that evicts nothing, are not as expected."""
    target = target_of(tmp_path, {"at": cluster[0].url})
    found = read(cache_memory, target)
    assert [subject for subject, _, _ in found] == [f"eu {host}:6379" for host in HOSTS]
    assert all(ok and "allkeys-lru" in observed for _, observed, ok in found)
    cluster[1].ask("CONFIG", "SET", "maxmemory", "0")
    cluster[2].ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    cluster[5].kill()
    outcomes = {subject: (observed, ok) for subject, observed, ok in read(cache_memory, target)}
    assert outcomes[f"eu {HOSTS[1]}:6379"] == ("no memory limit: maxmemory is 0", False)
    assert outcomes[f"eu {HOSTS[2]}:6379"] == ("no eviction: maxmemory_policy is noeviction", False)
    assert outcomes[f"eu {HOSTS[5]}:6379"][1] is None


@contextmanager
def filled(one: CacheProcess) -> Iterator[None]:
    """Keys without an end are written to a server until it is full, and then further ones."""
    ended = threading.Event()

    def write() -> None:
        with one.client as client, client.pipeline(transaction=False) as pipeline:
            while not ended.is_set():
                for _ in range(20):
                    pipeline.set(f"song:{next(numbers)}", "x" * 500)
                pipeline.execute(raise_on_error=False)

    numbers = count()
    writing = threading.Thread(target=write)
    writing.start()
    try:
        until(lambda: one.ask("INFO", "stats")["evicted_keys"] or "errorstat_OOM" in one.ask("INFO", "errorstats"))
        yield
    finally:
        ended.set()
        writing.join()


def test_a_full_cache_that_evicts_stays_at_its_limit_and_one_that_cannot_refuses_writes(
    product: str, tmp_path: Path
) -> None:
    """Buffers for a replica are beyond the limit; a policy for keys that expire evicts nothing where none expires."""
    limited = ("--maxmemory", "16mb", "--maxmemory-policy", "allkeys-lru")
    replica = ("--replicaof", f"{NET}9", "6379")
    with (
        cache(product, tmp_path / "lone", f"{NET}9", 6379, *limited) as lone,
        cache(product, tmp_path / "replica", f"{NET}10", 6379, *replica) as two,
    ):
        until(lambda: two.ask("INFO", "replication")["master_link_status"] == "up")
        target = target_of(tmp_path, {"at": lone.url})
        with filled(lone):
            for _ in range(20):
                ((_, observed, ok),) = read(cache_memory, target)
                assert ok, observed
    policy = ("--maxmemory", "16mb", "--maxmemory-policy", "volatile-lru")
    with cache(product, tmp_path / "volatile", f"{NET}9", 6379, *policy) as lone, filled(lone):
        ((_, observed, ok),) = read(cache_memory, target)
        assert ok is False
        assert "commands were refused meanwhile, as its memory was full" in observed


def test_a_full_replica_evicts_with_its_primary(subtests: pytest.Subtests) -> None:
    """It evicts nothing itself; what uses more than the limit is full whoever evicts."""
    for role, used, of_evicting, ok in [
        ("slave", 1001, True, True),
        ("slave", 1001, False, None),
        ("master", 1001, True, None),
        ("slave", 1010, True, False),
    ]:
        with subtests.test(role=role, used=used, of_evicting=of_evicting):
            reading = {"maxmemory": 1000, "maxmemory_policy": "allkeys-lru", "used_memory": used, "role": role}
            fact = memory._of("eu", [reading, reading], of_evicting=of_evicting)
            assert (fact.ok, "its primary evicts" in fact.observed) == (ok, ok is True)


@BOTH
def test_each_primary_of_a_cluster_has_a_replica_elsewhere(cluster: list[CacheProcess], tmp_path: Path) -> None:
    """Elsewhere is another place; one that is declared to be the same is none, and two addresses alone may be of one machine. One without any is named."""
    server: dict[str, Any] = {"at": cluster[3].url}
    unknown = facts(cache_slots, target_of(tmp_path, server), primaries="3")
    assert [one.ok for one in unknown] == [True, True, None, None, None]
    assert re.search(r"of which no node is known: name `\S+:6379` in `places`", unknown[2].observed)
    server["places"] = {host: f"rack-{number}" for number, host in enumerate(HOSTS)}
    found = facts(cache_slots, target_of(tmp_path, server), primaries="3")
    assert [(one.subject, one.ok) for one in found[:2]] == [("slots of eu", True), ("primaries of eu", True)]
    assert found[0].observed == "16384 by 3 primaries"
    assert [one.ok for one in found[2:]] == [True, True, True]
    places = {**server["places"], HOSTS[3]: "rack-0"}
    together = facts(cache_slots, target_of(tmp_path, {**server, "places": places}), primaries="3")
    assert sorted(str(one.ok) for one in together[2:]) == ["False", "True", "True"]
    four = facts(cache_slots, target_of(tmp_path, server), primaries="4")
    assert [one.ok for one in four] == [True, False, True, True, True]
    cluster[3].ask("CLUSTER", "RESET", "HARD")
    target = target_of(tmp_path, {**server, "at": cluster[1].url})
    lonely = f"eu {HOSTS[0]}:6379"
    until(lambda: {one.subject: one.ok for one in facts(cache_slots, target, primaries="3")}[lonely] is False)
    assert sum(one.ok is True for one in facts(cache_slots, target, primaries="3")) == 4


@pytest.mark.parametrize(
    ("places", "ok"),
    [({}, None), ({"H:1": "a", "H:2": "b"}, True), ({"H:1": "a", "H:2": "a"}, False), ({"H": "a"}, False)],
)
def test_servers_behind_one_address_may_be_anywhere(tmp_path: Path, places: dict[str, str], *, ok: bool | None) -> None:
    """A balancer of a managed cache has one address for all, with a port for each: where they are is declared."""
    target = target_of(tmp_path, {"at": "redis://H:1", "places": places})
    assert target.cache is not None
    known = slots._Places(target, target.cache.servers["eu"])
    one, two = (
        ClusterNode(id=str(port), primary="", at=CacheAddress("H", port), host="H", slots=0, ranges=(), state="ok")
        for port in (1, 2)
    )
    assert slots._replicated("eu", one, [(two, "", True)], known).ok is ok


@pytest.mark.parametrize(("state", "ok"), [("unknown", None), ("ok", False)])
def test_a_server_that_is_cut_off_does_not_fail_its_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, *, ok: bool | None
) -> None:
    """It lists the others as doubted and says that the cluster fails; where all answer, the one that fails is a fault."""
    half = ((0, 8191), (8192, 16383))
    nodes = [
        ClusterNode(id=f"{n}", primary="", at=CacheAddress("H", n), host="H", slots=8192, ranges=(half[n],), state="ok")
        for n in (0, 1)
    ]
    owned = {
        "0": ("says cluster_state fail", set[int]()),
        "1": (state, set(range(8192, 16384)) if state == "ok" else set()),
    }
    monkeypatch.setattr(slots, "members_of", lambda *_: nodes)
    monkeypatch.setattr(slots, "_own", lambda _target, _server, node: owned[node.id])
    target = target_of(tmp_path, {"at": "redis://H:1"})
    assert target.cache is not None
    assert next(slots._of(target, "eu", target.cache.servers["eu"], 1)).ok is ok


class _Pods:
    """A cluster with these pods, as address and node."""

    def __init__(self, url: str, *pods: tuple[str, str]) -> None:
        self.url, self._pods = url, pods

    def pods(self, _namespace: str) -> list[dict[str, Any]]:
        """As the API server gives them."""
        ended = {"status": {"podIP": "10.244.1.6", "phase": "Succeeded"}, "spec": {"nodeName": "ended"}}
        running = [{"status": {"podIP": ip, "phase": "Running"}, "spec": {"nodeName": node}} for ip, node in self._pods]
        return [ended, *running]


def test_pods_of_two_clusters_may_have_one_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Then its node is not known; a declared place is that of an announced name, too."""
    clusters = {
        "eu": _Pods("https://eu", ("10.244.1.5", "eu-1"), ("10.244.1.6", "eu-1")),
        "us": _Pods("https://us", ("10.244.1.5", "us-1"), ("10.244.1.7", "eu-1")),
    }
    monkeypatch.setattr(slots, "Clusters", lambda _: SimpleNamespace(of=clusters.get))
    monkeypatch.setattr(slots, "every_place", lambda _: [("eu", "shop"), ("us", "shop")])
    target = target_of(tmp_path, {"at": "redis://10.244.1.5:6379"}, kubernetes={"context": "eu", "namespace": "shop"})
    assert target.cache is not None
    places = slots._Places(target, target.cache.servers["eu"].model_copy(update={"places": {"cache-9": "rack-9"}}))

    def place(host: str, name: str = "") -> str | None:
        at = CacheAddress(name or host, 6379)
        return places.of(ClusterNode(id="a", primary="", at=at, host=host, slots=0, ranges=(), state="ok"))

    assert place("10.244.1.5") is None
    assert place("10.244.1.6") == "eu-1 of https://eu"
    assert place("10.244.1.7") == "eu-1 of https://us"
    assert place("10.244.1.5", "cache-9") == "rack-9"


def test_slots_that_nobody_serves_are_counted(cluster: list[CacheProcess], tmp_path: Path) -> None:
    """A primary and its replica are gone, so a third of the slots is."""
    cluster[3].kill()
    cluster[0].kill()
    target = target_of(tmp_path, {"at": cluster[1].url})
    until(lambda: facts(cache_slots, target, primaries="3")[0].observed.startswith("0 by 2 primaries"))
    assert facts(cache_slots, target, primaries="3")[0].ok is False


def test_slots_that_move_are_served_and_one_that_its_primary_has_given_up_is_not(
    cluster: list[CacheProcess], tmp_path: Path
) -> None:
    """By the one that gives them away, until the other has them; every other server goes on giving a slot to a primary that refuses it."""
    ids = [str(one.ask("CLUSTER", "MYID")) for one in cluster[:2]]
    cluster[0].ask("CLUSTER", "SETSLOT", 100, "MIGRATING", ids[1])
    cluster[1].ask("CLUSTER", "SETSLOT", 100, "IMPORTING", ids[0])
    for one in cluster[:3]:
        found = facts(cache_slots, target_of(tmp_path, {"at": one.url}), primaries="3")[0]
        assert (found.observed, found.ok) == ("16384 by 3 primaries", True)
    for one in cluster:
        one.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
    cluster[1].ask("CLUSTER", "DELSLOTS", "6000")
    found = facts(cache_slots, target_of(tmp_path, {"at": cluster[0].url}), primaries="3")[0]
    gives = f"{HOSTS[1]}:6379 serves 5461 slots, and redis://{HOSTS[0]}:6379 gives it 5462"
    assert (found.observed, found.ok) == (f"16383 by 3 primaries; {gives}", False)


def test_a_cache_without_a_cluster_serves_no_slots(lone: CacheProcess, tmp_path: Path) -> None:
    """It is one server."""
    target = target_of(tmp_path, {"at": lone.url})
    assert read(cache_slots, target, primaries="3") == [("slots of eu", "not a cluster", False)]


def test_each_primary_returns_a_key_that_was_written(cluster: list[CacheProcess], tmp_path: Path) -> None:
    """The keys are removed; a primary that refuses writes is named."""
    target = target_of(tmp_path, {"at": cluster[0].url})
    found = read(cache_returns, target, after="50 ms")
    assert found == [(f"eu {host}:6379", "returned", True) for host in HOSTS[:3]]
    assert [one.ask("DBSIZE") for one in cluster] == [0] * 6
    cluster[1].ask("CONFIG", "SET", "min-replicas-to-write", "9")
    found = read(cache_returns, target, after="50 ms")
    assert [ok for _, _, ok in found] == [True, False, True]
    assert "NOREPLICAS" in found[1][1] or "Not enough good replicas" in found[1][1]


def test_a_key_that_is_gone_too_early_is_not_returned(lone: CacheProcess, tmp_path: Path) -> None:
    """Somebody removes everything meanwhile."""
    target = target_of(tmp_path, {"at": lone.url})
    assert read(cache_returns, target, after="50 ms") == [("eu", "returned", True)]
    ended = threading.Event()

    def empty() -> None:
        while not ended.is_set():
            lone.ask("FLUSHALL")

    emptying = threading.Thread(target=empty)
    emptying.start()
    try:
        assert read(cache_returns, target, after="200 ms") == [("eu", "the key is not there after 0.2 s", False)]
    finally:
        ended.set()
        emptying.join()


def test_a_key_of_the_harness_expires(lone: CacheProcess, tmp_path: Path) -> None:
    """So that nothing is left where a run is killed."""
    target = target_of(tmp_path, {"at": lone.url})
    seen: list[int] = []

    def watch() -> None:
        until(lambda: lone.ask("DBSIZE"))
        (key,) = lone.ask("KEYS", "*")
        assert key.startswith("readiness:")
        seen.append(lone.ask("PTTL", key))

    watching = threading.Thread(target=watch)
    watching.start()
    facts(cache_returns, target, after="300 ms")
    watching.join()
    assert 50_000 < seen[0] <= 60_300


def test_nothing_is_written_without_consent(lone: CacheProcess, tmp_path: Path) -> None:
    """The message says what to write."""
    target = target_of(tmp_path, {"at": lone.url}, may_write=[{"users": "*"}])
    for check, params in ((cache_returns, {"after": "1 s"}), (cache_messages, {"limit": "1 s"})):
        with pytest.raises(ConfigurationError, match="does not allow keys that begin with `readiness:`") as caught:
            check(target, params)
        assert "may_write: [{keys: 'readiness:*'}]" in str(caught.value)


def test_a_cache_that_does_not_answer_is_unknown(product: str, tmp_path: Path) -> None:
    """Not answered from here is no proof."""
    target = target_of(tmp_path, {"at": f"redis://{NET}8:6379"})
    ((subject, observed, ok),) = read(cache_returns, target, after="1 s")
    assert (subject, ok) == ("eu", None)
    assert observed.startswith("no answer from the cache: ")
    with pytest.raises(TargetUnreachable):
        facts(cache_memory, target)


def test_a_wrong_password_is_unknown_and_is_not_shown(
    product: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right one is read from its place."""
    with cache(product, tmp_path / "lone", f"{NET}9", 6379, *LIMITED, password="right-one") as one:
        server = {"at": one.url, "password": {"env": "CACHE_PASSWORD"}}
        monkeypatch.setenv("CACHE_PASSWORD", "right-one")
        assert [ok for _, _, ok in read(cache_returns, target_of(tmp_path, server), after="1 ms")] == [True]
        monkeypatch.setenv("CACHE_PASSWORD", "wrong-one")
        ((_, observed, ok),) = read(cache_returns, target_of(tmp_path, server), after="1 ms")
        assert ok is None
        assert "wrong-one" not in observed
        ((_, observed, ok),) = read(cache_returns, target_of(tmp_path, {"at": one.url}), after="1 ms")
        assert ok is None


def test_messages_reach_a_subscriber_at_every_server(cluster: list[CacheProcess], tmp_path: Path) -> None:
    """Through whichever they are published; the platform's own subscribers are counted. One that was cut off and that the others still list gets none."""
    server = {"at": cluster[0].url, "channels": {"invalidations": 2}}
    target = target_of(tmp_path, server)
    with subscribed(cluster[1], "invalidations"), subscribed(cluster[5], "invalidations"):
        found = facts(cache_messages, target, limit="1 s")
        assert [one.ok for one in found] == [True] * 7
        assert found[0].observed.startswith("60 of 60, the slowest after ")
    with subscribed(cluster[2], "invalidations"):
        last = facts(cache_messages, target, limit="1 s")[-1]
        assert (last.subject, last.observed, last.ok) == ("eu, subscribers of invalidations", "1", False)
    late = facts(cache_messages, target, limit="1 us")
    assert [one.ok for one in late] == [False] * 7
    cluster[5].ask("CLUSTER", "RESET", "SOFT")
    cut_off = {one.subject: one for one in facts(cache_messages, target, limit="200 ms")}
    missed = cut_off[f"eu, subscriber at {HOSTS[5]}:6379"]
    assert (missed.ok, missed.observed.partition(",")[0]) == (False, "10 of 60")


def test_subscribers_of_a_pattern_are_not_missed_and_those_of_a_shard_are_counted(
    lone: CacheProcess, tmp_path: Path
) -> None:
    """A server counts those of a pattern in no channel, and those of `SSUBSCRIBE` not in `PUBSUB NUMSUB`; without any the platform's are missing."""
    target = target_of(tmp_path, {"at": lone.url, "channels": {"invalidations": 1}})
    assert read(cache_messages, target, limit="1 s")[-1][1:] == ("0", False)
    with lone.client as client, client.pubsub() as listener:
        listener.psubscribe("inval*")
        assert listener.get_message(timeout=5.0) is not None
        assert read(cache_messages, target, limit="1 s")[-1][1:] == (
            "0, and 1 patterns, whose subscribers are in no count", None,
        )  # fmt: skip
    with lone.client as client, client.pubsub() as listener:
        listener.ssubscribe("invalidations")
        assert listener.get_message(timeout=5.0) is not None
        assert read(cache_messages, target, limit="1 s")[-1][1:] == ("1", True)


def test_messages_are_not_late_because_the_harness_is_far_away(
    lone: CacheProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer to PUBLISH takes 50 ms more, and ten messages half a second; each has reached its subscriber long before."""
    ask = CacheConnection.ask

    def slowly(self: CacheConnection, *words: str | int | bytes) -> Any:
        answer = ask(self, *words)
        if words[0] == "PUBLISH":
            clock.sleep(0.05)
        return answer

    monkeypatch.setattr(CacheConnection, "ask", slowly)
    target = target_of(tmp_path, {"at": lone.url, "channels": {"invalidations": 1}})
    assert [one.ok for one in facts(cache_messages, target, limit="300 ms")] == [True, False]


@contextmanager
def subscribed(one: CacheProcess, channel: str) -> Iterator[None]:
    """A subscriber of a channel."""
    with one.client as client, client.pubsub() as listener:
        listener.subscribe(channel)
        assert listener.get_message(timeout=5.0) is not None
        yield


def test_the_share_of_hits_is_counted_between_two_readings(lone: CacheProcess, tmp_path: Path) -> None:
    """What was counted before does not matter."""
    lone.ask("SET", "there", "1")
    looked_up(lone, hits=0, misses=5000)
    target = target_of(tmp_path, {"at": lone.url}, cache={"layers": {"tracks": {"servers": ["eu"]}}})
    assert hits(target, lambda: looked_up(lone, 150, 50)) == ("75 % of 200 in 20 s", True)
    assert hits(target, lambda: looked_up(lone, 50, 150)) == ("25 % of 200 in 20 s", False)
    assert hits(target, lambda: looked_up(lone, 50, 0))[1] is None

    def counted_anew() -> None:
        lone.ask("CONFIG", "RESETSTAT")
        looked_up(lone, 150, 50)

    reset = hits(target, counted_anew)
    assert reset == (f"{NET}9:6379 counts anew: it was started again, or its counts were reset", None)


def test_lookups_of_the_harness_are_no_hits_of_the_platform_where_its_key_is_gone(
    lone: CacheProcess, tmp_path: Path
) -> None:
    """The key says how many there were: without it all of them would be the platform's."""
    target = target_of(tmp_path, {"at": lone.url}, cache={"layers": {"tracks": {"servers": ["eu"]}}})
    lone.ask("SET", "readiness:watch", "5000 0")
    looked_up(lone, hits=5000, misses=0)

    def gone() -> None:
        looked_up(lone, 0, 200)
        lone.ask("DEL", "readiness:watch")

    assert hits(target, lambda: looked_up(lone, 0, 200)) == ("0 % of 200 in 20 s", False)
    observed, ok = hits(target, gone)
    assert (observed.partition(": ")[2], ok) == (
        "the harness's own key was removed meanwhile, so its lookups are not known", None,
    )  # fmt: skip


def test_a_layer_of_one_counter_alone_is_undecided(tmp_path: Path) -> None:
    """A name that is not right would make any share 100 or 0 %."""

    class Api(Answers, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            result = [{"metric": {"pod": "1"}, "value": [1, "9000"]}] if "there" in self.path else []
            self.say(200, {"status": "success", "data": {"resultType": "vector", "result": result}})

    with serving(Api) as url:
        for layer in ({"hits": "there", "misses": "typo"}, {"hits": "typo", "misses": "there"}):
            server = {"at": f"redis://{NET}9:6379"}
            target = target_of(tmp_path, server, cache={"layers": {"pages": layer}}, prometheus=url)
            assert hits(target, lambda: None) == ("Prometheus has no such series: typo", None)


def test_a_server_that_was_started_again_leaves_the_share_undecided(product: str, tmp_path: Path) -> None:
    """Its counts are higher than before, but they are others."""
    target = target_of(tmp_path, {"at": f"redis://{NET}9:6379"}, cache={"layers": {"tracks": {"servers": ["eu"]}}})
    with cache(product, tmp_path / "one", f"{NET}9") as one:

        def again() -> None:
            one.kill()
            two = stack.enter_context(cache(product, tmp_path / "two", f"{NET}9"))
            looked_up(two, 0, 500)

        with ExitStack() as stack:
            observed, ok = hits(target, again)
    assert (observed, ok) == (f"{NET}9:6379 counts anew: it was started again, or its counts were reset", None)


def looked_up(one: CacheProcess, hits: int, misses: int) -> None:
    """Look keys up."""
    with one.client as client:
        client.set("there", "1")
        for _ in range(hits):
            client.get("there")
        for _ in range(misses):
            client.get("not-there")


def hits(target: Target, meanwhile: Callable[[], object]) -> tuple[str, bool | None]:
    """The fact of the one layer, if this happens between the readings."""
    with pytest.MonkeyPatch.context() as patch:

        def slept(_: float) -> None:
            patch.undo()
            meanwhile()

        patch.setattr("harness.drivers.check.cache.shares.clock.sleep", slept)
        ((_, observed, ok),) = read(cache_hits, target, at_least="50 %")
    return observed, ok


def test_the_rights_of_the_page_are_enough(product: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of docs/cache.md, and no more."""
    page = (Path(__file__).parents[3] / "docs" / "cache.md").read_text(encoding="utf-8")
    (words,) = (line for line in page.splitlines() if line.startswith("ACL SETUSER"))
    monkeypatch.setenv("CACHE_PASSWORD", "PASSWORD")
    with clustered(product, tmp_path / "cluster", HOSTS) as servers:
        for one in servers:
            one.ask(*words.split())
        server: dict[str, Any] = {"at": servers[0].url, "user": "reader", "password": {"env": "CACHE_PASSWORD"}}
        server |= {"channels": {"news": 1}, "places": {host: host for host in HOSTS}}
        layers = {"layers": {"tracks": {"servers": ["eu"]}}}
        target = target_of(tmp_path, server, cache=layers)
        assert all(ok for _, _, ok in read(cache_memory, target))
        assert all(ok for _, _, ok in read(cache_slots, target, primaries="3"))
        assert all(ok for _, _, ok in read(cache_returns, target, after="1 ms"))
        assert read(cache_messages, target, limit="1 s")[-1][1:] == ("0", False)
        with subscribed(servers[0], "news"):
            assert all(ok for _, _, ok in read(cache_messages, target, limit="1 s"))
        assert hits(target, lambda: None)[0].startswith("0 lookups")
        found = [*commands._servers(target)]
        assert [(one.why, set(one.commands) >= {"set", "get"}) for one in found[:3]] == [("", True)] * 3


def test_tls_is_spoken_where_the_address_says_so(tmp_path: Path) -> None:
    """With the authority of the target file, and with no other."""
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=cache -days 2 -addext subjectAltName=IP:{NET}9 -keyout key.pem -out ca.pem"
    subprocess.run(words.split(), cwd=tmp_path, check=True, capture_output=True)
    certificate, key = str(tmp_path / "ca.pem"), str(tmp_path / "key.pem")
    files = ("--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate)
    listens = ("--tls-port", "6380", "--tls-auth-clients", "no")
    with cache(program("redis-server"), tmp_path / "lone", f"{NET}9", 6379, *LIMITED, *listens, *files):
        server = {"at": f"rediss://{NET}9:6380"}
        right = target_of(tmp_path, server, tls={"ca_file": certificate})
        assert read(cache_returns, right, after="1 ms") == [("eu", "returned", True)]
        ((_, observed, ok),) = read(cache_returns, target_of(tmp_path, server), after="1 ms")
        assert ok is None
        assert "CERTIFICATE_VERIFY_FAILED" in observed
