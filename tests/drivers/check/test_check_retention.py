"""Rows of a genuine PostgreSQL, held against the time for which each table declares that they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.stored.retention import rows_within_retention
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone
from tests.drivers.check.check_builders import secret, shop_of

FOREVER = {"keep": "forever"}
MONTH = {"keep": "30 d", "column": "made"}
DECLARED = {
    "orders": MONTH,
    "letters": {"keep": "7 d", "column": "day"},
    "events": MONTH,
    "log.lines": MONTH,
    "people": FOREVER,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A server whose zone is not UTC."""
    with lone(tmp_path_factory.mktemp("kept") / "data", f"{NET}238", "host all all 127.0.0.0/8 trust\n") as member:
        member.ask("ALTER SYSTEM SET timezone = 'Asia/Tokyo'")
        member.ask("SELECT pg_reload_conf()")
        yield member


@pytest.fixture
def database(server: Member) -> Member:
    """Tables with a time, a time without a zone, a date, and none; one has partitions, one a schema of its own."""
    server.ask("DROP SCHEMA IF EXISTS tester CASCADE; DROP SCHEMA IF EXISTS log CASCADE")
    server.ask("DROP TABLE IF EXISTS orders, letters, events, people, strangers")
    server.ask("CREATE TABLE orders (made timestamptz)")
    server.ask("CREATE TABLE letters (day date)")
    server.ask("CREATE TABLE events (made timestamp) PARTITION BY RANGE (made)")
    server.ask("CREATE TABLE events_all PARTITION OF events DEFAULT")
    server.ask("CREATE SCHEMA log")
    server.ask("CREATE TABLE log.lines (made timestamptz)")
    server.ask("CREATE TABLE people (name text)")
    server.ask("INSERT INTO orders SELECT now() - n * interval '1 day' FROM generate_series(0, 30) n")
    server.ask("INSERT INTO letters SELECT current_date - n FROM generate_series(0, 6) n")
    server.ask("INSERT INTO events SELECT (now() AT TIME ZONE 'UTC') - interval '30 days 23 hours'")
    return server


def test_a_table_of_public_is_read_whatever_the_search_path_is(tmp_path: Path, database: Member) -> None:
    """A role may have a schema of its own name with a table of the same name."""
    database.ask("CREATE SCHEMA tester")
    database.ask("CREATE TABLE tester.orders (made timestamptz)")
    database.ask("INSERT INTO public.orders VALUES (now() - interval '400 days')")
    assert wrong(target_of(tmp_path, database, {**DECLARED, "tester.orders": MONTH})) == {"table orders": False}


def test_rows_that_the_role_does_not_see_are_not_passed_over(tmp_path: Path, database: Member) -> None:
    """Row-level security hides them: not decided."""
    database.ask("DROP ROLE IF EXISTS tenant")
    database.ask("CREATE ROLE tenant LOGIN")
    database.ask("GRANT USAGE ON SCHEMA log TO tenant")
    database.ask("GRANT SELECT ON ALL TABLES IN SCHEMA public, log TO tenant")
    database.ask("INSERT INTO orders VALUES (now() - interval '400 days')")
    database.ask("ALTER TABLE orders ENABLE ROW LEVEL SECURITY")
    target = target_of(tmp_path, database, DECLARED)
    (tmp_path / "dsn").write_text(database.dsn.replace("user=tester", "user=tenant"), encoding="utf-8")
    assert wrong(target) == {"table orders": None}
    database.ask("DROP OWNED BY tenant; DROP ROLE tenant")


def target_of(directory: Path, database: Member, declared: object, **more: Any) -> Target:
    """The target file."""
    section = {"dsn": secret(directory, "dsn", database.dsn), "retention": declared}
    return shop_of(directory, database=section, **more)


def facts(target: Target, more: str = "1 d") -> dict[str, FactReading]:
    """By subject."""
    probe = rows_within_retention(target, {"more": more})
    assert callable(probe)
    return {one.subject: one for one in probe()}


def wrong(target: Target, more: str = "1 d") -> dict[str, bool | None]:
    """Those that are not as expected."""
    return {name: one.ok for name, one in facts(target, more).items() if not one.ok}


def test_rows_that_are_kept_as_declared_are_well(database: Member, tmp_path: Path) -> None:
    """Up to a day longer; a time without a zone is in UTC, and an empty table has nothing to keep."""
    target = target_of(tmp_path, database, DECLARED)
    assert wrong(target) == {}
    assert facts(target)["table log.lines"].observed == "no row"
    assert facts(target)["tables"].observed == "5 of 5 declare one"
    assert wrong(target, "1 h") == {"table events": False}


@pytest.mark.parametrize(
    ("statement", "subject"),
    [
        ("INSERT INTO orders VALUES (now() - interval '31 days 1 minute')", "table orders"),
        ("INSERT INTO letters VALUES (current_date - 10)", "table letters"),
        ("INSERT INTO events VALUES ((now() AT TIME ZONE 'UTC') - interval '31 days 1 minute')", "table events"),
        ("INSERT INTO log.lines VALUES ('-infinity')", "table log.lines"),
    ],
)
def test_a_row_that_is_kept_for_longer_fails(database: Member, tmp_path: Path, statement: str, subject: str) -> None:
    """It is counted, and its age named."""
    database.ask(statement)
    assert wrong(target_of(tmp_path, database, DECLARED)) == {subject: False}
    assert "1 rows are older" in facts(target_of(tmp_path, database, DECLARED))[subject].observed


def test_a_table_that_declares_nothing_fails(database: Member, tmp_path: Path) -> None:
    """A table that is declared and not there has no rows."""
    database.ask("CREATE TABLE strangers (name text)")
    target = target_of(tmp_path, database, {**DECLARED, "gone": MONTH})
    assert wrong(target) == {"table strangers": False, "tables": False}


def test_a_row_without_a_time_and_a_column_that_is_not_there_are_not_known(database: Member, tmp_path: Path) -> None:
    """Neither is the time of a table that may not be read."""
    database.ask("INSERT INTO orders VALUES (NULL)")
    letters = {"keep": "7 d", "column": "made"}
    assert wrong(target_of(tmp_path, database, {**DECLARED, "letters": letters})) == {
        "table orders": None,
        "table letters": None,
    }


def test_the_tolerance_is_scaled_and_what_is_declared_is_not(database: Member, tmp_path: Path) -> None:
    """An hour at a time scale of 24."""
    scaled = target_of(tmp_path, database, DECLARED, time_scale=24, environment="sandbox")
    assert wrong(scaled) == {"table events": False}
    assert wrong(scaled, "1 d (not scaled)") == {}


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        ({"keep": "30 d"}, "`column` with the time of a row"),
        ({"keep": "forever", "column": "made"}, "`column` with the time of a row"),
        ({"keep": "long", "column": "made"}, "database.retention.orders.keep"),
        ({}, "database.retention.orders.keep"),
    ],
)
def test_what_is_not_declared_well_is_refused(database: Member, tmp_path: Path, kept: dict[str, str], why: str) -> None:
    """With file and key."""
    with pytest.raises(ConfigurationError, match=why):
        target_of(tmp_path, database, {"orders": kept})
