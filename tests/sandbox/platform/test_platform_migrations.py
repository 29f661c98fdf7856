"""The schema of 1.1.0 on a live database, there and back: the release before keeps working, and no row is another one afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.sandbox.platform.conftest import POSTGRES
from tests.sandbox.platform.forked import PLATFORM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.platform.conftest import Postgres

CHECKSUM = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (SELECT id, title, artist, plays FROM tracks) t"


def migrate(*words: str) -> subprocess.CompletedProcess[str]:
    """The command as a pod runs it."""
    database = {"PGHOST": POSTGRES, "PGUSER": "postgres", "PGDATABASE": "normaldance"}
    env = {**os.environ, "PYTHONPATH": str(PLATFORM), **database}
    argv = [sys.executable, "-m", "normaldance.migrate", *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def before(postgres: Postgres) -> Iterator[list[tuple[object, ...]]]:
    """The tracks before; every migration is taken back afterwards, and the tool's own tables are dropped."""
    yield postgres.rows(CHECKSUM)
    for release in ("1.1.0", "1.1.0-bad-migration"):
        migrate("down", release)
    with psycopg.connect(f"{postgres.conninfo} dbname=normaldance") as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE '%yoyo%'").fetchall():
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table)))


def test_a_release_is_migrated_to_and_back(postgres: Postgres, before: list[tuple[object, ...]]) -> None:
    """Expanded and filled; the same rows at the end; a second run has nothing to do."""
    assert migrate("up", "1.1.0").stdout == "normaldance: 0001-expand, 0002-backfill\n"
    assert migrate("up", "1.1.0").stdout == "normaldance: nothing to do\n"
    assert postgres.rows("SELECT count(*) FROM tracks WHERE performer IS DISTINCT FROM artist") == [(0,)]
    versions = postgres.rows("SELECT migration_id FROM _yoyo_migration ORDER BY 1")
    assert versions == [("0001-expand",), ("0002-backfill",)]
    # the harness tells by it whether a migration went in
    assert postgres.rows("SELECT has_table_privilege('readiness', '_yoyo_migration', 'SELECT')") == [(True,)]
    assert postgres.rows(CHECKSUM) == before
    assert migrate("down", "1.1.0").stdout == "normaldance: 0002-backfill, 0001-expand\n"
    assert postgres.rows(CHECKSUM) == before
    assert postgres.rows("SELECT count(*) FROM information_schema.columns WHERE column_name = 'performer'") == [(0,)]


def test_both_releases_write_while_the_schema_is_expanded(postgres: Postgres, before: list[tuple[object, ...]]) -> None:
    """What one writes in its column the other one reads in its own."""
    del before
    migrate("up", "1.1.0")
    with psycopg.connect(f"{postgres.conninfo} dbname=normaldance") as connection:
        for statement, expected in (
            ("INSERT INTO tracks (title, artist) VALUES ('t', 'old') RETURNING artist, performer", ("old", "old")),
            (
                "INSERT INTO tracks (title, artist, performer) VALUES ('t', NULL, 'new') RETURNING artist, performer",
                ("new", "new"),
            ),
            ("UPDATE tracks SET artist = 'a' WHERE id = 1 RETURNING artist, performer", ("a", "a")),
            ("UPDATE tracks SET performer = 'p' WHERE id = 1 RETURNING artist, performer", ("p", "p")),
        ):
            assert connection.execute(statement.encode()).fetchone() == expected
        connection.rollback()


def test_the_way_back_of_a_bad_migration_does_not_bring_the_rows_back(
    postgres: Postgres, before: list[tuple[object, ...]]
) -> None:
    """Planted: what the check must find. The rows are put right at the end."""
    kept = postgres.rows("SELECT id, artist FROM tracks")
    migrate("up", "1.1.0-bad-migration")
    migrate("down", "1.1.0-bad-migration")
    assert postgres.rows(CHECKSUM) != before
    with psycopg.connect(f"{postgres.conninfo} dbname=normaldance") as connection:
        connection.cursor().executemany("UPDATE tracks SET artist = %s WHERE id = %s", [(b, a) for a, b in kept])
    assert postgres.rows(CHECKSUM) == before


def test_a_run_that_was_killed_holds_no_other_up(postgres: Postgres, before: list[tuple[object, ...]]) -> None:
    """Its lock outlives it; its connection does not."""
    migrate("up", "1.1.0")
    with psycopg.connect(f"{postgres.conninfo} dbname=normaldance", autocommit=True) as connection:
        connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 4711)")
    assert migrate("down", "1.1.0").stdout == "normaldance: 0002-backfill, 0001-expand\n"
    assert postgres.rows(CHECKSUM) == before


@pytest.mark.usefixtures("before")
def test_a_second_run_beside_one_is_refused(postgres: Postgres) -> None:
    """By its connection."""
    with psycopg.connect(f"{postgres.conninfo} dbname=normaldance application_name=normaldance-migrate"):
        refused = migrate("up", "1.1.0")
    assert (refused.returncode, refused.stderr) == (1, "migrate: another run is under way; hint: wait for its end\n")


def test_what_is_unknown_is_refused() -> None:
    """A release without migrations, another direction."""
    assert "hint: up or down, and a release of: 1.1.0, 1.1.0-bad-migration" in migrate("up", "9.9.9").stderr
    assert migrate("sideways", "1.1.0").returncode == 1
