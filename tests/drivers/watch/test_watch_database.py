"""Database members, heartbeats and final reads, against a real PostgreSQL with a real standby."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from harness import clock
from harness.drivers.watch import FinalReads, Watch, WatchSettings, ledger_clients, watch_settings
from harness.drivers.watch.database.replicas import Heartbeats, HeartbeatWriter
from harness.drivers.watch.database.session_errors import NoTableError
from harness.drivers.watch.database.sessions import DatabaseSession
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.writes.ledger import checksum
from harness.evidence.rows import read_rows
from harness.model import LEDGER_FINAL, REPLICAS, Table
from harness.targets import load_target
from tests.builders.database_servers import Member, until


@pytest.fixture
def settings(members: tuple[Member, Member], target_file: Path, tmp_path: Path) -> WatchSettings:
    """A watch of the small platform with its database."""
    primary, standby = members
    both = f"host={primary.address},{standby.address} port=5432,5432 user=tester dbname=postgres connect_timeout=2"
    dsns = {"dsn": f"{both} target_session_attrs=read-write", "north-0": primary.dsn, "south-0": standby.dsn}
    for name, dsn in dsns.items():
        (tmp_path / name).write_text(dsn)
    with target_file.open("a") as file:
        file.write(
            "database:\n"
            f"  dsn: {{file: {tmp_path / 'dsn'}}}\n"
            "  members:\n"
            f"    north-0: {{dsn: {{file: {tmp_path / 'north-0'}}}, region: north}}\n"
            f"    south-0: {{dsn: {{file: {tmp_path / 'south-0'}}}, region: south}}\n"
        )
    return watch_settings(target_file, tmp_path / "run", clients=ledger_clients("run-1", 7))


def looks(settings: WatchSettings, member: str) -> Table:
    """The looks at one member so far."""
    table = read_rows(settings.run_directory / "watch" / "replicas.rows", REPLICAS).table
    return table.where(table.words["member"].equals(member)).sorted_by("at_ns")


def last(settings: WatchSettings, member: str) -> tuple[str | None, int, str | None]:
    """Role, lag and error of the latest look."""
    table = looks(settings, member)
    if not len(table):
        return None, -1, None
    return table.words["role"].text()[-1], int(table.ints["lag_ns"][-1]), table.words["error"].text()[-1]


def roles(settings: WatchSettings) -> list[tuple[str, str, str]]:
    """The changes of roles on record: member, from, to."""
    lines = map(json.loads, (settings.run_directory / "history" / "pods.ndjson").read_text().splitlines())
    return [(line["subject"], line["fields"]["from"], line["fields"]["to"]) for line in lines]


def test_a_standby_that_stops_replaying_is_late_and_catches_up(
    members: tuple[Member, Member], settings: WatchSettings
) -> None:
    """Lag 0, then over a second while replay is paused, then 0 again; the primary has none."""
    with Watch(settings):
        until(lambda: last(settings, "south-0") == ("replica", 0, None))
        members[1].ask("SELECT pg_wal_replay_pause()")
        until(lambda: last(settings, "south-0")[1] > 1_000_000_000)
        members[1].ask("SELECT pg_wal_replay_resume()")
        until(lambda: last(settings, "south-0") == ("replica", 0, None))
        assert last(settings, "north-0") == ("primary", -1, None)
    assert sorted(roles(settings)) == [("north-0", "", "primary"), ("south-0", "", "replica")]
    assert looks(settings, "south-0").words["region"].present == ("south",)


def test_a_primary_that_dies_does_not_make_its_standby_late(
    members: tuple[Member, Member], settings: WatchSettings
) -> None:
    """The dead member's looks are errors, the standby's lag stays, its promotion is on record, and heartbeats go on there."""
    primary, standby = members
    with Watch(settings):
        until(lambda: last(settings, "south-0") == ("replica", 0, None))
        killed_ns = clock.now_ns()
        primary.send(signal.SIGQUIT)
        until(lambda: len(looks(settings, "south-0").between("at_ns", killed_ns, clock.now_ns())) > 10)
        assert last(settings, "north-0")[2] in {"refused", "reset", "not connected", "shutting down"}
        role, lag_ns, error = last(settings, "south-0")
        assert (role, error) == ("replica", None)
        assert lag_ns < 500_000_000
        standby.ask("SELECT pg_promote()")
        until(lambda: last(settings, "south-0")[0] == "primary")
    assert ("south-0", "replica", "primary") in roles(settings)


def test_an_answer_of_a_member_that_came_while_the_watch_was_stopped_is_an_answer(
    members: tuple[Member, Member],
) -> None:
    """For longer than it waits, while it connected."""

    async def asking() -> tuple[Any, ...] | None:
        session = DatabaseSession(members[0].dsn, application="tests")
        asked = asyncio.create_task(session.ask("SELECT 2", within_s=1.0))
        for _ in range(5):
            await clock.asleep(0)
        clock.sleep(1.2)  # stops the loop
        answer = await asked
        await session.close()
        return answer

    assert asyncio.run(asking()) == (2,)


def test_a_member_that_hangs_costs_no_look(members: tuple[Member, Member], settings: WatchSettings) -> None:
    """A stopped server gives a row with an error for each look, while the other member is looked at as before."""
    with Watch(settings) as watch:
        until(lambda: last(settings, "south-0") == ("replica", 0, None))
        members[1].freeze(signal.SIGSTOP)
        from_ns = clock.now_ns() + 200_000_000
        until(lambda: len(looks(settings, "north-0").between("at_ns", from_ns, clock.now_ns())) >= 15)
        assert watch.stop()
        members[1].freeze(signal.SIGCONT)
    hung = looks(settings, "south-0").between("at_ns", from_ns, clock.now_ns())
    assert len(hung) >= 12
    assert set(hung.words["error"].text()) <= {"timeout", "no answer", "not connected"}
    assert (hung.ints["lag_ns"] == -1).all()


def test_lag_is_the_age_of_the_oldest_heartbeat_not_shown() -> None:
    """Sent at 100, 200, 300; the last is acknowledged at 310."""
    beats = Heartbeats()
    assert beats.lag_ns(None, 50) == 0
    for sent_ns in (100, 200, 300):
        beats.acknowledged(sent_ns, sent_ns + 10)
    assert beats.lag_ns(300, 350) == 0
    assert beats.lag_ns(200, 350) == 50
    assert beats.lag_ns(100, 350) == 150
    assert beats.lag_ns(None, 350) == 250
    assert beats.lag_ns(200, 305) == 0  # the third was not acknowledged yet
    assert beats.lag_ns(99, 350) == 250  # another run's
    assert beats.lag_ns(10**18, 350) == 250


def test_no_statement_is_prepared_by_name(members: tuple[Member, Member]) -> None:
    """Behind a pooler that hands on connections others would meet it."""

    async def asked() -> tuple[object, ...] | None:
        session = DatabaseSession(members[0].dsn, application="test")
        for _ in range(9):
            found = await session.ask("SELECT count(*) FROM pg_prepared_statements", within_s=30.0)
        await session.close()
        return found

    assert asyncio.run(asked()) == (0,)


class Moving(DatabaseSession):
    """A database that is another at each question: none of them has the table that was made in the one before."""

    async def ask(self, query: str | sql.Composed, values: tuple[Any, ...] = (), *, within_s: float) -> None:
        """Only making the table is answered."""
        if not str(query).startswith("CREATE"):
            raise NoTableError(f"no table for {values} within {within_s} s")


def test_a_heartbeat_that_finds_no_table_twice_ends_nothing(tmp_path: Path) -> None:
    """A failover between two questions is trouble, and no fault of ours."""
    recorder = WatchRecorder(tmp_path)
    asyncio.run(HeartbeatWriter(Moving("", application=""), Heartbeats(), recorder).beat(0))
    recorder.close()
    assert "heartbeat: no table" in (tmp_path / "history" / "watch.ndjson").read_text()


def test_a_final_read_finds_the_rows_of_the_run_and_checks_them(
    members: tuple[Member, Member], settings: WatchSettings
) -> None:
    """One right, one wrong, one of another run; then a database that is gone: incomplete, with a reason."""
    client = settings.clients[0]
    rows = [(client, 0, checksum(client, 0)), (client, 1, "other"), (client + 100, 0, "x")]
    for row in rows:
        members[0].ask("INSERT INTO ledger VALUES (%s, %s, %s)", row)
    (settings.run_directory / "watch").mkdir(parents=True)
    reads = FinalReads(load_target(settings.target), settings)
    first = reads.read("pod-loss")
    assert (first.round, first.after, first.complete, first.rows, first.why) == (1, "pod-loss", True, 2, "")
    assert reads.read("end").round == 2
    members[0].stop()
    gone = reads.read("end")
    assert (gone.round, gone.complete, gone.rows) == (3, False, 0)
    assert gone.why
    reads.close()
    written = read_rows(settings.run_directory / "watch" / "ledger-final.rows", LEDGER_FINAL)
    assert written.closed
    assert written.table.ints["round"].tolist() == [1, 1, 2, 2]
    assert written.table.words["state"].text() == ["found", "wrong", "found", "wrong"]
    assert written.table.words["place"].present == ("database",)


def grown(settings: WatchSettings, member: str, text: str) -> list[tuple[int, float]]:
    """Each count of a statement on record, and what its calls took in all (ms)."""
    lines = map(json.loads, (settings.run_directory / "history" / "statements.ndjson").read_text().splitlines())
    mine = [one for line in lines if line["subject"] == member for one in line["fields"]["statements"]]
    return [(one["calls"], one["total_ms"]) for one in mine if one["text"] == text]


def test_statements_are_recorded_when_they_grew(members: tuple[Member, Member], settings: WatchSettings) -> None:
    """Once a count, on the member that ran it; without the extension the reason is on record, and the watch goes on."""
    with settings.target.open("a") as file:
        file.write("  roles: [service]\n")
    members[0].ask("CREATE ROLE service LOGIN")
    often = settings.model_copy(update={"rates": settings.rates.model_copy(update={"statements": 10.0})})
    history = settings.run_directory / "history" / "statements.ndjson"
    with Watch(often):
        until(lambda: history.exists() and "the extension `pg_stat_statements` is missing" in history.read_text())
        members[0].ask("CREATE EXTENSION pg_stat_statements")
        service = members[0].dsn.replace("user=tester", "user=service")
        with psycopg.connect(service, autocommit=True) as connection:
            connection.execute("SELECT pg_sleep(0.2)")
            until(lambda: len(grown(settings, "north-0", "SELECT pg_sleep($1)")) == 1)
            readings = history.read_text().count("statements.grown")
            until(lambda: history.read_text().count("statements.grown") > readings + 6)
            connection.execute("SELECT pg_sleep(0.1)")
            until(lambda: len(grown(settings, "north-0", "SELECT pg_sleep($1)")) == 2)
    (once, first_ms), (twice, both_ms) = grown(settings, "north-0", "SELECT pg_sleep($1)")
    assert (once, twice, first_ms >= 200, both_ms >= first_ms + 100) == (1, 2, True, True)
    assert grown(settings, "south-0", "SELECT pg_sleep($1)") == []
