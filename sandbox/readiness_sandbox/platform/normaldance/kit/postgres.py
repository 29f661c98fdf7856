"""PostgreSQL behind Services.

Small pools, deadlines, reads that find another source, writes that are done once.
A deadline never cancels a statement: a cancelled commit that waits for its standbys would count as done on the primary
alone (PostgreSQL says so in a warning only) and could be lost after it was acknowledged. It goes on unwatched, and its connection is
cut where that takes too long.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from ..defects import Defects  # noqa: TID252 - the kit is part of the platform
from . import audit
from .app import Unavailable
from .queries import TimedCursor
from .secret import MountedSecret
from .settings import address_of

Row = dict[str, Any]
Connection = psycopg.AsyncConnection[Row]
T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]

POOL_SIZE = 4
CONNECTION_MAX_AGE_S = 600.0
"""Of a kept connection: so long that few are opened for the requests that it serves."""
ATTEMPT_S = 0.4
"""How long one source may take before the next one is asked."""
READ_S = 0.8
WRITE_S = 1.3
"""Longer than a planned switchover takes, so that most writes outlive one.

Shorter than a client waits.
"""
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25
"""While a database is away each request that waits for it tries again so often, and all that try take the processor from what brings it back."""
SHUNNED_S = 0.5
"""How long a source that failed is asked last."""
OVERDUE_S = 1.5
"""How long work that is out of time may go on before its connection is cut.

To connect costs more than a request: a machine that is late would be later with each connection that lateness cost. And while it
goes on it has its place, so that a database that is late is not given more and more to do.
"""
CONNECT_S = 2.0
"""How long an attempt to connect may take, whatever those who wait for it have left."""
UNREACHABLE_S = 0.1
"""How long after a failed attempt to connect the next one is made."""

TRANSIENT = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.UniqueViolation,
    TimeoutError,
)
"""Errors that are retried, by SQLSTATE.

