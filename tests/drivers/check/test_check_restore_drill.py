"""A backup of a genuine PostgreSQL, restored by its own programs into a scratch database: healthy, spoilt, and killed in the middle."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import psycopg
import pytest

from harness import clock
from harness.drivers.check.drills.checksums import DatabaseSums, TableSum, filled_tables, sums_of
from harness.drivers.check.drills.compared import compared
from harness.drivers.check.drills.restore import _emptied, restore_time, restored_copy
from harness.drivers.check.drills.scratch import is_gone
from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.files.reference import Reference
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.targets.undo import recover
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone, postgres
from tests.drivers.check.check_builders import killed, secret, shop_of

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

    def target(self, *, makes: bool = True) -> Target:
        """The target file of a drill that makes a backup, or none."""
        steps = ("restore", "remove", *(("make",) if makes else ()))
        drill: dict[str, Any] = {name: {"command": ["sh", "-c", getattr(self, name)]} for name in steps}
        drill |= {"scratch": secret(self.here, "scratch", self.scratch), "within": self.within}
        database = {"dsn": secret(self.here, "dsn", self.primary.dsn)}
        return shop_of(self.here, database=database, drills={"orders": drill})

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
def drill(tmp_path: Path, primary: Member) -> Drill:
    """One that is right."""
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


@pytest.mark.parametrize(
    ("statement", "observed"),
    [
        ("ALTER TABLE orders RENAME note TO remark", "without note text; with remark text"),
        ("ALTER TABLE orders ALTER id TYPE bigint", "without id integer; with id bigint"),
        ("ALTER TABLE hollow ADD more int", "with more integer"),
    ],
)
def test_a_copy_from_before_a_migration_has_other_columns_and_fails(
    drill: Drill, statement: str, observed: str
) -> None:
    """Its rows may be equal as text, and an empty table has none."""
    drill.primary.ask("CREATE TABLE hollow (id int)")
    try:
        drill.restore += f" && {drill.psql(statement)}"
        (bad,) = drill.copy()
        assert (bad.observed, bad.ok) == (observed, False)
    finally:
        drill.primary.ask("DROP TABLE hollow")


ODD = """
CREATE SCHEMA "an odd.one";
CREATE TABLE "an odd.one"."Ta""ble" ("one" int, "a b" text, zone timestamptz, span interval, raw bytea, small float4, big numeric,
    note json, kind regclass, bits bit varying, price money, at time with time zone, list text[], pair int4range);
INSERT INTO "an odd.one"."Ta""ble" VALUES
    (NULL, '', 'infinity', '1 mon -2 days', '\\x00ff', '-0', repeat('9', 2000)::numeric + 0.10, '{"a" :  1}', 'public.orders', B'01',
     1.5, '12:00+05:30', '{NULL,"NULL"}', '(1,5]'),
    (1, NULL, '-infinity', '-1 year', '', 'NaN', 'NaN', NULL, NULL, NULL, NULL, NULL, NULL, 'empty');
