"""One pod that takes less than its share.

A planted defect (DEFECT_ONE_CLOSES), off in release 1.0.0.
The first pod of a region to say so closes every connection after one answer. A balancer of connections then brings it one
request where it brings the others twenty, and no request fails.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import psycopg
from aiohttp import web

from .kit.app import ENVELOPE, Unavailable
from .kit.postgres import DatabaseRouter, one

CLAIM = "INSERT INTO requests (key, answer) VALUES (%s, '{}') ON CONFLICT (key) DO NOTHING RETURNING key"
AGAIN_S = 0.5


class OneCloses:
    """The lifespan of the defect in one pod."""

    def __init__(self, database: DatabaseRouter, region: str) -> None:
        self._database = database
        self._key = f"mark:closes:{region}"

    async def watched(self, app: web.Application) -> AsyncIterator[None]:
        """Claim the mark beside the service; the pod that has it keeps no connection."""
        if os.environ.get("DEFECT_ONE_CLOSES") != "yes":
            yield
            return
        claim = asyncio.create_task(self._claim(app))
        yield
        claim.cancel()
        await asyncio.wait([claim])

    async def _claim(self, app: web.Application) -> None:
        while True:
            try:
                won = await self._database.write(one(CLAIM, self._key)) is not None
            except (Unavailable, psycopg.Error):
                await asyncio.sleep(AGAIN_S)
                continue
            app[ENVELOPE].keeps_connections = not won
            return
