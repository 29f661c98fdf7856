"""A staging database against production's, asked of a real PostgreSQL."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from claims.database.staging import production_subset, schema_digest, values_masked
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from tests.drivers.check.check_builders import secret, shop_of

if TYPE_CHECKING:
    from tests.builders.database_servers import Member

Pair = tuple["Member", "Member"]


def target_of(members: Pair, tmp_path: Path, schema: str, *personal: str, rows: int = 20) -> Target:
    """A target whose register says so; the personal values are those of production."""
    digests = [hashlib.sha256(value.encode()).hexdigest() for value in personal]
    (tmp_path / "production.yaml").write_text(
        f"schema: {schema}\ntables: {{users: {rows}}}\npersonal: [{', '.join(digests)}]\n"
    )
    production = {"register": "production.yaml", "without": ["secrets"]}
    return shop_of(tmp_path, database={"dsn": secret(tmp_path, "dsn", members[0].dsn), "production": production})


@pytest.fixture
def users(members: Pair) -> Pair:
    """Two users, whose names are made up; a table that is left out knows a real one."""
    members[0].ask("CREATE TABLE users (name text, note text, settings jsonb)")
    members[0].ask(
        "INSERT INTO users VALUES ('user-1', 'likes jazz', '{}'), ('user-2', NULL, '{\"mail\": \"x@example.test\"}')"
    )
    members[0].ask("CREATE TABLE secrets (name text)")
    members[0].ask("INSERT INTO secrets VALUES ('Ada Lovelace')")
    return members


def digest(members: Pair, tmp_path: Path) -> str:
    """Of the schema as it is."""
    target = target_of(members, tmp_path, "''")
    assert target.database is not None
    return schema_digest(target.database.dsn)


def test_a_tenth_of_the_rows_at_the_same_schema(users: Pair, tmp_path: Path) -> None:
    """Two of twenty are enough, of twenty-one they are not; another column is another schema."""
    schema = digest(users, tmp_path)
    enough = production_subset(target_of(users, tmp_path, schema), {"at_least": "10 %"})()
    assert [(one.subject, one.ok) for one in enough] == [("schema", True), ("table users", True)]
    short = production_subset(target_of(users, tmp_path, schema, rows=21), {"at_least": "10 %"})()
    assert (short[1].ok, short[1].expected) == (False, "at least 2.1 rows, 10 % of production's 21")
    users[0].ask("ALTER TABLE users ADD COLUMN more int")
    changed = production_subset(target_of(users, tmp_path, schema), {"at_least": "10 %"})()
    assert [one.ok for one in changed] == [False, True]
    users[0].ask("DROP TABLE users")
    [_, gone] = production_subset(target_of(users, tmp_path, schema), {"at_least": "10 %"})()
    assert (gone.ok, gone.observed) == (False, "no such table")


def test_a_personal_value_is_found_wherever_it_is_and_not_printed(users: Pair, tmp_path: Path) -> None:
    """As a value in any case, and as an address within a text; the table that is left out is not looked at."""
    target = target_of(users, tmp_path, "''", "ada lovelace", "ada@example.test")
    probe = values_masked(target, {})
    assert {one.subject: one.ok for one in probe()} == {
        "public.ledger.checksum": True,
        "public.users.name": True,
        "public.users.note": True,
        "public.users.settings": True,
    }
    users[0].ask(
        "INSERT INTO users VALUES ('ADA Lovelace', 'ask Ada@Example.test, she knows', '{\"to\": [\"ada@example.test\"]}')"
    )
    found = {one.subject: (one.ok, one.observed) for one in probe()}
    assert found["public.users.name"] == (False, "1 of 3 values contain one")
    assert found["public.users.note"] == (False, "1 of 2 values contain one")
    assert found["public.users.settings"] == (False, "1 of 3 values contain one")
    assert "ada" not in repr(probe()).lower()


OF_TYPES = {
    "text[]": '{x,"Ada Lovelace"}',
    "jsonb": '{"name": "Ada Lovelace", "n": 1}',
    "json": '["Ada Lovelace"]',
    "xml": "<user><name> Ada Lovelace</name></user>",
    "bytea": "Ada Lovelace",
    "tsvector": "'ada@example.test':1",
    "listener": "Ada Lovelace",
    "person": '(1,"Ada Lovelace")',
    "varchar(40)": "Ada Lovelace",
}
"""By type a value with a name or an address in it."""


def test_a_personal_value_is_found_in_a_column_of_any_type(members: Pair, tmp_path: Path) -> None:
    """Of arrays, documents, bytes, domains and composites; before they are there no column has one."""
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(OF_TYPES))
    members[0].ask("CREATE DOMAIN listener AS text")
    members[0].ask("CREATE TYPE person AS (n int, name text)")
    members[0].ask(f"CREATE TABLE users ({columns}, n int, at timestamptz, yes boolean, id uuid, many int[])")
    probe = values_masked(target_of(members, tmp_path, "''", "ada lovelace", "ada@example.test"), {})

    def seen() -> list[tuple[bool | None, str]]:
        return [(one.ok, one.observed) for one in probe() if ".users." in one.subject]

    assert seen() == [(True, "none in 0 values")] * len(OF_TYPES)
    places = ", ".join(["%s"] * len(OF_TYPES))
    members[0].ask(f"INSERT INTO users VALUES ({places})", tuple(OF_TYPES.values()))  # noqa: S608 - placeholders alone
    assert seen() == [(False, "1 of 1 values contain one")] * len(OF_TYPES)


def test_a_column_that_cannot_be_searched_shows_nothing(members: Pair, tmp_path: Path) -> None:
    """Bytes that are no text, and a table that may not be read."""
    members[0].ask("CREATE TABLE users (picture bytea)")
    members[0].ask("INSERT INTO users VALUES ('\\x00ff')")
    target = target_of(members, tmp_path, "''", "ada lovelace")
    found = {one.subject: (one.ok, one.observed) for one in values_masked(target, {})()}
    words = "none in 1 values, which are bytes and may contain one in another form"
    assert found["public.users.picture"] == (None, words)
    members[0].ask("CREATE ROLE reader LOGIN")
    (tmp_path / "dsn").write_text(make_conninfo(members[0].dsn, user="reader"))
    found = {one.subject: (one.ok, one.observed) for one in values_masked(target, {})()}
    assert found["public.users.picture"] == (None, "it cannot be searched: InsufficientPrivilege")


def test_a_register_without_a_value_shows_nothing(users: Pair, tmp_path: Path) -> None:
    """Nothing was searched for."""
    [one] = values_masked(target_of(users, tmp_path, "''"), {})()
    assert one.ok is None


def test_a_register_that_cannot_be_read_is_refused_with_its_line(users: Pair, tmp_path: Path) -> None:
    """A digest that is none."""
    target = target_of(users, tmp_path, "''")
    (tmp_path / "production.yaml").write_text("schema: x\ntables: {users: 1}\npersonal: [Ada]\n")
    with pytest.raises(ConfigurationError) as caught:
        values_masked(target, {})
    assert "production.yaml:3" in caught.value.where
    (tmp_path / "production.yaml").write_text("schema: x\ntables: {}\n")  # without a table the schema alone would pass
    with pytest.raises(ConfigurationError) as caught:
        production_subset(target, {"at_least": "10 %"})
    assert "production.yaml:2" in caught.value.where


def test_a_table_that_may_not_be_read_is_a_reason(users: Pair, tmp_path: Path) -> None:
    """Its rows were not counted."""
    target = target_of(users, tmp_path, "''")
    users[0].ask("CREATE ROLE reader LOGIN")
    (tmp_path / "dsn").write_text(make_conninfo(users[0].dsn, user="reader"))
    with pytest.raises(DriverError, match="permission denied for table users"):
        production_subset(target, {"at_least": "10 %"})()
