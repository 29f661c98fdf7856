"""The watcher of signed-in users against Flask services with sessions in their memory and in a cluster of Valkey, which are killed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness import clock
from harness.drivers.watch import Pace, Rates
from harness.drivers.watch.entry.signed_in import SessionsWatcher
from harness.evidence.rows import RowTail
from harness.model import Table
from harness.model.records.table import SESSIONS
from harness.targets import Target, load_target
from tests.builders.addresses import NET
from tests.builders.cache_servers import clustered, program, until
from tests.drivers.watch.watch_bench import watched
from tests.foreign.services import APPS

FAULT = Pace(fault_in=True)
RATES = Rates(sessions=20.0, sessions_in_fault=40.0)


HOSTS = [f"{NET}{number}" for number in range(61, 67)]


class FlaskPod:
    """The service, which can be killed and started again at the same address."""

    def __init__(self, host: str, *caches: str) -> None:
        self._argv = [sys.executable, str(APPS / "flask_sessions.py"), host, *caches]
        self.url = f"http://{host}:8080"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.process = subprocess.Popen(self._argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._serves)

    def kill(self) -> None:
        """End it without grace."""
        self.process.kill()
        self.process.wait()

    def _serves(self) -> bool:
        try:
            return httpx.get(f"{self.url}/login", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def target_of(directory: Path, entry: str, **session: Any) -> Target:
    """A target with two test users, who begin sessions as browsers do."""
    (directory / "password").write_text("open", encoding="utf-8")
    users = {f"user-{n}": {"user": f"test-{n}", "password": {"file": str(directory / "password")}} for n in (1, 2)}
    content = {
        "name": "shop",
        "environment": "staging",
        "entry": entry,
        "may_write": [{"users": "test-*"}],
        "identity": {
            "users": users,
            "session": {"cookie": "sid", "sign_in": "POST /login", "page": "/account", **session},
        },
    }
    (directory / "target.yaml").write_text(json.dumps(content), encoding="utf-8")
    return load_target(directory / "target.yaml")


class WatchedUsers:
    """A run of the watcher in this process, with what it has recorded so far."""

    def __init__(self, run: Path) -> None:
        self._tail = RowTail(run / "watch" / "sessions.rows", SESSIONS)
        self.rows = Table.empty(SESSIONS)

    def since(self, at_ns: int) -> Table:
        """The rows that were sent from a moment on."""
        self.rows = Table.merged(SESSIONS, [self.rows, self._tail.poll()])
        return self.rows.where(self.rows.ints["sent_ns"] >= at_ns)

    def sessions(self, kind: str, outcome: str, at_ns: int = 0) -> set[str]:
        """The sessions with an answer of that kind and outcome."""
        rows = self.since(at_ns)
        here = rows.words["kind"].equals(kind) & rows.words["outcome"].equals(outcome)
        return {*rows.where(here).words["session"].present}


Act = Callable[[WatchedUsers, Callable[[Pace], None]], None]


def run_of(pod: FlaskPod, directory: Path, act: Act, **session: Any) -> WatchedUsers:
    """A watch of a service, which is killed at its end, until an act has ended, which is given how the pace is told."""
    users, target = WatchedUsers(directory / "run"), target_of(directory, pod.url, **session)
    try:
        asyncio.run(watched(target, directory / "run", SessionsWatcher(), lambda tell: act(users, tell), RATES))
    finally:
        pod.kill()
    return users


FIRST = {f"entry {number}.1" for number in (1, 2, 3, 4)}


def killed_and_back(pod: FlaskPod, expected: str) -> Act:
    """Four users are signed in, the service is killed, nobody is answered, it is back, and each is answered as expected."""

    def act(users: WatchedUsers, tell: Callable[[Pace], None]) -> None:
        until(lambda: users.sessions("page", "served") >= FIRST)
        tell(FAULT)
        killed_ns = clock.now_ns()
        pod.kill()
        until(lambda: users.sessions("page", "unknown", killed_ns) >= FIRST)
        pod.start()
        until(lambda: users.sessions("page", expected, killed_ns) >= FIRST)
        assert not users.sessions("sign-in", "served", killed_ns), "no session is begun under a fault"
        tell(Pace())
        if expected == "refused":
            until(lambda: users.sessions("sign-in", "served", killed_ns))

    return act


def test_sessions_in_memory_are_refused_after_the_kill(tmp_path: Path) -> None:
    """A refused one is led to the sign-in, as a visitor is; without an answer nobody is refused. After the restore they sign in again."""
    pod = FlaskPod(f"{NET}60")
    users = run_of(pod, tmp_path, killed_and_back(pod, "refused"))
    assert users.sessions("visitor", "refused") >= FIRST
    assert not [name for name in users.rows.words["session"].present if "test-" in name]


def test_sessions_in_a_cluster_outlive_the_service_and_each_primary(tmp_path: Path) -> None:
    """First the service is killed, then a primary of the cluster, whose replica takes over: nobody is refused."""
    with clustered(program("valkey-server"), tmp_path / "cluster", HOSTS) as servers:
        pod = FlaskPod(f"{NET}60", *HOSTS)

        def act(users: WatchedUsers, tell: Callable[[Pace], None]) -> None:
            killed_and_back(pod, "served")(users, tell)
            tell(FAULT)
            servers[0].kill()
            until(lambda: "master" in str(servers[3].ask("ROLE")[0]))
            taken_ns = clock.now_ns()
            until(lambda: users.sessions("page", "served", taken_ns) >= FIRST)

        users = run_of(pod, tmp_path, act)
    assert not users.sessions("page", "refused")


@pytest.mark.parametrize(
    ("session", "why"),
    [
        ({"page": "/login"}, ""),
        ({"cookie": "other"}, "the sign-in set no cookie `other`"),
        ({"page": "/nothing"}, "/nothing got status 404 right after the sign-in"),
    ],
)
def test_what_proves_nothing_is_in_the_rows(session: dict[str, str], why: str, tmp_path: Path) -> None:
    """A page that visitors get, too; a session that did not begin."""
    pod = FlaskPod(f"{NET}60")

    def act(users: WatchedUsers, _tell: Callable[[Pace], None]) -> None:
        until(lambda: len(users.since(0).words["kind"].text()) >= 8)

    users = run_of(pod, tmp_path, act, **session)
    if why:
        assert any(why in str(one) for one in users.rows.words["error"].present)
        assert not users.sessions("page", "served")
    else:
        assert users.sessions("visitor", "served") >= FIRST


def test_a_session_that_ends_by_itself_is_begun_again_before_a_fault_and_not_asked_for_in_one(tmp_path: Path) -> None:
    """It may last 4 s: a refusal afterwards would prove nothing."""
    pod = FlaskPod(f"{NET}60")

    def act(users: WatchedUsers, tell: Callable[[Pace], None]) -> None:
        until(lambda: {name.replace(".1", ".2") for name in FIRST} <= users.sessions("sign-in", "served"))
        tell(FAULT)
        fault_ns = clock.now_ns()
        until(lambda: clock.now_ns() - fault_ns > 4_000_000_000)
        over_ns = clock.now_ns()
        until(lambda: clock.now_ns() - over_ns > 500_000_000)
        assert not len(users.since(over_ns))

    run_of(pod, tmp_path, act, longest="4 s")
