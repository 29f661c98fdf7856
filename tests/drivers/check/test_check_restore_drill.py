"""A backup of a genuine PostgreSQL, restored by its own programs into a scratch database: healthy, spoilt, and killed in the middle."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from harness import clock
from harness.drivers.check.drills.restore import restore_time, restored_copy
from harness.drivers.check.drills.scratch import is_gone
from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.targets import Target, load_target
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.targets.undo import recover
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone, postgres, until

ACCESS = "host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n"
ROWS = 100_000


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A server whose tables have 100 000 rows, a partition, and types whose text depends on settings."""
    with lone(tmp_path_factory.mktemp("drill") / "data", f"{NET}231", ACCESS) as member:
        member.ask("CREATE TABLE orders (id serial PRIMARY KEY, one float8, at timestamptz, note text)")
        member.ask(
            "INSERT INTO orders (one, at, note) SELECT n / 7.0, now(), md5(n::text) FROM generate_series(1, %s) n",
            (ROWS,),
        )
        member.ask("CREATE TABLE events (id int, one int) PARTITION BY RANGE (id)")
        member.ask("CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100)")
        member.ask("INSERT INTO events SELECT n, n FROM generate_series(1, 99) n")
        yield member


class Drill:
    """A drill by pg_dump and pg_restore on one server."""

    def __init__(self, here: Path, primary: Member) -> None:
        self.here, self.primary = here, primary
        self.at = f"-h {primary.address} -U tester"
        self.make = self.program("pg_dump", f"{self.at} -Fc -f {here}/dump postgres")
        self.restore = f"{self.program('createdb', f'{self.at} scratch')} && {self.load()}"
        self.remove = self.program("dropdb", f"{self.at} --if-exists --force scratch")
        self.scratch = f"host={primary.address} port=5432 user=tester dbname=scratch"
        self.within = "60 s"

    def program(self, name: str, words: str) -> str:
        """The command line of one of PostgreSQL's programs."""
        return f"{shlex.join(postgres(name))} {words}"

    def load(self, more: str = "") -> str:
        """Restores the dump."""
        return self.program("pg_restore", f"{self.at} -d scratch {more} {self.here}/dump")

    def psql(self, statement: str) -> str:
        """Runs a statement in the scratch database."""
        return self.program("psql", f"{self.at} -d scratch -c {shlex.quote(statement)}")

    def target(self, **more: Any) -> Target:
        """The target file."""
        (self.here / "dsn").write_text(self.primary.dsn, encoding="utf-8")
        (self.here / "scratch").write_text(self.scratch, encoding="utf-8")
        commands = {name: {"command": ["sh", "-c", getattr(self, name)]} for name in ("make", "restore", "remove")}
        content = {
            "name": "shop",
            "environment": "staging",
            "entry": "http://127.0.0.1:9",
            "database": {"dsn": {"file": str(self.here / "dsn")}},
            "drills": {"orders": {**commands, "scratch": {"file": str(self.here / "scratch")}, "within": self.within}},
            **more,
        }
        (self.here / "target.yaml").write_text(json.dumps(content), encoding="utf-8")
        return load_target(self.here / "target.yaml")

    def copy(self) -> list[FactReading]:
        """The facts about the content that are not as expected; afterwards nothing is left."""
        target = self.target()
        try:
            return [one for one in restored_copy(target, {"drill": "orders"})() if not one.ok]
        finally:
            assert is_gone(target.drills["orders"].scratch)
            assert not [*pending_intents(platform_of(target))]

    def time(self, limit: str) -> FactReading:
        """The fact about the time."""
        (fact,) = restore_time(self.target(), {"drill": "orders", "within": limit})()
        return fact


