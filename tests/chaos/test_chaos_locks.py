"""Rows and tables that are locked again and again, on a real PostgreSQL: of rows only who changes them waits, of tables readers too, and nothing is left."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from harness.chaos import actions, probes
from harness.chaos.session import session
from harness.errors import FaultNotInjected
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from tests.builders.database_servers import Member, lone, postgres, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = "127.96.4.1"
TARGET = "name: pocket\nenvironment: sandbox\nentry: http://127.96.0.9:1\ndisposable: true\n"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Member]:
    """A database with one table, and a target file that leads to it."""
    (tmp_path / "target.yaml").write_text(f"{TARGET}database: {{dsn: {{file: {tmp_path / 'dsn'}}}}}\n")
    monkeypatch.setenv("READINESS_TARGET", str(tmp_path / "target.yaml"))
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    session.cache_clear()
    with lone(tmp_path / "server", ADDRESS, "host all all 127.0.0.0/8 trust\n") as member:
        (tmp_path / "dsn").write_text(member.dsn)
        member.ask("CREATE TABLE tracks (id int, plays int)")
        member.ask("INSERT INTO tracks SELECT n, 0 FROM generate_series(1, 1000) n")
        yield member
    session.cache_clear()


PLAY = "UPDATE tracks SET plays = plays + 1 WHERE id = 7"


def unlocked(server: Member, query: str, *, within_ms: int = 1) -> bool:
    """Whether a statement waits for no lock for longer than that, by the server's own clock: however late it is served."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"SET lock_timeout = {within_ms}".encode())
        try:
            connection.execute(query.encode())
        except psycopg.errors.LockNotAvailable:
            return False
    return True


def test_writers_wait_and_readers_do_not(server: Member) -> None:
    """Until they are released; nothing is left in the undo log, and doing it twice is safe."""
    with pytest.raises(FaultNotInjected, match="this experiment has locked no row"):
        probes.writers_wait(0.1, within_s=0)
    assert actions.lock_rows("tracks", held_s=100.0) == {"hit": []}
    assert unlocked(server, "SELECT * FROM tracks")
    assert not unlocked(server, PLAY)
    assert not probes.writers_wait(0.1, within_s=0.2)
    writer = subprocess.Popen(postgres("psql", "-h", ADDRESS, "-U", "tester", "-d", "postgres", "-c", PLAY))
    assert probes.writers_wait(0.2, within_s=30)
    assert not probes.rows_released(within_s=0.2)
    assert len(pending_intents(session().platform)) == 1
    assert writer.poll() is None
    assert actions.release_rows() == ["tracks"]
    assert probes.rows_released(within_s=30)
    assert writer.wait(30) == 0
    assert (actions.release_rows(), pending_intents(session().platform)) == ([], [])
    assert unlocked(server, PLAY)


def test_readers_of_a_locked_table_wait_too(server: Member) -> None:
    """Of each table that is named, and of no other; the same command releases them."""
    server.ask("CREATE TABLE users (name text)")
    server.ask("CREATE TABLE ledger (id int)")
    assert actions.lock_tables(["tracks", "public.users"], held_s=100.0) == {"hit": []}
    assert not unlocked(server, "SELECT * FROM tracks")
    assert not unlocked(server, "SELECT * FROM users")
    assert unlocked(server, "SELECT * FROM ledger")
    assert actions.release_rows() == ["tracks, public.users"]
    assert probes.rows_released(within_s=30)
    assert unlocked(server, "SELECT * FROM tracks, users")


def test_a_role_that_may_not_maintain_a_table_does_not_lock_it(server: Member, tmp_path: Path) -> None:
    """MAINTAIN is enough, and is all that the sandbox gives the harness."""
    server.ask("CREATE ROLE keeper LOGIN")
    server.ask("GRANT SELECT ON tracks TO keeper")
    (tmp_path / "dsn").write_text(server.dsn.replace("tester", "keeper"))
    with pytest.raises(
        FaultNotInjected, match="the tables tracks could not be locked: permission denied for table tracks"
    ):
        actions.lock_tables(["tracks"])
    server.ask("GRANT MAINTAIN ON tracks TO keeper")
    actions.lock_tables(["tracks"], held_s=100.0)
    assert not unlocked(server, "SELECT * FROM tracks")
    actions.release_rows()


def test_who_waited_goes_on_between_two_locks(server: Member) -> None:
    """Again and again: no writer waits for long, though the rows are locked for half of the time."""
    actions.lock_rows("tracks", held_s=0.2, free_s=0.2)
    until(lambda: not unlocked(server, PLAY))
    assert all(unlocked(server, PLAY, within_ms=10_000) for _ in range(5))
    until(lambda: not unlocked(server, PLAY))
    actions.release_rows()


def test_recovery_ends_the_session_that_locks(server: Member) -> None:
    """As after a run that was killed while its process lives on."""
    actions.lock_rows("public.tracks", held_s=100.0)
    assert not recover(session().target, session().platform).left
    assert probes.rows_released(within_s=30)
    assert unlocked(server, PLAY)


@pytest.mark.parametrize(
    ("table", "why"), [("nowhere", 'relation "nowhere" does not exist'), ("a.b.c", "cross-database")]
)
def test_a_table_that_cannot_be_locked_is_no_fault(server: Member, table: str, why: str) -> None:
    """The reason is the server's."""
    with pytest.raises(FaultNotInjected, match=f"the rows of {table} could not be locked: {why}"):
        actions.lock_rows(table)
    until(lambda: probes.rows_released(within_s=0))


def test_a_role_without_a_right_on_the_table_locks_nothing(server: Member, tmp_path: Path) -> None:
    """UPDATE of one column is enough."""
    server.ask("CREATE ROLE watcher LOGIN")
    server.ask("GRANT SELECT ON tracks TO watcher")
    (tmp_path / "dsn").write_text(server.dsn.replace("tester", "watcher"))
    with pytest.raises(FaultNotInjected, match="permission denied for table tracks"):
        actions.lock_rows("tracks")
    server.ask("GRANT UPDATE (id) ON tracks TO watcher")
    actions.lock_rows("tracks")
    assert actions.release_rows() == ["tracks", "tracks"]  # what failed has left its undo, too


def test_a_target_without_a_database_is_no_fault(server: Member, tmp_path: Path) -> None:
    """It says so."""
    (tmp_path / "target.yaml").write_text(TARGET)
    session.cache_clear()
    with pytest.raises(FaultNotInjected, match="pocket has no `database`"):
        actions.lock_rows("tracks")
