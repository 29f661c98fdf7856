"""Facts of the database, asked of a real PostgreSQL with a real standby."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from claims.database.server_settings import database_settings
from harness import clock
from harness.drivers.check.drills.checksums import sums_of
from harness.drivers.check.sql.asking import rows_of, stream_of
from harness.drivers.check.sql.hashes import password_hashes
from harness.drivers.check.sql.members import database_primary, database_standbys, database_version
from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.targets import Target, load_target
from harness.targets.files.reference import Reference
from tests.builders.addresses import NET
from tests.builders.database_servers import until

if TYPE_CHECKING:
    from tests.builders.database_servers import Member

Pair = tuple["Member", "Member"]


@pytest.fixture
def database(members: Pair, tmp_path: Path) -> Target:
    """A target whose primary is in the north, and a standby in the south."""
    return described(members, tmp_path)


def described(members: Pair, tmp_path: Path, **settings: str) -> Target:
    """The target of these two members; `settings` are declared."""
    for name, member in zip(("north-0", "south-0"), members, strict=True):
        (tmp_path / name).write_text(member.dsn)
    declared = "".join(f"    {name}: {value}\n" for name, value in settings.items())
    file = tmp_path / "target.yaml"
    file.write_text(
        f"name: pocket\nenvironment: sandbox\nentry: http://{NET}1:8080\n"
        "database:\n"
        f"  dsn: {{file: {tmp_path / 'north-0'}}}\n"
        "  members:\n"
        f"    north-0: {{dsn: {{file: {tmp_path / 'north-0'}}}, region: north}}\n"
        f"    south-0: {{dsn: {{file: {tmp_path / 'south-0'}}}, region: south}}\n"
        "  passwords: {table: users, column: password}\n" + (f"  settings:\n{declared}" if declared else ""),
        encoding="utf-8",
    )
    return load_target(file)


def test_every_member_reports_its_version(database: Target) -> None:
    """Both are 17; 99 is newer than both."""
    assert [one.ok for one in database_version(database, {"at_least": "15.4"})()] == [True, True]
    seen = database_version(database, {"at_least": "99"})()
    assert [(one.subject, one.ok) for one in seen] == [
        ("database member north-0", False),
        ("database member south-0", False),
    ]
    assert seen[0].observed.startswith("17.")


def test_the_primary_is_where_it_is(database: Target) -> None:
    """In the north; the south has none."""
    [north] = database_primary(database, {"region": "north"})()
    [south] = database_primary(database, {"region": "south"})()
    assert (north.ok, north.observed) == (True, "north-0 in north")
    assert (south.ok, south.observed) == (False, "north-0 in north")


def test_two_primaries_are_no_primary(database: Target, members: Pair) -> None:
    """The standby was promoted while the other still leads."""
    members[1].ask("SELECT pg_promote(true, 20)")
    [fact] = database_primary(database, {"region": "north"})()
    assert (fact.ok, fact.observed) == (False, "north-0 in north, south-0 in south")


def test_a_primary_that_does_not_answer_is_unknown(database: Target, members: Pair) -> None:
    """It may lead there or nowhere."""
    members[0].stop()
    [fact] = database_primary(database, {"region": "north"})()
    assert (fact.ok, fact.observed) == (None, "no primary; north-0 did not answer")


def test_a_member_that_does_not_answer_leaves_open_what_it_is(database: Target, members: Pair) -> None:
    """A second primary, or a standby that streams; where the primary is in the wrong region, or two standbys are too few, that is known.

    A question of every member has no answer then.
    """
    members[1].stop()
    [north] = database_primary(database, {"region": "north"})()
    [south] = database_primary(database, {"region": "south"})()
    assert (north.ok, north.observed) == (None, "north-0 in north; south-0 did not answer")
    assert south.ok is False
    [one] = database_standbys(database, {"region": "south", "at_least": "1"})()
    assert (one.ok, one.observed) == (None, "south-0: does not answer")
    assert database_standbys(database, {"region": "south", "at_least": "2"})()[0].ok is False
    with pytest.raises(TargetUnreachable, match="no answer from the database"):
        database_version(database, {"at_least": "15"})()


def test_a_standby_streams_and_refuses_a_write(database: Target, members: Pair) -> None:
    """A primary in that region is no standby; a region without a member has none. A temporary table is forgotten with its connection."""
    [south] = database_standbys(database, {"region": "south", "at_least": "1"})()
    assert (south.ok, south.observed) == (True, "south-0: streams, refuses writes")
    [north] = database_standbys(database, {"region": "north", "at_least": "1"})()
    assert (north.ok, north.observed) == (False, "north-0: is a primary")
    [west] = database_standbys(database, {"region": "west", "at_least": "1"})()
    assert (west.ok, west.observed) == (False, "no member")
    with psycopg.connect(members[0].dsn) as connection:
        count = connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'readiness%'").fetchone()
    assert count == (0,)


def test_a_standby_that_lost_its_primary_does_not_stream(database: Target, members: Pair) -> None:
    """It answers reads still."""
    members[0].stop()
    probe = database_standbys(database, {"region": "south", "at_least": "1"})
    fact = next((seen for _ in clock.Deadline.after(60).ticks(0.1) for seen in probe() if not seen.ok), None)
    assert fact is not None
    assert "does not stream" in fact.observed


def test_settings_are_compared_and_a_standby_must_be_synchronous(members: Pair, tmp_path: Path) -> None:
    """Lengths of time are the same in any unit; a setting that differs, or that no server knows, is named."""
    primary, _ = members
    primary.ask("ALTER SYSTEM SET statement_timeout = '30s'")
    primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
    primary.ask("SELECT pg_reload_conf()")
    target = described(members, tmp_path, statement_timeout="30000ms", fsync="off", max_connections="7", nonsense="on")

    def facts() -> dict[str, tuple[bool | None, str]]:
        return {one.subject: (one.ok, one.observed) for one in database_settings(target, {"synchronous": "1"})()}

    assert any(facts()["standbys of the primary"][0] for _ in clock.Deadline.after(60).ticks(0.1))
    found = facts()
    assert found["setting statement_timeout"] == (True, "30s")
    assert found["setting fsync"] == (True, "off")
    assert found["setting max_connections"] == (False, "100")
    assert found["setting nonsense"] == (False, "no such setting")
    primary.ask("ALTER SYSTEM RESET statement_timeout")
    primary.ask("ALTER SYSTEM RESET synchronous_standby_names")
    primary.ask("SELECT pg_reload_conf()")
    assert any(facts()["setting statement_timeout"] == (False, "0") for _ in clock.Deadline.after(60).ticks(0.1))
    assert any(facts()["standbys of the primary"][0] is False for _ in clock.Deadline.after(60).ticks(0.1))


def test_a_setting_that_the_role_may_not_see_is_not_known(members: Pair, tmp_path: Path) -> None:
    """`pg_settings` leaves it out, as it leaves out what there is not."""
    target = described(members, tmp_path, log_directory="log", nonsense="on")
    as_reader(members, tmp_path)
    found = {one.subject: one for one in database_settings(target, {"synchronous": "0"})()}
    assert found["setting log_directory"].ok is None
    assert "GRANT pg_read_all_settings" in found["setting log_directory"].observed
    assert (found["setting nonsense"].ok, found["setting nonsense"].observed) == (False, "no such setting")


def test_settings_hold_for_a_transaction_and_none_is_sent_with_the_connection(tmp_path: Path) -> None:
    """A pooler may drop options of a connection, or refuse it for them."""
    (tmp_path / "dsn").write_text(f"host={NET}99 port=5433 user=a dbname=a sslmode=disable gssencmode=disable")
    dsn, seen = Reference(file=str(tmp_path / "dsn")), list[bytes]()

    def pooler() -> None:
        for _ in range(3):
            with listening.accept()[0] as one:
                seen.append(one.recv(4096))

    with socket.create_server((f"{NET}99", 5433)) as listening:
        thread = Thread(target=pooler)
        thread.start()
        with pytest.raises(TargetUnreachable):
            rows_of(dsn, "SELECT 1", utc=True, whole=True)
        with pytest.raises(TargetUnreachable):
            next(stream_of(dsn, sql.Composed([sql.SQL("SELECT 1")])))
        with pytest.raises(TargetUnreachable):
            sums_of(dsn, 1.0)
        thread.join(30)
    assert [(b"client_encoding" in one, b"options" in one) for one in seen] == [(True, False)] * 3


def test_settings_are_in_force(database: Target, members: Pair) -> None:
    """Of the transaction alone; without `utc` the zone is the server's own."""
    assert database.database is not None
    members[0].ask("ALTER ROLE tester SET timezone = 'Asia/Tokyo'")
    names = "SELECT current_setting('statement_timeout'), current_setting('timezone'), current_setting('row_security')"
    dsn = database.database.dsn
    assert rows_of(dsn, names, utc=True, whole=True) == [("10s", "UTC", "off")]
    assert rows_of(dsn, names) == [("10s", "Asia/Tokyo", "on")]
    assert rows_of(dsn, names, plain=True) == [("0", "Asia/Tokyo", "on")]
    members[0].ask("ALTER ROLE tester RESET timezone")