@pytest.fixture
def drill(tmp_path: Path, primary: Member, monkeypatch: pytest.MonkeyPatch) -> Drill:
    """One that is right."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    return Drill(tmp_path, primary)


def test_a_right_copy_is_equal_and_done_in_time(drill: Drill) -> None:
    """100 000 rows take less than 20 s, with checksums, and the scratch database is removed."""
    deadline = clock.Deadline.after(20)
    facts = restored_copy(drill.target(), {"drill": "orders"})()
    assert [(one.ok, one.observed) for one in facts] == [(True, "3 of 3, with 100099 rows")]
    assert drill.time("20 s").ok
    assert not deadline.over
    assert drill.time("1 ms").ok is False


@pytest.mark.parametrize(
    ("statement", "subject"),
    [
        ("DROP TABLE events", "table public.events"),
        ("DROP TABLE orders", "table public.orders"),
        ("UPDATE orders SET note = 'x' WHERE id = 7", "table public.orders"),
        ("UPDATE events SET one = one + 1 WHERE id = 7", "table public.events_1"),
        ("DELETE FROM orders WHERE id = 7", "table public.orders"),
        ("CREATE TABLE more (id int)", "table public.more"),
        ("SELECT setval('orders_id_seq', 5)", "sequence public.orders_id_seq"),
    ],
)
def test_a_copy_that_differs_fails_and_is_named(drill: Drill, statement: str, subject: str) -> None:
    """A table left out, a row changed or missing, a table too many, a sequence that would give numbers once more."""
    drill.restore += f" && {drill.psql(statement)}"
    bad = drill.copy()
    assert all(one.ok is False for one in bad)
    assert subject in {one.subject for one in bad}


def test_a_stale_dump_fails(drill: Drill) -> None:
    """The backup is from before the last write."""
    drill.target()
    subprocess.run(["sh", "-c", drill.make], check=True)
    drill.primary.ask("INSERT INTO orders (note) VALUES ('newest')")
    drill.make = "true"
    assert [(one.subject, one.ok) for one in drill.copy()] == [
        ("table public.orders", False),
        ("sequence public.orders_id_seq", False),
    ]


def test_a_dump_cut_short_fails(drill: Drill) -> None:
    """The restore ends with an error; one that hides it lacks rows."""
    drill.make += f" && truncate -s 100000 {drill.here}/dump"
    (bad,) = drill.copy()
    assert (bad.subject, bad.ok) == ("restore", False)
    assert bad.observed.startswith("`sh` ended with 1")
    drill.restore += " || true"
    assert "table public.orders" in {one.subject for one in drill.copy() if one.ok is False}


def test_a_write_meanwhile_is_not_decided(drill: Drill) -> None:
    """A table that is written to while the backup is made, also if the write is undone: it is named, unless the copy is equal to one of the two."""
    update = '-d postgres -c "UPDATE events SET one = one + {} WHERE id = 9"'
    first, change, back = (drill.program("psql", f"{drill.at} {update.format(n)}") for n in (1, 5, -5))
    drill.make, dump = f"{drill.make} && {first}", drill.make
    assert drill.copy() == []
    drill.make = f"{change} && {dump} && {back}"
    assert [(one.subject, one.ok) for one in drill.copy()] == [("table public.events_1", None)]


def test_rows_added_before_and_after_the_copy_was_taken_leave_it_equal(drill: Drill) -> None:
    """Each part of the table is as it was before or after; a row that is lost as well is in neither, and names the table."""
    add = "-d postgres -c \"INSERT INTO orders (note) SELECT 'added ' || n FROM generate_series(1, 5) n\""
    drill.make = " && ".join([once := drill.program("psql", f"{drill.at} {add}"), drill.make, once])
    assert drill.copy() == []
    gone = drill.psql("DELETE FROM orders WHERE id = 7")
    drill.restore += f" && {gone}"
    assert [(one.subject, one.ok) for one in drill.copy()] == [("table public.orders", None)]


def test_the_harness_s_own_row_that_it_writes_over_is_counted_only(drill: Drill) -> None:
    """It differs from both readings, as the watcher of replicas writes it during the drill; a copy without it is named, and one of a row that nobody wrote to is compared."""
    make = "CREATE TABLE IF NOT EXISTS heartbeat (id int PRIMARY KEY, beat bigint NOT NULL)"
    beat = "INSERT INTO heartbeat VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET beat = heartbeat.beat + 1"
    write = drill.program("psql", f'{drill.at} -d postgres -c "{make}" -c "{beat}"')
    subprocess.run(["sh", "-c", write], check=True, capture_output=True)
    dump, load = drill.make, drill.restore
    other = drill.psql("UPDATE heartbeat SET beat = 99")
    try:
        drill.restore = f"{load} && {other}"
        assert [(one.subject, one.ok) for one in drill.copy()] == [("table public.heartbeat", False)]
        drill.make, drill.restore = f"{write} && {dump} && {write}", load
        assert drill.copy() == []
        drill.restore = f"{load} && {drill.psql('TRUNCATE heartbeat')}"
        assert [(one.subject, one.ok) for one in drill.copy()] == [("table public.heartbeat", None)]
    finally:
        drill.primary.ask("DROP TABLE heartbeat")


def test_a_restore_that_hangs_is_killed(drill: Drill) -> None:
    """It is late if the limit is over, and else not decided."""
    drill.make, drill.restore, drill.within = "true", "sleep 600", "5 s"
    assert drill.time("500 ms").ok is False
    assert drill.time("1 h").ok is None
    assert [one.ok for one in drill.copy()] == [None]


def test_a_restore_that_is_ended_may_remove_its_files(drill: Drill) -> None:
    """It has a few seconds after SIGTERM: a copy of the database in a directory of temporary files must not stay there."""
    left = drill.here / "left"
    drill.make, drill.within = "true", "2 s"
    drill.restore = f"trap 'rm {left}' EXIT; trap 'exit 1' TERM; touch {left}; sleep 600"
    assert drill.time("1 h").ok is None
    assert not left.exists()


def test_a_restore_that_fails_says_how_to_learn_why(drill: Drill) -> None:
    """What it prints may have secrets, and is not kept."""
    drill.make, drill.restore = "true", "exit 3"
    assert drill.time("1 h").observed.endswith("`sh` ended with 3: run it by hand, since what it prints is not kept")


def test_nothing_runs_if_the_scratch_database_serves_or_is_there(drill: Drill) -> None:
    """By whatever address it is reached."""
    drill.make = drill.restore = drill.remove = f"touch {drill.here}/ran"
    drill.scratch = f"postgresql://tester@{drill.primary.address}/postgres?application_name=other"
    with pytest.raises(DriverError, match="is the one that serves: nothing was run"):
        drill.time("1 h")
    for scratch, why in (
        (f"host={drill.primary.address} user=tester dbname=template1", "is there already"),
        (f"host={drill.primary.address} user=stranger dbname=scratch", "may be there"),
        (f"host={drill.primary.address},127.0.0.1 user=tester dbname=scratch", "one `host`"),
    ):
        drill.scratch = scratch
        with pytest.raises(DriverError, match=why):
            drill.time("1 h")
    assert not (drill.here / "ran").exists()


def test_a_balancer_without_a_server_behind_it_has_no_scratch_database(drill: Drill) -> None:
    """It closes each connection without a byte; where nothing is said and nothing closed, there may be one."""
    drill.scratch = f"host={NET}233 port=5433 user=tester dbname=scratch"
    scratch = drill.target().drills["orders"].scratch
    with socket.create_server((f"{NET}233", 5433)) as balancer:
        closing = Thread(target=_close_each, args=(balancer,))
        closing.start()
        assert is_gone(scratch)
        balancer.shutdown(socket.SHUT_RDWR)
        closing.join()
    with socket.create_server((f"{NET}233", 5433)):
        assert not is_gone(scratch)


def _close_each(balancer: socket.socket) -> None:
    """Take connections and close them, until the balancer is shut."""
    with suppress(OSError):
        while True:
            balancer.accept()[0].close()


def test_a_restore_after_which_the_scratch_address_reaches_what_serves_proves_nothing(drill: Drill) -> None:
    """Its tables would be compared with themselves."""
    drill.restore = f"printf %s {shlex.quote(drill.primary.dsn)} > {drill.here}/scratch"
    gone = f"host={drill.primary.address} user=tester dbname=scratch"
    drill.remove = f"printf %s {shlex.quote(gone)} > {drill.here}/scratch"
    with pytest.raises(DriverError, match="is the one that serves"):
        drill.copy()


def test_a_physical_copy_has_the_identity_of_what_serves_and_is_compared(drill: Drill) -> None:
    """By pg_basebackup, on a server of its own: the system identifier is the same."""
    address, copy = f"{NET}232", drill.here / "copy"
    drill.make = f"rm -rf {copy} && " + drill.program("pg_basebackup", f"{drill.at} -N -c fast -D {copy}")
    options = shlex.quote(f"-c listen_addresses={address}")
    drill.restore = drill.program("pg_ctl", f"-D {copy} -o {options} -l {copy}.log -w start")
    drill.remove = drill.program("pg_ctl", f"-D {copy} -m immediate stop; rm -rf {copy}")
    drill.scratch = f"host={address} port=5432 user=tester dbname=postgres"
    assert drill.copy() == []


def _drilled(target: Target) -> None:
    restored_copy(target, {"drill": "orders"})()


def test_after_a_kill_the_scratch_database_is_removed_by_recover(drill: Drill) -> None:
    """The undo is on disk before the restore."""
    drill.restore += f"; touch {drill.here}/there; sleep 2"
    target = drill.target()
    process = multiprocessing.get_context("fork").Process(target=_drilled, args=(target,))
    process.start()
    until((drill.here / "there").exists)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with psycopg.connect(drill.scratch):
        pass
    recovered = recover(target)
    assert len(recovered.undone) == 1
    assert not recovered.left
    assert is_gone(target.drills["orders"].scratch)