Connection lost (08), server going down or starting (57P0x), a former primary (25006), deadlock and serialization (40), and the unique
key of a request that is being served twice.
"""


class Source:
    """One address that serves the database, with a small pool of connections."""

    def __init__(self, host: str, port: int, renew_every: int = 0, secret: MountedSecret | None = None) -> None:
        self._renew_every = renew_every
        self._secret = secret
        self._served = 0
        self._conninfo = make_conninfo(host=host, port=port)
        self._slots = asyncio.Semaphore(POOL_SIZE)
        self._idle: list[tuple[Connection, float]] = []
        self._busy: set[Connection] = set()
        self._working: set[asyncio.Task[Any]] = set()
        self._joining: asyncio.Task[None] | None = None
        self._unreachable_until = 0.0
        self.shunned_until = 0.0

    async def attempt(self, work: Work[T], *, within: float) -> T:
        """The result of `work` on a connection, tried once.

        Work that is out of time goes on by itself, and keeps its connection and its place for OVERDUE_S at most.

        Raises:
            psycopg.Error, TimeoutError: it failed or took longer than `within` seconds; its outcome may be unknown.
        """
        deadline = asyncio.get_running_loop().time() + within
        self._refuse_while_unreachable()
        async with asyncio.timeout_at(deadline):
            await self._slots.acquire()
            working = asyncio.create_task(self._worked(work, deadline))
            self._working.add(working)
            working.add_done_callback(self._ended)
            return await asyncio.shield(working)

    async def _worked(self, work: Work[T], deadline: float) -> T:
        """The result; the place is free at its end, and the connection is kept unless it is of no more use.

        One that the server ended takes the kept ones with it, and so does one to a server that is no primary any more.
        """
        loop = asyncio.get_running_loop()
        try:
            connection, born = await self._take(deadline)
            self._busy.add(connection)
            alarm = loop.call_at(deadline + OVERDUE_S, _cut, connection)
            try:
                result = await work(connection)
            except psycopg.Error as error:
                if _is_of_use(connection, error):
                    self._idle.append((connection, born))
                else:
                    await connection.close()
                    if loop.time() < deadline + OVERDUE_S:
                        await self._drop()
                raise
            finally:
                alarm.cancel()
                self._busy.discard(connection)
            self._served += 1
            if not self._is_current(connection) or (self._renew_every and self._served % self._renew_every == 0):
                await connection.close()
            else:
                self._idle.append((connection, born))
            return result
        finally:
            self._slots.release()

    def _ended(self, working: asyncio.Task[Any]) -> None:
        self._working.discard(working)
        if not working.cancelled():
            working.exception()  # asked for: its request may have ended before

    async def _take(self, deadline: float) -> tuple[Connection, float]:
        """A kept connection, the last used first, or a new one."""
        while (kept := await self._kept()) is None:
            self._refuse_while_unreachable()
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(self._join())
        return kept

    async def _kept(self) -> tuple[Connection, float] | None:
        oldest = asyncio.get_running_loop().time() - CONNECTION_MAX_AGE_S
        while self._idle:
            connection, born = self._idle.pop()
            if born > oldest and not connection.closed and self._is_current(connection):
                return connection, born
            await connection.close()
        return None

    def _is_current(self, connection: Connection) -> bool:
        """Whether a connection goes on: it is of the user in use now, or its moment to be given up has not come."""
        if self._secret is None or connection.closed:
            return True
        return not self._secret.is_given_up(connection.info.user, id(connection) // 64 % 97 / 97)

    def _address(self) -> str:
        """Where to connect, with user and password where they are not in the environment alone."""
        if self._secret is None:
            return self._conninfo
        user = self._secret.user
        return make_conninfo(self._conninfo, user=user.name, password=user.password)

    async def renew(self) -> None:
        """Close the kept connections that are given up; those at work follow when they are done."""
        kept = [(one, self._is_current(one[0])) for one in self._idle]
        self._idle = [one for one, current in kept if current]
        for (connection, _), current in kept:
            if not current:
                await connection.close()

    def _join(self) -> asyncio.Task[None]:
        """The one attempt to connect that all who wait share.

        Many at once would slow what still works.
        It outlives those who wait: were it given up with each of them, a server that is slow to greet would greet for ever
        and serve no request.
        """
        if self._joining is None or self._joining.done():
            self._joining = asyncio.create_task(self._connect())
        return self._joining

    async def _connect(self) -> None:
        """Keep a new connection, or say for a while that there is none."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                connect = psycopg.AsyncConnection[Row].connect
                connection = await connect(
                    self._address(), autocommit=True, row_factory=dict_row, cursor_factory=TimedCursor
                )
        except (psycopg.OperationalError, TimeoutError):
            self._unreachable_until = loop.time() + UNREACHABLE_S
        else:
            self._idle.append((connection, loop.time()))

    def _refuse_while_unreachable(self) -> None:
        if self._unreachable_until > asyncio.get_running_loop().time():
            raise psycopg.OperationalError("the last attempt to connect has just failed")

    async def _drop(self) -> None:
        """Close what is kept."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            await connection.close()

    async def close(self) -> None:
        """Connect no more, cut what is at work, and close what is kept."""
        if self._joining is not None:
            self._joining.cancel()
            await asyncio.wait([self._joining])
        for connection in self._busy:
            _cut(connection)
        if self._working:
            await asyncio.wait(self._working)
        await self._drop()


def _is_of_use(connection: Connection, error: psycopg.Error) -> bool:
    """Whether a connection can be used after that error: it is open, in no transaction, and to a server that takes writes."""
    idle = connection.info.transaction_status is TransactionStatus.IDLE
    return idle and not isinstance(error, psycopg.errors.ReadOnlySqlTransaction)


def _cut(connection: Connection) -> None:
    """End a connection under a running statement.

    The statement fails at once, and nothing is asked of the server.
    """
    if not connection.closed:
        with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line:
            line.shutdown(socket.SHUT_RDWR)


class DatabaseRouter:
    """The primary for writes, and sources for reads, the preferred one first."""

    def __init__(self, primary: Source, readers: Sequence[Source], secret: MountedSecret | None = None) -> None:
        self._primary = primary
        self._readers = readers
        self._secret = secret

    @classmethod
    def from_env(cls) -> DatabaseRouter:
        """The primary is the Service `database`.

        READS names the Services to read from, the preferred one first.
        User, password, database and TLS come from libpq's own variables (PGUSER, PGSSLMODE …), user and password from a Secret where one is mounted.
        """
        names = os.environ.get("READS", "database").split()
        renew_every = Defects.from_env().renew_every
        secret = MountedSecret.from_env()
        sources = {name: Source(*address_of(name), renew_every, secret) for name in {"database", *names}}
        return cls(sources["database"], [sources[name] for name in names], secret)

    async def read(self, work: Work[T]) -> T:
        """The result of `work` from whichever source answers first in order of preference.

        It may lag the primary.

        Raises:
            Unavailable: no source answered within 0.8 s.
        """
        return await _tried(self._readers, work, within=READ_S, attempt=ATTEMPT_S)

    async def ask(self) -> None:
        """Raise Unavailable unless some source answers reads, and the primary is there for writes."""
        await asyncio.gather(*(first(one("SELECT 1 AS answer")) for first in (self.read, self.read_primary)))

    async def read_primary(self, work: Work[T]) -> T:
        """The result of `work` as the primary sees it.

        Raises:
            Unavailable: the primary did not answer within 0.8 s.
        """
        return await _tried([self._primary], work, within=READ_S, attempt=READ_S)

    async def write(self, work: Work[T]) -> T:
        """The result of `work` on the primary. It may run more than once: make it `once`.

        Raises:
            Unavailable: no primary took the write within 1.3 s; whether it was done is unknown.
        """
        return await _tried([self._primary], work, within=WRITE_S, attempt=WRITE_S)

    async def held(self, _: object) -> AsyncIterator[None]:
        """The lifespan of a service on this database: connections are closed at its end.

        The first ones are made before it serves: a colour that is switched to gets all of the traffic at once.
        """
        for first in (self.read, self.read_primary):
            with suppress(Unavailable):  # it serves without a database as well, and says so
                await first(one("SELECT 1 AS answer"))
        following = None if self._secret is None else asyncio.create_task(self._secret.followed(self._renew))
        yield
        if following is not None:
            following.cancel()
        await self.close()

    async def _renew(self) -> None:
        for source in {self._primary, *self._readers}:
            await source.renew()

    async def close(self) -> None:
        """Close all connections."""
        for source in {self._primary, *self._readers}:
            await source.close()


async def _tried(sources: Sequence[Source], work: Work[T], *, within: float, attempt: float) -> T:
    """The first result of the sources in order, until the time is up.

    Those that failed lately come last.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    pause = FIRST_PAUSE_S
    while True:
        for source in sorted(sources, key=lambda source: source.shunned_until > loop.time()):
            left = deadline - loop.time()
            if left <= 0:
                break
            try:
                return await source.attempt(work, within=min(attempt, left))
            except TRANSIENT as error:
                source.shunned_until = loop.time() + SHUNNED_S
                failure = error
        if loop.time() + pause >= deadline:
            raise Unavailable("the database does not answer") from failure
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def one(query: LiteralString, *values: object) -> Work[Row | None]:
    """Work that fetches the first row of `query`, None when there is none."""

    async def work(connection: Connection) -> Row | None:
        return await (await connection.execute(query, values)).fetchone()

    return work


