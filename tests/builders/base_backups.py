"""Backups as a product makes them, with a real PostgreSQL: base backups by name, and a scratch server that is started on a copy of one."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kubernetes.client.exceptions import ApiException

from harness import clock
from tests.builders.database_servers import Member, postgres


@dataclass
class BaseBackups:
    """The backups of one server.

    Attributes:
        primary: the server.
        here: directory of the base backups and of the scratch server.
        scratch: address of the scratch server.
        spoil: statement that is run in a restored database.
        serving: name of what the scratch server runs for; empty: it does not run.
    """

    primary: Member
    here: Path
    scratch: str
    spoil: str = ""
    serving: str = ""

    def take(self, name: str) -> bool:
        """Make a base backup; whether it was made."""
        words = ["-h", self.primary.address, "-U", "tester", "-N", "-c", "fast", "-D", str(self.here / name)]
        return subprocess.run(postgres("pg_basebackup", *words), check=False).returncode == 0

    def start(self, backup: str, serving: str) -> None:
        """Start the scratch server on a copy of a backup."""
        shutil.copytree(self.here / backup, self.here / "scratch")
        self.serving = serving
        self._pg_ctl("-o", f"-c listen_addresses={self.scratch}", "-l", str(self.here / "log"), "-w", "start")
        if self.spoil:
            Member(self.here / "scratch", self.scratch).ask(self.spoil)

    def end(self) -> None:
        """End the scratch server, and remove its volume."""
        if (self.here / "scratch").exists():
            self._pg_ctl("-m", "immediate", "stop")
            shutil.rmtree(self.here / "scratch", ignore_errors=True)
        self.serving = ""

    def _pg_ctl(self, *words: str) -> None:
        command = postgres("pg_ctl", "-D", self.here / "scratch", *words)
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def at_work(reconcile: Callable[[], None], backups: BaseBackups) -> Iterator[None]:
    """A controller that works on its objects again and again; at the end its scratch server is ended."""
    ending = threading.Event()

    def work() -> None:
        for _ in clock.Deadline.after(600).ticks(0.1):
            if ending.is_set():
                return
            with suppress(ApiException):  # an object that was deleted meanwhile
                reconcile()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(60)
        backups.end()


def now_text() -> str:
    """The time as Kubernetes writes it."""
    return clock.wall().strftime("%Y-%m-%dT%H:%M:%SZ")
