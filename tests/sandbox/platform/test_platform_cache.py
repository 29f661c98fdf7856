"""The cache of the platform: genuine servers that form a cluster, and services that read tracks through it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from harness.clock import Deadline
from readiness_sandbox.platform.normaldance.caching.cluster import slot_of
from readiness_sandbox.platform.normaldance.caching.joining import members
from readiness_sandbox.platform.normaldance.caching.node import command, id_of, primaries, primary_of
from readiness_sandbox.platform.normaldance.kit.settings import PodSettings
from tests.builders.cache_servers import program, until
from tests.sandbox.platform.conftest import Postgres, Services, process
from tests.sandbox.platform.forked import PLATFORM

REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-1"]
PODS = {
    f"cache-{region}-{number}": f"127.93.9.{1 + 2 * n + number}"
    for n, region in enumerate(REGIONS)
    for number in (0, 1)
}
PASSWORD = "a password of the tests"
TRACK, GATEWAY, NOWHERE = "127.93.9.21", "127.93.9.22", "127.93.9.29"
CACHED = {"CACHE": "on", "CACHE_TTL_S": "30", "CACHE_PASSWORD": PASSWORD, "CACHE_SERVICE_PORT": "6379"}
SEED = "cache-ap-southeast-1-1"


@dataclass
class CachePods:
    """The six servers, as pods run them, each with the files that it had before."""

    home: Path
    stacks: dict[str, ExitStack] = field(default_factory=dict)

    def start(self, pod: str, **env: str) -> None:
        """Start one."""
        stack = self.stacks[pod] = ExitStack()
        variables = {
            "PYTHONPATH": str(PLATFORM), "POD_NAME": pod, "POD_IP": PODS[pod], "PORT": "6379", "CACHE_REGIONS": " ".join(REGIONS),
            "CACHE_HOME": str(self.home / pod), "CACHE_SERVICE_HOST": PODS[SEED], **CACHED, **env,
        }  # fmt: skip
        argv = [sys.executable, "-m", "normaldance.caching.node"]
        stack.enter_context(process(argv, variables, self.home / f"{pod}.log"))

    def end(self, pod: str) -> None:
        """End one; it is not there any more afterwards."""
        self.stacks.pop(pod).close()

    def ask(self, pod: str, *words: str) -> object:
        """The answer of one; None: there is none."""
        try:
            with Redis(PODS[pod], password=PASSWORD, decode_responses=True, protocol=2) as client:
                found: object = client.execute_command(*words)
        except RedisError:
            return None
        return found

    def state(self, pod: str) -> Mapping[str, tuple[str, bool]]:
        """Of each server that one knows: the pod that it follows, and whether it has slots."""
        names = {id_of(each): each for each in PODS}
        nodes = self.ask(pod, "CLUSTER NODES")
        assert isinstance(nodes, dict | None)
        return {
            names[one["node_id"]]: (names.get(one["master_id"], ""), bool(one["slots"]))
            for one in (nodes or {}).values()
            if "handshake" not in one["flags"]
        }

    def until_formed(self, expected: Mapping[str, tuple[str, bool]]) -> None:
        """Wait until every server that runs knows the same, and each replica has the keys of its primary."""
        for _ in Deadline.after(60).ticks(0.1):
            here = [self.state(pod) for pod in self.stacks]
            links = [self.ask(pod, "INFO", "replication") for pod in self.stacks]
            linked = all(isinstance(one, dict) and one.get("master_link_status", "up") == "up" for one in links)
            if linked and all(one == expected for one in here):
                return
        raise AssertionError({pod: self.state(pod) for pod in self.stacks})


FORMED = {pod: (primary_of(pod, REGIONS), pod.endswith("-0")) for pod in PODS}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CachePods]:
    """Six servers that have formed their cluster."""
    program("valkey-server")
    pods = CachePods(tmp_path_factory.mktemp("cache"))
    try:
        for pod in PODS:
            pods.start(pod)
        pods.until_formed(FORMED)
        yield pods
    finally:
        for pod in [*pods.stacks]:
            pods.end(pod)


@pytest.fixture(scope="module")
def tracks(cache: CachePods, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a gateway with services that have the cache; the listener is signed in, and may change track 999."""
    with postgres.connected() as connection:
        connection.execute("UPDATE tracks SET added_by = 'listener-1' WHERE id = 999")
    with ExitStack() as stack:
        started = Services(tmp_path_factory.mktemp("tracks"), stack)
        started.start("user", "127.93.9.23")
        started.start("track", TRACK, CACHE_SERVICE_HOST=PODS[SEED], **CACHED)
        started.start(
            "gateway", GATEWAY, TRACK_SERVICE_SERVICE_HOST=TRACK, USER_SERVICE_SERVICE_HOST="127.93.9.23", CACHE="on"
        )
        with httpx.Client(base_url=f"http://{GATEWAY}:8080", trust_env=False, timeout=30) as client:
            answer = client.post("/sessions", json={"user": "listener-1", "password": "listen-listener-1"})
            client.headers["authorization"] = f"Bearer {answer.json()['token']}"
            yield client