CREATE TABLE "an odd.one".made (id int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (2) STORED);
INSERT INTO "an odd.one".made DEFAULT VALUES;
CREATE TABLE "an odd.one".parent (a int);
CREATE TABLE "an odd.one".child (c int) INHERITS ("an odd.one".parent);
ALTER TABLE "an odd.one".parent ADD b int;
INSERT INTO "an odd.one".child (a, b, c) VALUES (1, 2, 3);
CREATE TABLE "an odd.one".nothing ();
INSERT INTO "an odd.one".nothing DEFAULT VALUES;
CREATE UNLOGGED TABLE "an odd.one".scratch (id int);
CREATE MATERIALIZED VIEW "an odd.one".seen AS SELECT 1
"""


def test_values_whose_text_depends_on_settings_or_on_the_order_of_columns_are_equal_in_a_right_copy(
    drill: Drill,
) -> None:
    """Odd names and values, generated and identity columns alone, no column, and an inherited table whose columns a dump puts in another order."""
    for statement in ODD.split(";"):
        drill.primary.ask(statement)
    zero = """UPDATE "an odd.one"."Ta""ble" SET small = 0 WHERE small = 0"""
    try:
        assert drill.copy() == []
        drill.restore += f" && {drill.psql(zero)}"
        assert [(one.subject, one.ok) for one in drill.copy()] == [('table an odd.one.Ta"ble', False)]
    finally:
        drill.primary.ask('DROP SCHEMA "an odd.one" CASCADE')


def test_a_sequence_that_was_never_asked_or_that_may_not_be_read_is_not_passed_over(drill: Drill) -> None:
    """One that begins later than its copy would give numbers once more; of one that a role may not read nothing is known."""
    drill.primary.ask("CREATE SEQUENCE tickets START 500")
    drill.primary.ask("CREATE ROLE reader LOGIN")
    drill.primary.ask("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    try:
        drill.restore += f" && {drill.psql('ALTER SEQUENCE tickets RESTART 1')}"
        (bad,) = drill.copy()
        assert (bad.expected, bad.observed, bad.ok) == ("500 or beyond is next", "1 is next", False)
        target = drill.target()
        (drill.here / "dsn").write_text(drill.primary.dsn.replace("tester", "reader"), encoding="utf-8")
        unread = [one for one in restored_copy(target, {"drill": "orders"})() if one.subject.startswith("sequence")]
        assert {(one.observed, one.ok) for one in unread} == {("not read: InsufficientPrivilege", None)}
    finally:
        drill.primary.ask("DROP SEQUENCE tickets")
        drill.primary.ask("DROP OWNED BY reader")
        drill.primary.ask("DROP ROLE reader")


def test_a_database_whose_tables_have_no_rows_proves_nothing(drill: Drill) -> None:
    """A restore of the tables alone is equal too."""
    server = drill.primary
    server.ask("CREATE DATABASE hollow")
    drill.primary = HollowMember(server.data, server.address)
    try:
        drill.primary.ask("CREATE TABLE orders (id int)")
        drill.make = drill.program("pg_dump", f"{drill.at} -Fc -f {drill.here}/dump hollow")
        assert [(one.observed, one.ok) for one in drill.copy()] == [("1 of 1, with 0 rows", None)]
        assert drill.time("1 h").ok is None
    finally:
        server.ask("DROP DATABASE hollow")


class HollowMember(Member):
    """Its database `hollow`."""

    @property
    def dsn(self) -> str:
        """The address of that database."""
        return super().dsn.replace("dbname=postgres", "dbname=hollow")


@pytest.mark.parametrize("makes", [True, False])
def test_a_restore_that_brings_no_rows_or_goes_on_in_the_background_is_not_done_in_time(
    drill: Drill, *, makes: bool
) -> None:
    """The command ends and the database answers; whether a backup was restored is shown by its rows."""
    subprocess.run(["sh", "-c", drill.make], check=True)
    create = drill.program("createdb", f"{drill.at} scratch")
    hidden = f"{{ sleep 600; {drill.load()}; }} >&- 2>&- & echo $! > {drill.here}/pid"
    for restore in (f"{create} && {drill.load('--schema-only')}", f"{create}; {hidden}"):
        drill.restore = restore
        (fact,) = restore_time(drill.target(makes=makes), {"drill": "orders", "within": "1 h"})()
        assert fact.ok is None
        assert "s, but " in fact.observed
    os.kill(int((drill.here / "pid").read_text(encoding="utf-8")), signal.SIGKILL)


def test_a_database_that_somebody_made_meanwhile_is_not_removed(drill: Drill) -> None:
    """It was not there when the drill began, and `remove` would remove it."""
    there = drill.program("createdb", f"{drill.at} scratch")
    drill.make, drill.restore = f"{drill.make} && {there}", f"touch {drill.here}/ran"
    target = drill.target()
    try:
        with pytest.raises(DriverError, match="is there already: nothing was restored"):
            restored_copy(target, {"drill": "orders"})()
        assert not (drill.here / "ran").exists()
        with psycopg.connect(drill.scratch):
            pass
        assert not [*pending_intents(platform_of(target))]
    finally:
        subprocess.run(["sh", "-c", drill.remove], check=True)


def test_a_dump_cut_short_fails(drill: Drill) -> None:
    """The restore ends with an error, whose output may have secrets and is not kept; one that hides it lacks rows."""
    drill.make += f" && truncate -s 100000 {drill.here}/dump"
    (bad,) = drill.copy()
    why = "`sh` ended with 1: run it by hand, since what it prints is not kept"
    assert (bad.subject, bad.observed, bad.ok) == ("restore", why, False)
    assert drill.time("1 h").observed.endswith(why)
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


def test_rows_that_were_removed_and_added_meanwhile_leave_a_copy_from_between_equal(drill: Drill) -> None:
    """It has more rows than there were before and after; by their primary key each part is as it was at one of the two moments."""
    early, add, remove = (
        drill.program("psql", f"{drill.at} -d postgres -c {shlex.quote(one)}")
        for one in (
            "INSERT INTO orders (note) SELECT 'early' FROM generate_series(1, 9) n",
            "INSERT INTO orders (note) SELECT 'late' FROM generate_series(1, 5) n",
            "DELETE FROM orders WHERE note = 'early'",
        )
    )
    subprocess.run(early, shell=True, check=True, capture_output=True)  # noqa: S602 - a literal
    drill.make = f"{add} && {drill.make} && {remove}"
    assert drill.copy() == []


@pytest.mark.parametrize(
    ("spoil", "bad"),
    [
        ("SELECT 1", []),
        ("DELETE FROM orders WHERE id = 7", [("table public.orders", None)]),
        ("ALTER TABLE orders DROP CONSTRAINT orders_pkey", []),
    ],
)
def test_a_changed_row_that_is_lost_is_seen_among_rows_that_were_added(
    drill: Drill, spoil: str, bad: list[tuple[str, bool | None]]
) -> None:
    """A row and its changed form are in one part, by the primary key: the number of rows alone would not show it. The copy need not have the key."""
    change = "UPDATE orders SET note = note || '.' WHERE id = 7; INSERT INTO orders (note) SELECT 'new' FROM generate_series(1, 5)"
    drill.make = f"{drill.program('psql', f'{drill.at} -d postgres -c {shlex.quote(change)}')} && {drill.make}"
    drill.restore += f" && {drill.psql(spoil)}"
    assert [(one.subject, one.ok) for one in drill.copy()] == bad


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
    """It is late if the limit is over, and else not decided. After SIGTERM it may remove its files, in which a copy of the database must not stay."""
    left = drill.here / "left"
    drill.make, drill.within = "true", "5 s"
    drill.restore = f"trap 'rm {left}' EXIT; trap 'exit 1' TERM; touch {left}; sleep 600"
    assert drill.time("500 ms").ok is False
    assert drill.time("1 h").ok is None
    assert [one.ok for one in drill.copy()] == [None]
    assert not left.exists()


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
        (f"host={drill.primary.address} port=abc dbname=scratch", "one `port`"),
        (f"host={drill.primary.address} port=99999 dbname=scratch", "one `port`"),
        (f"host={'x' * 70}.test user=tester dbname=scratch", "may be there"),
        (f"host={NET}233 hostaddr={drill.primary.address} user=tester dbname=scratch", "one `host`"),
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
    """Its tables would be compared with themselves, and `remove` would remove what serves: not run, until the address is another."""
    drill.restore = f"printf %s {shlex.quote(drill.primary.dsn)} > {drill.here}/scratch"
    drill.remove = f"touch {drill.here}/removed"
    target = drill.target()
    with pytest.raises(DriverError, match="is the one that serves: it was not removed"):
        _drilled(target)
    (left,) = recover(target, within_s=1.0).left
    assert "is the one that serves: it was not removed" in left.why
    assert not (drill.here / "removed").exists()
    (drill.here / "scratch").write_text(drill.scratch, encoding="utf-8")
    assert not recover(target).left
    assert (drill.here / "removed").exists()


def test_a_copy_that_serves_by_now_is_not_removed(drill: Drill) -> None:
    """A drill was killed, and its copy promoted since: `database.dsn` leads to it."""
    drill.restore += f"; touch {drill.here}/there; sleep 2"
    target = drill.target()
    killed(partial(_drilled, target), drill.here / "there")
    (drill.here / "dsn").write_text(drill.scratch, encoding="utf-8")
    (left,) = recover(target, within_s=1.0).left
    assert "is the one that serves: it was not removed" in left.why
    (drill.here / "dsn").write_text("host=127.0.0.1 port=9 user=tester dbname=postgres", encoding="utf-8")
    (left,) = recover(target, within_s=1.0).left
    assert "no answer from the database" in left.why
    with psycopg.connect(drill.scratch):
        pass
    (drill.here / "dsn").write_text(drill.primary.dsn, encoding="utf-8")
    assert not recover(target).left
    assert is_gone(target.drills["orders"].scratch)


def test_a_server_at_the_port_of_the_environment_may_have_it(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libpq connects to `PGPORT` and `PGHOSTADDR` where the address names no other."""
    drill.scratch = f"host={NET}233 user=tester dbname=scratch"
    scratch = drill.target().drills["orders"].scratch
    assert is_gone(scratch)
    monkeypatch.setenv("PGPORT", "5433")
    with socket.create_server((f"{NET}233", 5433)):
        assert not is_gone(scratch)
    monkeypatch.delenv("PGPORT")
    monkeypatch.setenv("PGHOSTADDR", f"{NET}235")
    assert not is_gone(scratch)


