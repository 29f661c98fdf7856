"""The commands of a cache in the metrics: genuine servers with an exporter beside each, a Prometheus that scrapes them, and the check that asks both.

The exporter is the sandbox's or a genuine redis_exporter, and Prometheus the embedded one or a genuine one, where they are on PATH.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from shutil import which

import httpx
import pytest

from harness.drivers.check.cache.commands import AskedServer, CommandFacts, _key_of
from harness.drivers.check.monitor.exposed import Freshness
from harness.drivers.facts import FactReading
from harness.targets import Target, load_target
from harness.targets.caches import CacheAddress
from readiness_sandbox.settings import IMPORTS
from tests.builders.addresses import NET
from tests.builders.cache_servers import CacheProcess, cache, program, until
from tests.builders.http_servers import Quiet, serving

NORTH, SOUTH, MONITOR = f"{NET}31", f"{NET}32", f"{NET}33"
KEPT = ("--latency-tracking-info-percentiles", "50 95 99")
RAN = ["get", "publish", "pubsub|numsub", "set"]
HISTOGRAM = "redis_commands_latencies_usec"


@dataclass
class Watched:
    """Two servers, the exporter beside each, and their target."""

    servers: dict[str, CacheProcess]
    target: Target
    exporters: dict[str, ExitStack] = field(default_factory=dict)

    def facts(self, age_s: float = 60.0) -> dict[str, FactReading]:
        """What the check finds, by server and command."""
        return {one.subject: one for one in CommandFacts(self.target, Freshness(age_s)).read()}

    def outcomes(self, age_s: float = 60.0) -> dict[str, bool | None]:
        """Of each server and command."""
        return {subject: one.ok for subject, one in self.facts(age_s).items()}


@contextmanager
def process(argv: list[str], home: Path, path: str = "", **variables: str) -> Iterator[None]:
    """A child, which is gone afterwards."""
    home.mkdir()
    env = {"PATH": path, "PYTHONPATH": str(IMPORTS), **variables}
    with (home / "log").open("wb") as log:
        child = subprocess.Popen(argv, cwd=home, env=env, stdout=log, stderr=log)
    try:
        yield
    finally:
        child.terminate()
        child.wait(60)


def exporter(which_one: str, host: str, home: Path) -> ExitStack:
    """One beside a server."""
    own = [sys.executable, "-m", "normaldance.caching.exporter"]
    argv = own if which_one == "sandbox" else [which_one, "-redis.addr", f"redis://{host}:6379", "-web.listen-address", f"{host}:9121"]  # fmt: skip
    stack = ExitStack()
    stack.enter_context(process(argv, home, POD_IP=host, PORT="9121", CACHE_PASSWORD=""))
    return stack


@contextmanager
def monitored(home: Path, targets: list[str], path: str = "") -> Iterator[str]:
    """A Prometheus that scrapes the targets twice a second; its URL."""
    home.mkdir()
    every = {"scrape_interval": "500ms", "scrape_timeout": "500ms"}
    content = {"global": every, "scrape_configs": [{"job_name": "a", "static_configs": [{"targets": targets}]}]}
    (home / "prometheus.yml").write_text(json.dumps(content), encoding="utf-8")
    argv = [sys.executable, "-m", "monitor.prometheus", str(home / "prometheus.yml")]
    url = f"http://{MONITOR}:9090"
    with process(argv, home / "process", path, POD_IP=MONITOR):
        until(lambda: answers(f"{url}/-/ready"))
        yield url


def answers(url: str) -> bool:
    """Whether it answers 200."""
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def target_of(home: Path, prometheus: str, hosts: dict[str, str]) -> Target:
    """A target with these servers as its caches."""
    servers = {name: {"at": f"redis://{host}:6379"} for name, host in hosts.items()}
    content = {"name": "shop", "environment": "staging", "entry": "http://127.0.0.1:9", "prometheus": prometheus}
    (home / "target.yaml").write_text(json.dumps({**content, "cache": {"servers": servers}}), encoding="utf-8")
    return load_target(home / "target.yaml")


def used(one: CacheProcess) -> None:
    """Run four commands that read, write and publish, and one that does not exist."""
    one.ask("SET", "a", "1")
    one.ask("GET", "a")
    one.ask("PUBLISH", "news", "b")
    one.ask("PUBSUB", "NUMSUB", "news")
    one.ask("CONFIG", "GET", "save")


@pytest.fixture(params=["sandbox", "redis_exporter"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """Two servers that have been used; genuine exporters are scraped by a genuine Prometheus where there is one."""
    which_one = which("redis_exporter") or which("prometheus-redis-exporter")
    if request.param == "sandbox":
        which_one = "sandbox"
    if which_one is None:
        pytest.skip("redis_exporter is not on PATH: apt install prometheus-redis-exporter")
    product = program("valkey-server" if which_one == "sandbox" else "redis-server")
    path = "" if which_one == "sandbox" else os.environ["PATH"]
    with ExitStack() as stack:
        servers = {host: stack.enter_context(cache(product, tmp_path / host, host, 6379, *KEPT)) for host in (NORTH, SOUTH)}  # fmt: skip
        for one in servers.values():
            used(one)
        exporters = {host: exporter(which_one, host, tmp_path / f"exporter-{host}") for host in servers}
        for each in exporters.values():
            stack.enter_context(each)
        url = stack.enter_context(monitored(tmp_path / "prometheus", [f"{host}:9121" for host in servers], path))
        yield Watched(servers, target_of(tmp_path, url, {"north": NORTH, "south": SOUTH}), exporters)


def subjects(host: str, name: str) -> list[str]:
    """Of the commands that were run on a server."""
    return [f"cache {name} {host}:6379: {command}" for command in RAN]


EVERY = {*subjects(NORTH, "north"), *subjects(SOUTH, "south")}


def test_every_command_that_reads_writes_or_publishes_has_a_count_and_a_p95(watched: Watched) -> None:
    """Also one that was run for the first time a moment ago; what signs in, configures or asks for the state is none of them."""
    found = watched.facts()
    assert {subject: one.ok for subject, one in found.items()} == dict.fromkeys(EVERY, True)
    assert found[f"cache north {NORTH}:6379: get"].observed.startswith("1 times, p95 ")
    assert found[f"cache north {NORTH}:6379: get"].expected == "count and p95, at most 60 s old"
    watched.servers[SOUTH].ask("EXPIRE", "a", "100")
    assert watched.outcomes() == dict.fromkeys({*EVERY, f"cache south {SOUTH}:6379: expire"}, True)
    assert set(watched.outcomes(1e-6).values()) == {False}, "no sample is so young"


def test_a_server_without_a_p95_is_named_with_its_commands(watched: Watched) -> None:
    """The percentiles of a server that nobody configured have none; the other server is as expected."""
    assert set(watched.outcomes().values()) == {True}
    watched.servers[NORTH].ask("CONFIG", "SET", "latency-tracking-info-percentiles", "50 99")
    get = f"cache north {NORTH}:6379: get"
    until(lambda: watched.facts()[get].ok is False)
    assert watched.facts()[get].observed == "no p95; hint: `latency-tracking-info-percentiles 50 95 99` of the server"
    expected = {**dict.fromkeys(subjects(NORTH, "north"), False), **dict.fromkeys(subjects(SOUTH, "south"), True)}
    assert watched.outcomes() == expected


def test_a_server_without_an_exporter_is_named_with_its_commands(watched: Watched) -> None:
    """What the exporter beside the other server exposes is not its own."""
    assert set(watched.outcomes().values()) == {True}
    watched.exporters[SOUTH].close()
    get = f"cache south {SOUTH}:6379: get"
    until(lambda: watched.facts(1.0)[get].ok is False)
    assert watched.facts(1.0)[get].observed == "no count and no p95"
    assert watched.outcomes(2.0)[f"cache north {NORTH}:6379: get"] is True


def test_a_server_that_cannot_be_asked_is_unknown(watched: Watched) -> None:
    """It may have run anything; a server that has run nothing of the kind is no proof either."""
    watched.servers[NORTH].kill()
    watched.servers[SOUTH].ask("CONFIG", "RESETSTAT")
    north, south = watched.facts().values()
    assert (north.subject, north.ok) == (f"cache north {NORTH}:6379", None)
    assert north.observed.startswith("no answer from the cache: ")
    assert (south.subject, south.ok) == (f"cache south {SOUTH}:6379", None)
    assert south.observed == "no server of this cache has run a command that reads, writes or publishes"


def exposed(one: CacheProcess) -> str:
    """Counts and histograms of a server, as redis_exporter writes them from `INFO commandstats` and `LATENCY HISTOGRAM`."""
    counts = one.ask("INFO", "commandstats")
    lines = [
        f'redis_commands_total{{cmd="{key.removeprefix("cmdstat_")}"}} {of["calls"]}' for key, of in counts.items()
    ]
    reply = one.ask("LATENCY HISTOGRAM")
    for command, (_, calls, _, ends) in zip(reply[::2], reply[1::2], strict=True):
        buckets = [*zip(ends[::2], ends[1::2], strict=True), ("+Inf", calls)]
        lines += [f'{HISTOGRAM}_bucket{{cmd="{command}",le="{end}"}} {count}' for end, count in buckets]
        lines += [f'{HISTOGRAM}_count{{cmd="{command}"}} {calls}']
    return "".join(f"{line}\n" for line in lines)


@contextmanager
def scraped(text: str, host: str, home: Path) -> Iterator[str]:
    """A Prometheus that scrapes the text at an address; its URL."""

    class Page(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

    with serving(Page, host) as at, monitored(home, [at.removeprefix("http://")]) as url:
        yield url


def test_a_histogram_of_each_command_has_a_p95_too(tmp_path: Path) -> None:
    """As redis_exporter makes it of `LATENCY HISTOGRAM`, whatever percentiles the server is configured to keep."""
    with cache(program("valkey-server"), tmp_path / "lone", NORTH) as one:
        used(one)
        with scraped(exposed(one), NORTH, tmp_path / "prometheus") as url:
            facts = CommandFacts(target_of(tmp_path, url, {"north": NORTH}), Freshness(60.0)).read()
            assert {one.subject: one.ok for one in facts} == dict.fromkeys(subjects(NORTH, "north"), True)


def test_series_of_an_unknown_server_decide_nothing(tmp_path: Path) -> None:
    """An exporter elsewhere may be this server's: its label `instance` does not say it."""
    with cache(program("valkey-server"), tmp_path / "lone", NORTH) as one:
        used(one)
        with scraped(exposed(one), SOUTH, tmp_path / "prometheus") as url:
            facts = CommandFacts(target_of(tmp_path, url, {"north": NORTH}), Freshness(1.0)).read()
            assert [one.ok for one in facts] == [None] * 4
            assert f"no count and no p95, but series of the unknown server {SOUTH}:" in facts[0].observed


A, B, ELSEWHERE = CacheAddress("cache.test", 6379), CacheAddress("cache.test", 6380), CacheAddress("10.0.0.3", 6379)


def test_a_series_is_of_the_server_that_its_instance_names(subtests: pytest.Subtests) -> None:
    """By its address, else by its host where one server alone has it, as with an exporter in the server's pod."""
    hosts = {A: {"cache.test"}, B: {"cache.test"}, ELSEWHERE: {"10.0.0.3", "node-3.test"}}
    servers = [AskedServer(cache="c", at=at, hosts=frozenset(names)) for at, names in hosts.items()]
    for instance, server in [
        ("redis://cache.test:6380", B),
        ("cache.test:6379", A),
        ("cache.test:9121", "cache.test:9121"),
        ("10.0.0.3:9121", ELSEWHERE),
        ("node-3.test:9121", ELSEWHERE),
        ("10.0.0.4:6379", "10.0.0.4:6379"),
        ("the exporter", "the exporter"),
        ("cache.test:port", "cache.test:port"),
        ("", ""),
    ]:
        with subtests.test(instance=instance):
            assert _key_of({"instance": instance, "cmd": "get"}, servers) == (server, "get")