def read(client: httpx.Client, number: int) -> tuple[int, str | None]:
    """Status of a track, and what the answer says of the cache."""
    answer = client.get(f"/tracks/{number}")
    return answer.status_code, answer.headers.get("x-cache")


def test_each_region_has_a_primary_and_a_replica_of_another_regions() -> None:
    """Slots are parted without a gap, and no primary has its replica in its own region."""
    slots = [slot for part in primaries(REGIONS).values() for slot in part]
    assert slots == list(range(16_384))
    assert {pod: primary_of(pod, REGIONS) for pod in PODS if pod.endswith("-1")} == {
        "cache-us-east-1-1": "cache-eu-west-1-0",
        "cache-eu-west-1-1": "cache-ap-southeast-1-0",
        "cache-ap-southeast-1-1": "cache-us-east-1-0",
    }
    assert primary_of("cache-us-east-1-0", REGIONS) == ""


def test_servers_in_a_handshake_are_not_known_yet() -> None:
    """As CLUSTER NODES lists them; a replica names its primary."""
    listed = (
        "aa 127.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-5461\n"
        "bb 127.0.0.2:6379@16379 slave aa 0 0 1 connected\n"
        "cc 127.0.0.3:6379@16379 handshake - 0 0 0 disconnected\n"
    )
    assert [(one.id, one.primary, one.slots, one.known) for one in members(listed)] == [
        ("aa", "", True, True),
        ("bb", "aa", False, True),
        ("cc", "", False, False),
    ]


def test_the_slot_of_a_key_is_that_of_the_servers(cache: CachePods) -> None:
    """CRC16, as CLUSTER KEYSLOT says it."""
    for key in ("track:1", "track:997", "a key"):
        assert cache.ask(SEED, "CLUSTER", "KEYSLOT", key) == slot_of(key)


def test_every_server_has_a_limit_a_policy_and_snapshots(cache: CachePods) -> None:
    """And nobody without the password is let in."""
    with Redis(PODS[SEED], password=PASSWORD, decode_responses=True, protocol=2) as client:
        found = {name: client.config_get(name)[name] for name in ("maxmemory", "maxmemory-policy", "save")}
    assert found == {"maxmemory": str(32 * 2**20), "maxmemory-policy": "allkeys-lru", "save": "1440 1"}
    with Redis(PODS[SEED], protocol=2) as stranger, pytest.raises(RedisError, match="Authentication required"):
        stranger.get("track:1")


def test_series_beside_a_server_count_and_time_its_commands(cache: CachePods, tmp_path: Path) -> None:
    """With the names of redis_exporter; where no server answers they say that it is down."""
    cache.ask(SEED, "PUBLISH", "news", "a")
    with beside(PODS[SEED], tmp_path / "there"), beside(NOWHERE, tmp_path / "nowhere"):
        lines = scraped(PODS[SEED]).splitlines()
        series = [line.rpartition(" ")[0] for line in lines if 'cmd="publish"' in line]
        times = [f'redis_latency_percentiles_usec{{cmd="publish",quantile="{each}"}}' for each in (50, 95, 99)]
        assert series == ['redis_commands_total{cmd="publish"}', *times]
        assert lines[1] == "redis_up 1"
        assert scraped(NOWHERE) == "# TYPE redis_up gauge\nredis_up 0\n"


@contextmanager
def beside(address: str, log: Path) -> Iterator[None]:
    """The process that exposes them, and that answers."""
    argv = [sys.executable, "-m", "normaldance.caching.exporter"]
    variables = {"PYTHONPATH": str(PLATFORM), "POD_IP": address, "PORT": "9121", "CACHE_PASSWORD": PASSWORD}
    with process(argv, variables, log):
        until(lambda: scraped(address))
        yield


def scraped(address: str) -> str:
    """The exposition; empty while nothing answers."""
    try:
        return httpx.get(f"http://{address}:9121/metrics", trust_env=False).text
    except httpx.TransportError:
        return ""


