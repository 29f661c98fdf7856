"""A group of pods that takes long to get over a lost member.

A planted defect (DEFECT_REGROUPS_S), off in release 1.0.0.
The pods of a service in a region are a group, as the consumers of a queue are. A pod that leaves says so; where one is lost, as after a kill,
those that were there with it wait for it, and refuse sign-ins meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
from aiohttp import web

from .kit.app import Unavailable
from .kit.postgres import DatabaseRouter, one

AGAIN_S = 1.0
LOST_S = 3.5
"""A member that has not been heard of for so long is lost."""
SAY = """
    INSERT INTO requests (key, answer)
    SELECT %s || floor(at)::text || ':' || %s || ':' || %s, jsonb_build_object('pod', %s::text, 'at', at, 'left', %s::bool)
    FROM extract(epoch FROM clock_timestamp()) AS at
    ON CONFLICT (key) DO NOTHING RETURNING key
"""
"""Each time a row of its own: none that is there is changed. Keys of one group are in the order of time, and none is one that a client can send."""
LOST = """
    WITH clock AS (SELECT extract(epoch FROM clock_timestamp())::float8 AS now),
         member AS (
             SELECT answer->>'pod' AS pod, min((answer->>'at')::float8) AS first, max((answer->>'at')::float8) AS last,
                    bool_or((answer->>'left')::bool) AS gone
             FROM requests, clock
             WHERE key > %s || floor(now - %s)::text AND key < %s || ';' GROUP BY 1)
    SELECT count(*) AS lost FROM member, clock
    WHERE NOT gone AND last < now - %s AND last >= (SELECT min(first) FROM member WHERE NOT gone AND last >= now - %s)
"""
"""Members that went without a word in the last so many seconds, while one that is there now was there."""


class PodGroup:
    """The membership of one pod.

    Args:
        database: where members leave their marks.
        group: name of the group.
        pod: name of the member.
        waits_s: how long a lost member is waited for, in seconds; 0: there is no group.
    """

    def __init__(self, database: DatabaseRouter, group: str, pod: str, waits_s: float) -> None:
        self._database = database
        self._pod, self._prefix = pod, f"mark:member:{group}:"
        self._waits_s = waits_s
        self._waits = False

    def admit(self) -> None:
        """Let a sign-in pass. Raises Unavailable while a lost member is waited for."""
        if self._waits:
            raise Unavailable("a member of the group is lost, and is waited for")

    async def watched(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the membership, which says at its end that the pod leaves."""
        if not self._waits_s:
            yield
            return
        telling = asyncio.create_task(self._tell())
        yield
        telling.cancel()
        await asyncio.wait([telling])
        with suppress(Unavailable, psycopg.Error):
            await self._say("left")

    async def _tell(self) -> None:
        while True:
            with suppress(Unavailable, psycopg.Error):
                await self._say("here")
                asked = (self._prefix, self._waits_s, self._prefix, LOST_S, LOST_S)
                row = await self._database.read_primary(one(LOST, *asked))
                self._waits = bool(row and row["lost"])
            await asyncio.sleep(AGAIN_S)

    async def _say(self, what: str) -> None:
        await self._database.write(one(SAY, self._prefix, self._pod, what, self._pod, what == "left"))