@pytest.mark.parametrize(("number", "gone"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)])
def test_a_resolver_that_fails_for_a_while_shows_nothing(
    drill: Drill, monkeypatch: pytest.MonkeyPatch, number: int, *, gone: bool
) -> None:
    """Only that there is no such name."""

    def resolve(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(number, "said by the resolver")

    drill.scratch = "host=main-drill.invalid user=tester dbname=scratch"
    monkeypatch.setattr(socket, "create_connection", resolve)
    assert is_gone(drill.target().drills["orders"].scratch) is gone


def test_a_database_without_an_encoding_is_compared(drill: Drill) -> None:
    """As `initdb` makes it in a container without a locale."""
    drill.primary.ask("CREATE DATABASE plain TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        (drill.here / "plain").write_text(f"{drill.primary.dsn} dbname=plain", encoding="utf-8")
        plain = Reference(file=str(drill.here / "plain"))
        with psycopg.connect(plain.resolve()) as connection:
            connection.execute(b"CREATE TABLE songs (id int PRIMARY KEY, title text)")
            connection.execute("INSERT INTO songs VALUES (1, 'é')".encode())
        seen = sums_of(plain, 20.0)
        assert (seen.encoding, [*seen.tables], seen.tables["public.songs"].rows) == ("SQL_ASCII", ["public.songs"], 1)
        assert filled_tables(plain, 20.0) == {"public.songs"}
    finally:
        drill.primary.ask("DROP DATABASE plain WITH (FORCE)")


def sums(**tables: TableSum) -> DatabaseSums:
    """A snapshot of these tables."""
    return DatabaseSums(encoding="UTF8", tables=tables, sequences={})


def test_a_table_of_the_copy_that_cannot_be_read_may_be_empty() -> None:
    """So the restore is not known to be done."""
    copy = sums(a=TableSum(rows=1), orders=TableSum(why="InsufficientPrivilege"))
    assert (
        _emptied(copy, frozenset({"a", "orders"}))
        == "orders has rows where it serves, and none in the copy that can be read"
    )
    assert _emptied(copy, frozenset({"a"})) == ""


def test_tables_of_an_extension_may_differ_with_its_version() -> None:
    """Other columns, or a table more; of the user's own tables both fail."""
    one, more = TableSum(rows=1, checksum="1", columns=("a int",)), TableSum(rows=1, checksum="2", columns=("b int",))

    def outcomes(*, partial: bool) -> list[bool | None]:
        before, copy = replace(one, partial=partial), replace(more, partial=partial)
        facts = compared(sums(x=before), sums(x=before), {}, sums(x=copy, y=copy))
        return [fact.ok for fact in facts if fact.subject.startswith("table ")]

    assert outcomes(partial=True) == [None, None]
    assert outcomes(partial=False) == [False, False]


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
    killed(partial(_drilled, target), drill.here / "there")
    with psycopg.connect(drill.scratch):
        pass
    recovered = recover(target)
    assert len(recovered.undone) == 1
    assert not recovered.left
    assert is_gone(target.drills["orders"].scratch)
