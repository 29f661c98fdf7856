"""How a service keeps its connections to the database, seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from harness import clock
from readiness_sandbox.platform.normaldance.kit import postgres as kit
from readiness_sandbox.platform.normaldance.kit.postgres import POOL_SIZE, Connection, Source

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres, Services

TRACK, RELAY, DATABASE = "127.93.2.1", "127.93.2.2", "127.93.0.1"
GREETING_S = 1.0
"""Longer than a read may take, connecting included."""


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while part := await source.read(65536):
            sink.write(part)
    except ConnectionError:
        pass
    finally:
        sink.close()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.to_thread(clock.sleep, GREETING_S)
    theirs, ours = await asyncio.open_connection(DATABASE, 5432)
    await asyncio.gather(_pump(reader, ours), _pump(theirs, writer))


@contextmanager
def slow_to_greet() -> Iterator[None]:
    """The database at RELAY, too, where it begins to answer after GREETING_S."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_relay, RELAY, 5432))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()


def test_a_database_that_is_slow_to_greet_is_used_all_the_same(postgres: Postgres, services: Services) -> None:
    """No request waits so long, but the connection outlives them; else all would be given up and begun again, for ever."""
    assert postgres.rows("SELECT 1")
    with slow_to_greet():
        services.start("track", TRACK, BOUNDED="yes", DATABASE_SERVICE_HOST=RELAY)
        assert any(
            httpx.get(f"http://{TRACK}:8080/tracks/1", trust_env=False, timeout=30).status_code == 200
            for _ in clock.Deadline.after(30).ticks(0)
        )


async def _ended_by_the_server(connection: Connection) -> int:
    await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return 0


async def _late(connection: Connection) -> int:
    await connection.execute("SELECT pg_sleep(1)")
    return 0


async def _too_late(connection: Connection) -> int:
    await connection.execute("SELECT pg_sleep(60)")
    return 0


async def _refused(connection: Connection) -> int:
    await connection.execute("SELECT 1/0")
    return 0


async def _at_once(source: Source, number: int) -> set[int]:
    """The processes of the server behind connections that so many use together."""
    everyone = asyncio.Barrier(number)

    async def which(connection: Connection) -> int:
        await everyone.wait()
        return connection.info.backend_pid

    return set(await asyncio.gather(*(source.attempt(which, within=60) for _ in range(number))))


@pytest.mark.parametrize(
    ("failing", "within_s", "overdue_s", "error", "kept"),
    [
        (_late, 0.3, 30.0, TimeoutError, 2),
        (_too_late, 0.3, 0.3, TimeoutError, 1),
        (_refused, 30.0, 30.0, psycopg.errors.DivisionByZero, 2),
        (_ended_by_the_server, 30.0, 30.0, psycopg.OperationalError, 0),
    ],
)
def test_only_what_the_server_ended_and_what_never_answers_costs_a_connection(
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    *,
    failing: Callable[[Connection], Awaitable[int]],
    within_s: float,
    overdue_s: float,
    error: type[Exception],
    kept: int,
) -> None:
    """Else a machine that answers late would spend its time on new connections, and answer later."""
    assert postgres.rows("SELECT 1")
    for name in ("PGUSER", "PGDATABASE"):
        monkeypatch.setenv(name, "postgres")
    monkeypatch.setattr(kit, "CONNECT_S", 30.0)
    monkeypatch.setattr(kit, "OVERDUE_S", overdue_s)

    async def ask() -> tuple[set[int], set[int]]:
        source = Source(DATABASE, 5432)
        before = await _at_once(source, 2)
        with pytest.raises(error):
            await source.attempt(failing, within=within_s)
        while source._working:
            await clock.asleep(0.02)
        after = await _at_once(source, 2)
        await source.close()
        return before, after

    before, after = asyncio.run(ask())
    assert len(before) == 2
    assert len(before & after) == kept


def test_work_out_of_time_keeps_its_place(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """While as many as there are places for go on, no other begins: a database that is late is given no more to do."""
    assert postgres.rows("SELECT 1")
    for name in ("PGUSER", "PGDATABASE"):
        monkeypatch.setenv(name, "postgres")
    monkeypatch.setattr(kit, "CONNECT_S", 30.0)
    monkeypatch.setattr(kit, "OVERDUE_S", 60.0)
    begun = 0

    async def counted(connection: Connection) -> int:
        nonlocal begun
        begun += 1
        return await _too_late(connection)

    async def ask() -> list[int]:
        source = Source(DATABASE, 5432)
        seen = []
        assert len(await _at_once(source, POOL_SIZE)) == POOL_SIZE  # each place has its connection
        for _ in range(2):
            several = (source.attempt(counted, within=0.5) for _ in range(POOL_SIZE))
            ended = await asyncio.gather(*several, return_exceptions=True)
            assert all(isinstance(one, TimeoutError) for one in ended)
            seen.append(begun)
        await source.close()
        return seen

    first, second = asyncio.run(ask())
    assert first == second == POOL_SIZE
