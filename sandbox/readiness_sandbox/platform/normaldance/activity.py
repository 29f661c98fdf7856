"""Active users: who signed in lately, counted across all pods and regions.

Each pod keeps who signed in at it, writes that to the table `activity` once a second, and reads there how many users signed in within the last
half an hour of the platform's time. So every pod exposes the same number, and a user who comes back by another pod or region is counted once.
While the database takes no writes the number is unknown, and who signed in meanwhile is written later.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Final

import psycopg
from aiohttp import web
from prometheus_client import Gauge

from .kit.app import Unavailable
from .kit.postgres import DatabaseRouter, one

ACTIVE_S: Final = 30.0
"""How long a user is active after signing in: half an hour, at the platform's time scale of 60."""
EVERY_S: Final = 1.0
COUNT: Final = """
    WITH came AS (SELECT name, clock_timestamp() - make_interval(secs => ago) AS at
                  FROM unnest(%s::text[], %s::float8[]) AS given (name, ago)),
         kept AS (INSERT INTO activity (name, signed_in) SELECT name, at FROM came ORDER BY name
                  ON CONFLICT (name) DO UPDATE SET signed_in = greatest(activity.signed_in, excluded.signed_in))
    SELECT count(*) AS users FROM (
        SELECT name FROM activity WHERE signed_in > clock_timestamp() - make_interval(secs => %s)
        UNION SELECT name FROM came) AS active"""
"""In the order of names, so that two pods that write the same users do not wait for each other."""


class Activity:
    """The gauge `active_users`, and what it is made of.

    Args:
        database: with the table.
        counts: empty, or what the gauge counts instead (a planted defect): `own`, who signed in at this pod; `ever`, whoever signed in.
    """

    def __init__(self, database: DatabaseRouter, counts: str = "") -> None:
        self.gauge = Gauge("active_users", "Users who signed in lately, anywhere.", registry=None)
        self.gauge.set(math.nan)
        self._database = database
        self._counts = counts
        self._came: dict[str, float] = {}

    def signed_in(self, user: str) -> None:
        """Someone signed in at this pod."""
        self._came[user] = asyncio.get_running_loop().time()

    async def counted(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the count."""
        counting = asyncio.create_task(self._count())
        yield
        counting.cancel()
        await asyncio.wait([counting])

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                self.gauge.set(await self._users())
            except (Unavailable, psycopg.Error):
                self.gauge.set(math.nan)

    async def _users(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._counts == "own":
            self._came = {user: at for user, at in self._came.items() if now - at < ACTIVE_S}
            return len(self._came)
        came, self._came = self._came, {}
        within_s = math.inf if self._counts == "ever" else ACTIVE_S
        names, ago = list(came), [now - at for at in came.values()]
        try:
            row = await self._database.write(one(COUNT, names, ago, min(within_s, 1e9)))
        except (Unavailable, psycopg.Error):
            self._came = {**came, **self._came}
            raise
        return float(row["users"]) if row is not None else math.nan