async def once(
    connection: Connection, key: str, statement: str, values: Mapping[str, Any], *, undo: bool
) -> Row | None:
    """The result of the first run of `statement` under `key`.

    Both are in one transaction with the record of the key.

    `statement` must do nothing where `seen` has a row (`… WHERE NOT EXISTS (TABLE seen)`) and return one row, or
    none when it has nothing to act on. Two at the same time: one of them violates the key, and finds the row when
    tried again. `undo` rolls the transaction back after it has answered (a planted defect).
    """
    entry, noted = audit.named()
    values = {**values, **noted, "key": key}
    query = f"""
        WITH seen AS (SELECT answer FROM requests WHERE key = %(key)s),
             done AS ({statement}),
             kept AS (INSERT INTO requests (key, answer) SELECT %(key)s, to_jsonb(done) FROM done RETURNING answer){entry}
        SELECT answer FROM seen UNION ALL SELECT answer FROM kept"""  # noqa: S608 - the statements are constants of the services
    if undo:
        async with connection.transaction(force_rollback=True):
            return await _first(connection, query, values)
    return await _first(connection, query, values)


async def _first(connection: Connection, query: str, values: Mapping[str, Any]) -> Row | None:
    row = await (await connection.execute(query.encode(), values)).fetchone()
    return None if row is None else row["answer"]