def test_a_defect_leaves_the_95th_percentile_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a release switches it on."""
    settings = PodSettings(service="cache", region="", pod=SEED, address="", port=6379, release="")
    healthy = command(settings, tmp_path, PASSWORD)
    monkeypatch.setenv("DEFECT_PERCENTILES", "50 99")
    assert {*healthy} ^ {*command(settings, tmp_path, PASSWORD)} == {"50 95 99", "50 99"}


def test_a_track_is_read_once_and_is_a_hit_then(tracks: httpx.Client) -> None:
    """The answer is the same; a track that is not there is no hit ever."""
    first, second = tracks.get("/tracks/11"), tracks.get("/tracks/11")
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert first.json() == second.json() == {"id": 11, "title": "Track 11", "artist": "Artist 11", "plays": 0}
    assert [read(tracks, 10**9) for _ in range(2)] == [(404, None)] * 2


def test_a_write_is_read_at_once(tracks: httpx.Client) -> None:
    """A change removes the track from the cache, a play is counted there."""
    assert [read(tracks, 999)[1] for _ in range(2)] == ["MISS", "HIT"]
    assert tracks.patch("/tracks/999", json={"title": "another"}).status_code == 200
    assert tracks.get("/tracks/999").json()["title"] == "another"
    tracks.post("/tracks/999/plays")
    played = tracks.get("/tracks/999")
    assert (played.json()["plays"], played.json()["title"], played.headers["x-cache"]) == (1, "another", "HIT")
    assert tracks.patch("/tracks/998", json={"title": "another"}).status_code == 403


def test_a_cached_track_expires(tracks: httpx.Client, cache: CachePods) -> None:
    """A second before its time to live is over, since a copy of the database may lag."""
    read(tracks, 12)
    left = [cache.ask(pod, "PTTL", "track:12") for pod in PODS]
    (stays_ms,) = (one for one in left if isinstance(one, int) and one > 0)
    assert 15_000 < stays_ms <= 29_000


def test_look_ups_are_counted_and_timed(tracks: httpx.Client) -> None:
    """By what they found."""
    for _ in range(2):
        read(tracks, 13)
    text = httpx.get(f"http://{TRACK}:8080/metrics", trust_env=False).text
    for outcome in ("hit", "miss"):
        assert f'cache_lookups_total{{outcome="{outcome}"}}' in text
        assert f'cache_read_seconds_bucket{{outcome="{outcome}",le="0.01"}}' in text


def test_pods_hear_what_was_changed(tracks: httpx.Client, cache: CachePods) -> None:
    """Each is a subscriber of the channel, and a write is published on it."""
    heard = [cache.ask(pod, "PUBSUB", "NUMSUB", "invalidations") for pod in PODS]
    assert sum(int(one[1]) for one in heard if isinstance(one, list)) == 1
    with Redis(PODS["cache-us-east-1-0"], password=PASSWORD, protocol=2) as client:
        listener = client.pubsub()
        listener.subscribe("invalidations")
        assert listener.get_message(timeout=10)["type"] == "subscribe"
        tracks.post("/tracks/14/plays")
        assert listener.get_message(timeout=10)["data"] == b"14"
        listener.close()


def test_a_primary_that_is_gone_is_replaced_and_leads_again(tracks: httpx.Client, cache: CachePods) -> None:
    """No read fails; the replica in the other region takes the slots, and gives them back."""
    lost, heir = "cache-us-east-1-0", "cache-ap-southeast-1-1"
    number = next(one for one in range(20, 900) if slot_of(f"track:{one}") in primaries(REGIONS)[lost])
    assert [read(tracks, number) for _ in range(2)] == [(200, "MISS"), (200, "HIT")]
    cache.end(lost)
    assert read(tracks, number) in ((200, "LOST"), (200, "HIT"))
    meanwhile = takewhile(lambda _: not cache.state(heir)[heir][1], Deadline.after(60).ticks(0.1))
    assert {read(tracks, number)[0] for _ in meanwhile} <= {200}
    assert any(read(tracks, number) == (200, "HIT") for _ in Deadline.after(10).ticks(0.1))
    cache.start(lost)
    cache.until_formed(FORMED)
    assert read(tracks, number)[0] == 200


def test_without_the_cache_tracks_are_read_from_the_database(tracks: httpx.Client, services: Services) -> None:
    """Slots that nobody has, and a defect that answers 500 instead."""
    for address, defect, status in (("127.93.9.24", {}, 200), ("127.93.9.25", {"DEFECT_CACHE_NEEDED": "yes"}, 500)):
        services.start("track", address, CACHE_SERVICE_HOST="127.93.9.99", **CACHED, **defect)
        answer = httpx.get(f"http://{address}:8080/tracks/1", trust_env=False, timeout=30)
        assert (answer.status_code, answer.headers.get("x-cache")) == (status, "LOST" if status == 200 else None)


def test_a_pod_that_keeps_what_it_read_is_stale(tracks: httpx.Client, services: Services) -> None:
    """The planted defect."""
    services.start("track", "127.93.9.26", CACHE_SERVICE_HOST=PODS[SEED], DEFECT_CACHE_KEEPS="yes", **CACHED)
    url = "http://127.93.9.26:8080/tracks/15"
    assert httpx.get(url, trust_env=False, timeout=30).json()["plays"] == 0
    tracks.post("/tracks/15/plays")
    assert tracks.get("/tracks/15").json()["plays"] == 1
    assert httpx.get(url, trust_env=False, timeout=30).json()["plays"] == 0
