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
from harness.sandbox.platform.normaldance.kit.postgres import OVERDUE_S, POOL_SIZE, Connection, Source

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
        services.start("track", TRACK, DATABASE_SERVICE_HOST=RELAY)
        statuses = [httpx.get(f"http://{TRACK}:8080/tracks/1", trust_env=False).status_code for _ in range(5)]
    assert 200 in statuses, statuses


async def _ended_by_the_server(connection: Connection) -> int:
    await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return 0


async def _late(connection: Connection) -> int:
    await connection.execute("SELECT pg_sleep(1.2)")
    return 0


async def _too_late(connection: Connection) -> int:
    await connection.execute("SELECT pg_sleep(60)")
    return 0


async def _refused(connection: Connection) -> int:
    await connection.execute("SELECT 1/0")
    return 0


async def _which(connection: Connection) -> int:
    """The process of the server behind the connection, known after so long that two are at work together."""
    row = await (await connection.execute("SELECT pg_backend_pid() AS pid FROM pg_sleep(0.3)")).fetchone()
    assert row
    return int(row["pid"])


@pytest.mark.parametrize(
    ("failing", "error", "kept"),
    [
        (_late, TimeoutError, 2),
        (_too_late, TimeoutError, 1),
        (_refused, psycopg.errors.DivisionByZero, 2),
        (_ended_by_the_server, psycopg.OperationalError, 0),
    ],
)
def test_only_what_the_server_ended_and_what_never_answers_costs_a_connection(
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    failing: Callable[[Connection], Awaitable[int]],
    error: type[Exception],
    kept: int,
) -> None:
    """Else a machine that answers late would spend its time on new connections, and answer later."""
    assert postgres.rows("SELECT 1")
    for name in ("PGUSER", "PGDATABASE"):
        monkeypatch.setenv(name, "postgres")

    async def two(source: Source) -> set[int]:
        return set(await asyncio.gather(*(source.attempt(_which, within=10) for _ in range(2))))

    async def ask() -> tuple[set[int], set[int]]:
        source = Source(DATABASE, 5432)
        before = await two(source)
        with pytest.raises(error):
            await source.attempt(failing, within=1.0)
        await clock.asleep(OVERDUE_S + 0.2)
        after = await two(source)
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
    begun = 0

    async def counted(connection: Connection) -> int:
        nonlocal begun
        begun += 1
        return await _too_late(connection)

    async def ask() -> list[int]:
        source = Source(DATABASE, 5432)
        seen = []
        for _ in range(2):
            several = (source.attempt(counted, within=0.5) for _ in range(POOL_SIZE))
            ended = await asyncio.gather(*several, return_exceptions=True)
            assert all(isinstance(one, TimeoutError) for one in ended)
            seen.append(begun)
        await source.close()
        return seen

    first, second = asyncio.run(ask())
    assert 0 < first == second <= POOL_SIZE