def test_every_password_is_a_slow_hash(database: Target, members: Pair) -> None:
    """Three forms are, also as Spring Security and Django write them; one SHA-256 among them, or an empty one, is found; who has no password is counted; no hash is in the fact."""
    members[0].ask("CREATE TABLE users (name text, password text)")
    probe = password_hashes(database, {"forms": "argon2id scrypt bcrypt"})
    assert [(one.ok, one.observed) for one in probe()] == [(None, "no password")]
    slow = (
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b1dWRWJTmaaJObG",
        "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
        "scrypt$256$8$1$00112233445566778899aabbccddeeff$" + "ab" * 32,
        "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
        "{bcrypt}$2a$10$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
        "bcrypt_sha256$$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
        "{scrypt}$e0801$8bWJaSu2IKSn9Z9kM+TPXfOc/9bdYSrN1oD9qfVThWE=$dummydummydummydummydummydummydummydummy8w=",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHQ$RdescudvJCsgt3ub+b1dWRWJTmaaJObG",
    )
    for number, form in enumerate(slow):
        members[0].ask("INSERT INTO users VALUES (%s, %s)", (f"user-{number}", form))
    assert [(one.ok, one.observed) for one in probe()] == [(True, "8 passwords: 2 argon2id, 3 bcrypt, 3 scrypt")]
    members[0].ask("INSERT INTO users VALUES ('fast', %s)", ("ab" * 32,))
    members[0].ask("INSERT INTO users VALUES ('none', NULL)")
    [fact] = probe()
    assert (fact.ok, fact.observed) == (False, "1 of 9 are none of these; 1 rows have no password")


