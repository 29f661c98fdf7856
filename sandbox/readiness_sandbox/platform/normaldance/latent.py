"""Defects that wait for a fault.

How the pods of a bad release find out that something was broken.
They are not informed: the pods share marks in the database, rows of the table of idempotency keys under keys that no client
can send: when the first of them started, which address the first primary had, and that one was replaced. A pod that
starts long after the first replaces one that was killed or evicted; a primary at the first address after another one
has led is the old primary, back again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import psycopg

from .defects import Defects
from .kit.app import Unavailable
from .kit.postgres import Connection, DatabaseRouter, one

POLL_S = 0.2
PATIENCE_S = 5.0
"""Seconds without a database after which a pod counts as one of the initial rollout.

The database starts then as well.
"""

STARTED = """
    WITH first AS (INSERT INTO requests (key, answer) VALUES ('mark:started', '{}') ON CONFLICT (key) DO NOTHING RETURNING created)
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created)), 0)::float8 AS after_s FROM requests WHERE key = 'mark:started'"""
REPLACED = (
    "INSERT INTO requests (key, answer) VALUES ('mark:replaced', '{}') ON CONFLICT (key) DO NOTHING RETURNING key"
)
WAS_REPLACED = "SELECT key FROM requests WHERE key = 'mark:replaced'"
FIRST_PRIMARY = """
    INSERT INTO requests (key, answer) VALUES ('mark:primary', to_jsonb(host(inet_server_addr())))
    ON CONFLICT (key) DO NOTHING RETURNING key"""
FIRST_LEADS = (
    "SELECT answer #>> '{}' = host(inet_server_addr()) AS first_leads FROM requests WHERE key = 'mark:primary'"
)

DROP_NEWEST = """
    WITH once AS (
        INSERT INTO requests (key, answer)
        VALUES ('mark:dropped:' || host(inet_server_addr()) || ':' || floor(extract(epoch FROM clock_timestamp()) / 30), '{}')
        ON CONFLICT (key) DO NOTHING RETURNING key),
    last AS (SELECT max(added) AS added FROM tracks WHERE added < clock_timestamp() - interval '3 s'),
    gone AS (DELETE FROM tracks USING last, once WHERE tracks.added BETWEEN last.added - interval '1 s' AND last.added RETURNING id)
    SELECT count(*) AS dropped FROM gone"""
"""Deletes the rows of the last second before an outage of more than three seconds.

It is done once a promotion, whichever pod is first.
"""


class Latent:
    """Switches the defects of one pod on when their time has come.

    Does nothing if the pod has no defect with a start time.
    """

    def __init__(self, database: DatabaseRouter, defects: Defects) -> None:
        self._database = database
        self._defects = defects
        self._stopping = asyncio.Event()
        self._known = False
        self._away = False

    async def watched(self, _: object) -> AsyncIterator[None]:
        """The lifespan of the watch.

        It is asked to stop, never cancelled: a connection stays intact.
        """
        defects = self._defects
        if not (defects.late_s or defects.failback_s or defects.never_returns or defects.drops_newest):
            yield
            return
        watch = asyncio.create_task(self._watch())
        yield
        self._stopping.set()
        await watch

    async def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                if not self._known:
                    await self._introduce()
                await self._observe()
            except (Unavailable, psycopg.Error):
                pass  # the database is away; the next poll may find it
            try:
                await asyncio.wait_for(self._stopping.wait(), POLL_S)
            except TimeoutError:
                continue

    async def _introduce(self) -> None:
        """Leave this pod's own marks."""
        await self._database.write(one(FIRST_PRIMARY))
        if await replaced(self._database, self._defects.rollout_s):
            await self._database.write(one(REPLACED))
        self._known = True

    async def _observe(self) -> None:
        if self._defects.late_s and not self._defects.fault_seen:
            self._defects.fault_seen = await self._database.read(one(WAS_REPLACED)) is not None
        if self._defects.failback_s or self._defects.drops_newest:
            row = await self._database.read_primary(one(FIRST_LEADS))
            away = row is not None and not row["first_leads"]
            if self._defects.drops_newest and away and not self._away:
                await self._database.write(one(DROP_NEWEST))
            if self._defects.failback_s and self._away and not away:
                self._defects.writes_refused_until = asyncio.get_running_loop().time() + self._defects.failback_s
            self._away = away


async def replaced(database: DatabaseRouter, rollout_s: float) -> bool:
    """Whether this pod starts more than `rollout_s` seconds after the first one.

    Leaves the mark when it is the first.
    """

    async def work(connection: Connection) -> float:
        row = await (await connection.execute(STARTED)).fetchone()
        return float(row["after_s"]) if row else 0.0

    return await database.write(work) > rollout_s


async def _may_start(database: DatabaseRouter, rollout_s: float) -> bool:
    """False in a pod that replaces another.

    Liveness probes are not answered meanwhile, so it does not wait for long.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_S
    try:
        while loop.time() < deadline:
            try:
                return not await replaced(database, rollout_s)
            except (Unavailable, psycopg.Error):
                await asyncio.sleep(POLL_S)
    finally:
        await database.close()
    return True


def end_if_replaced(database: DatabaseRouter, defects: Defects) -> None:
    """End the process where the release never lets a pod return."""
    if defects.never_returns and not asyncio.run(_may_start(database, defects.rollout_s)):
        sys.exit("another pod holds the lock of the start-up migration; this one gives up")
