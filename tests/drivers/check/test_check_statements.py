"""Statements that a real PostgreSQL and its standby have counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from claims.database.staging import schema_digest
from harness import clock
from harness.drivers.check.sql.statements import StatementsRead, read_statements
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.reference import Reference
from tests.drivers.check.check_builders import secret, shop_of

if TYPE_CHECKING:
    from tests.builders.database_servers import Member

Pair = tuple["Member", "Member"]


def described(members: Pair, tmp_path: Path, roles: list[str]) -> Target:
    """The target of these two members, whose services log in as these roles."""
    north, south = (secret(tmp_path, name, one.dsn) for name, one in zip(("north", "south"), members, strict=True))
    both = {"north": {"dsn": north}, "south": {"dsn": south}}
    return shop_of(tmp_path, database={"dsn": north, "roles": roles, "members": both})


def asked(dsn: str, *statements: str) -> None:
    """Statements of a service, one after the other."""
    with psycopg.connect(dsn.replace("user=tester", "user=service"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def of(read: StatementsRead, text: str) -> dict[str, object]:
    """The statement that begins so."""
    return next(one for one in read.statements if str(one["text"]).startswith(text))


def test_each_member_counts_the_statements_of_the_services(members: Pair, tmp_path: Path) -> None:
    """A statement that sleeps is told from a quick one, on either member; values and other roles' statements are left out."""
    primary, standby = members
    target = described(members, tmp_path, ["service"])
    assert [one.why.partition(";")[0] for one in read_statements(target)] == ["no extension `pg_stat_statements`"] * 2
    digest = schema_digest(Reference(file=str(tmp_path / "north")))
    for statement in ("CREATE EXTENSION pg_stat_statements", "CREATE ROLE service LOGIN"):
        primary.ask(statement)
    assert schema_digest(Reference(file=str(tmp_path / "north"))) == digest
    assert any(not read_statements(target)[1].why for _ in clock.Deadline.after(60).ticks(0.1))

    asked(
        primary.dsn,
        "SELECT pg_sleep(0.2)",
        "SELECT 1 + 1",
        "SELECT 2 + 2",
        "SET application_name = 'of nobody''s concern'",
    )
    asked(standby.dsn, "SELECT 3 + 3")
    north, south = read_statements(target)
    assert (north.member, south.member, north.why, south.why) == ("north", "south", "", "")
    slept, added = of(north, "SELECT pg_sleep($1)"), of(north, "SELECT $1 + $2")
    assert (slept["calls"], added["calls"], of(south, "SELECT $1 + $2")["calls"]) == (1, 2, 1)
    assert slept["id"] != added["id"] == of(south, "SELECT $1 + $2")["id"]
    assert 200 <= float(str(slept["least_ms"])) <= float(str(slept["most_ms"])) == float(str(slept["total_ms"]))
    assert "concern" not in str(north.statements)
    assert not any("CREATE ROLE" in str(one["text"]) for one in north.statements)


def test_a_target_without_roles_says_what_to_add(members: Pair, tmp_path: Path) -> None:
    """Nobody's statements can be told from the harness's own."""
    with pytest.raises(ConfigurationError, match="names no roles"):
        read_statements(described(members, tmp_path, []))
