"""A group of pods that takes long to get over a lost member.

A planted defect (DEFECT_REGROUPS_S), off in release 1.0.0.
The pods of a service in a region are a group, as the consumers of a queue are. A pod that leaves says so; where one is lost, as after a kill,
the others wait for it and refuse sign-ins meanwhile. A group of which no member is left begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
from aiohttp import web

from .defects import Defects
from .kit.app import Unavailable
from .kit.postgres import DatabaseRouter, one

AGAIN_S = 0.5
LOST_S = 3.0
"""A member that has not been heard of for so long is lost."""
BEAT = """
    INSERT INTO requests (key, answer) VALUES (%s, to_jsonb(extract(epoch FROM clock_timestamp())))
    ON CONFLICT (key) DO UPDATE SET answer = EXCLUDED.answer RETURNING key
"""
OTHERS = """
    SELECT count(*) FILTER (WHERE ago < %s) AS here, count(*) FILTER (WHERE ago BETWEEN %s AND %s) AS lost
    FROM (SELECT extract(epoch FROM clock_timestamp()) - answer::text::float8 AS ago
          FROM requests WHERE key LIKE %s AND key <> %s) AS member
"""
BEGIN = "DELETE FROM requests WHERE key LIKE %s AND key <> %s RETURNING key"
LEAVE = "DELETE FROM requests WHERE key = %s RETURNING key"


class PodGroup:
    """The membership of one pod.

    Args:
        database: where members leave their marks, under keys that no client can send.
        group: name of the group.
        pod: name of the member.
        defects: `regroups_s` is how long a lost member is waited for; 0: there is no group.
    """

    def __init__(self, database: DatabaseRouter, group: str, pod: str, defects: Defects) -> None:
        self._database = database
        self._own, self._all = f"mark:member:{group}:{pod}", f"mark:member:{group}:%"
        self._waits_s = defects.regroups_s
        self._waits = False

    def admit(self) -> None:
        """Let a sign-in pass. Raises Unavailable while a lost member is waited for."""
        if self._waits:
            raise Unavailable("a member of the group is lost, and is waited for")

    async def watched(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the membership; the mark is taken back at its end."""
        if not self._waits_s:
            yield
            return
        beat = asyncio.create_task(self._beat())
        yield
        beat.cancel()
        await asyncio.wait([beat])
        with suppress(Unavailable, psycopg.Error):
            await self._database.write(one(LEAVE, self._own))

    async def _beat(self) -> None:
        while True:
            with suppress(Unavailable, psycopg.Error):
                await self._database.write(one(BEAT, self._own))
                asked = (LOST_S, LOST_S, self._waits_s, self._all, self._own)
                others = await self._database.read_primary(one(OTHERS, *asked))
                if others is not None and others["lost"] and not others["here"]:
                    await self._database.write(one(BEGIN, self._all, self._own))
                self._waits = bool(others and others["lost"] and others["here"])
            await asyncio.sleep(AGAIN_S)