def test_what_the_platform_stores_is_a_slow_hash(database: Target, members: Pair) -> None:
    """The sandbox's own form."""
    from readiness_sandbox.platform.normaldance.kit.passwords import hashed

    members[0].ask("CREATE TABLE users (name text, password text)")
    members[0].ask("INSERT INTO users VALUES ('a', %s)", (hashed("a password"),))
    [fact] = password_hashes(database, {"forms": "argon2id scrypt bcrypt"})()
    assert fact.ok


def test_what_the_target_file_does_not_name_is_said(tmp_path: Path) -> None:
    """Which key to add."""
    file = tmp_path / "bare.yaml"
    file.write_text("{name: bare, environment: staging, entry: 'http://127.95.9.9:1', database: {dsn: {env: DSN}}}")
    bare = load_target(file)
    for check, words in (
        (database_primary, "database.members"),
        (database_settings, "database.settings"),
        (password_hashes, "database.passwords"),
    ):
        with pytest.raises(ConfigurationError, match=r"names no|declares no|does not name") as caught:
            check(bare, {"region": "north", "synchronous": "1", "forms": "scrypt"})
        assert words in caught.value.where


def as_reader(members: Pair, tmp_path: Path) -> None:
    """Let the checks log in as a role without rights, once both members know it."""
    members[0].ask("CREATE ROLE reader LOGIN")
    for name, member in zip(("north-0", "south-0"), members, strict=True):
        dsn = make_conninfo(member.dsn, user="reader")
        until(partial(answers, dsn))
        (tmp_path / name).write_text(dsn)


def answers(dsn: str) -> bool:
    """Whether a member takes the role."""
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_question_that_the_database_refuses_is_a_reason(database: Target, members: Pair, tmp_path: Path) -> None:
    """A table that is not there, and one that the role may not read; neither ends what asks."""
    probe = password_hashes(database, {"forms": "argon2id scrypt bcrypt"})
    with pytest.raises(DriverError, match=r'refused a query: relation "public\.users" does not exist') as caught:
        probe()
    assert "GRANT SELECT" in caught.value.hint
    members[0].ask("CREATE TABLE users (name text, password text)")
    as_reader(members, tmp_path)
    with pytest.raises(DriverError, match="refused a query: permission denied for table users"):
        probe()


def test_a_dsn_that_is_none_is_a_reason_without_its_words(database: Target, tmp_path: Path) -> None:
    """It may have a password in it."""
    (tmp_path / "north-0").write_text("secret-word")
    with pytest.raises(DriverError, match="not the address of a PostgreSQL database") as caught:
        database_settings(database.model_copy(update={"database": declaring(database)}), {"synchronous": "0"})()
    assert "secret-word" not in str(caught.value)


def declaring(target: Target) -> object:
    """The database of a target, with a setting that is declared."""
    assert target.database is not None
    return target.database.model_copy(update={"settings": {"fsync": "off"}})


def test_what_a_role_may_not_read_of_the_replication_is_not_known(
    database: Target, members: Pair, tmp_path: Path
) -> None:
    """Of a standby that streams; where there are too few whatever it does, that is known."""
    as_reader(members, tmp_path)
    words = "south-0: its role may not read whether it streams (GRANT pg_read_all_stats)"
    [south] = database_standbys(database, {"region": "south", "at_least": "1"})()
    assert (south.ok, south.observed) == (None, words)
    assert database_standbys(database, {"region": "south", "at_least": "2"})()[0].ok is False
    *_, standbys = database_settings(
        database.model_copy(update={"database": declaring(database)}), {"synchronous": "1"}
    )()
    assert (standbys.ok, standbys.observed) == (None, "1 standbys that the role may not read (GRANT pg_read_all_stats)")
    members[0].ask("GRANT pg_read_all_stats TO reader")
    assert any(
        database_standbys(database, {"region": "south", "at_least": "1"})()[0].ok
        for _ in clock.Deadline.after(60).ticks(0.1)
    )
