"""One pod that takes less than its share.

A planted defect (DEFECT_ONE_CLOSES), off in release 1.0.0.
One pod of a region closes every connection after one answer, and another one as soon as it is gone. A balancer of connections then
brings it one request where it brings the others twenty, and no request fails.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
from aiohttp import web

from .kit.app import ENVELOPE, Unavailable
from .kit.postgres import DatabaseRouter, one

CLAIM = """
    INSERT INTO requests (key, answer) VALUES (%s, jsonb_build_object('pod', %s::text, 'at', extract(epoch FROM clock_timestamp())))
    ON CONFLICT (key) DO UPDATE SET answer = EXCLUDED.answer
    WHERE requests.answer->>'pod' = EXCLUDED.answer->>'pod'
       OR (requests.answer->>'at')::float < (EXCLUDED.answer->>'at')::float - 3
    RETURNING key
"""
"""A lease of three seconds: its holder renews it, another pod gets it once that one does not."""
AGAIN_S = 1.0


class OneCloses:
    """The lifespan of the defect in one pod."""

    def __init__(self, database: DatabaseRouter, region: str, pod: str) -> None:
        self._database = database
        self._pod = pod
        self._key = f"mark:closes:{region}"

    async def watched(self, app: web.Application) -> AsyncIterator[None]:
        """Claim the lease beside the service; the pod that has it keeps no connection."""
        if os.environ.get("DEFECT_ONE_CLOSES") != "yes":
            yield
            return
        claim = asyncio.create_task(self._claim(app))
        yield
        claim.cancel()
        await asyncio.wait([claim])

    async def _claim(self, app: web.Application) -> None:
        while True:
            with suppress(Unavailable, psycopg.Error):
                won = await self._database.write(one(CLAIM, self._key, self._pod)) is not None
                app[ENVELOPE].keeps_connections = not won
            await asyncio.sleep(AGAIN_S)
