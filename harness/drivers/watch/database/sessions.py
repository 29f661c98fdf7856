"""A database connection that stays open, with a timeout for each query."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from harness import clock
from harness.drivers.watch.database.session_errors import NoAnswerError, NoTableError
from harness.units import NS_PER_S

_SETTLE_S: Final = 0.2
_PAUSE_NS: Final = NS_PER_S // 2
"""Minimum time between two connection attempts."""


class DatabaseSession:
    """Sends one query at a time; reconnects if necessary, at most twice a second."""

    def __init__(self, dsn: str, *, application: str) -> None:
        self._dsn = dsn
        self._application = application
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._next_attempt_ns = 0

    async def ask(
        self, query: LiteralString | sql.Composed, values: tuple[Any, ...] = (), *, within_s: float
    ) -> tuple[Any, ...] | None:
        """The first row of the answer; None if there are no rows. Raises the errors of `rows`."""
        return next(iter(await self.rows(query, values, within_s=within_s)), None)

    async def rows(
        self, query: LiteralString | sql.Composed | sql.SQL, values: tuple[Any, ...] = (), *, within_s: float
    ) -> list[tuple[Any, ...]]:
        """All rows of the answer.

        Raises:
            NoAnswerError: there is no valid answer; the connection is closed.
            NoTableError: the query names a table that does not exist; the connection is kept.
        """
        try:
            return await _within(self._rows(query, values), within_s)
        except psycopg.errors.UndefinedTable as error:
            raise NoTableError(str(error)) from error
        except TimeoutError as error:
            await self.close()
            raise NoAnswerError("timeout") from error
        except psycopg.Error as error:
            await self.close()
            raise NoAnswerError(_word(error)) from error

    async def _rows(
        self, query: LiteralString | sql.Composed | sql.SQL, values: tuple[Any, ...]
    ) -> list[tuple[Any, ...]]:
        if self._connection is None:
            if clock.now_ns() < self._next_attempt_ns:
                raise psycopg.OperationalError("not connected")
            self._next_attempt_ns = clock.now_ns() + _PAUSE_NS
            self._connection = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, prepare_threshold=None, application_name=self._application
            )
        cursor = await self._connection.execute(query, values)
        return await cursor.fetchall() if cursor.description else []

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _within(asking: Coroutine[Any, Any, list[tuple[Any, ...]]], seconds: float) -> list[tuple[Any, ...]]:
    """Like `asyncio.wait_for`, but never waits for a server that does not answer.

    The first cancellation makes psycopg ask the server to cancel, for up to 10 s; the second makes it drop the socket.
    """
    task = asyncio.create_task(asking)
    try:
        if not await clock.ends_within(seconds, task):
            raise TimeoutError
        return task.result()
    finally:
        for _ in range(2):
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_SETTLE_S)
        if task.done() and not task.cancelled():
            task.exception()  # marked as read: a late failure is the timeout that was already reported


def _word(error: psycopg.Error) -> str:
    text = str(error).lower()
    words = {
        "refused": "refused",
        "timeout": "timeout",
        "starting up": "starting up",
        "shutting down": "shutting down",
        "read-only": "read-only",
        "not connected": "not connected",
        "closed": "reset",
        "reset": "reset",
        "authentication": "authentication",
    }
    return next((word for part, word in words.items() if part in text), type(error).__name__)
