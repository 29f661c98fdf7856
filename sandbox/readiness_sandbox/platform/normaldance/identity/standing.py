"""What no longer counts, for those that check tokens: one answer for all of a pod's askers for EVERY_S."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Final

from aiohttp import web

from ..kit.postgres import DatabaseRouter, one
from .keys import TokenSigner

EVERY_S: Final = 0.5
LONGEST: Final = "2 h"
"""Longer than any token lives: a change that is older is in every token that counts."""
NOW: Final = """
    SELECT coalesce((SELECT json_agg(id ORDER BY id) FROM revocations WHERE expires > now()), '[]') AS revoked,
           coalesce((SELECT json_agg(client ORDER BY client) FROM blocked WHERE until > now()), '[]') AS blocked,
           coalesce((SELECT json_object_agg(name, roles ORDER BY name) FROM (
               SELECT name, CASE WHEN NOT disabled THEN roles END AS roles FROM accounts WHERE changed > now() - %s::interval
               UNION SELECT name, NULL FROM gone_accounts
               WHERE at > now() - %s::interval AND name NOT IN (SELECT name FROM accounts)) AS changed), '{}') AS roles"""


class StandingAnswer:
    """GET /internal/standing, with an ETag.

    Args:
        database: with the tables.
        signer: whose keys are published as well.
    """

    def __init__(self, database: DatabaseRouter, signer: TokenSigner) -> None:
        self._database = database
        self._signer = signer
        self._asking: asyncio.Task[None] | None = None
        self._until_s = 0.0
        self._body, self._tag = b"", ""

    async def standing(self, request: web.Request) -> web.Response:
        """200 with keys, revoked tokens and sessions, blocked clients, and changed roles; 304 where they are as the asker has them. Raises Unavailable."""
        if asyncio.get_running_loop().time() > self._until_s:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)
        if request.headers.get("if-none-match") == self._tag:
            return web.Response(status=304, headers={"etag": self._tag})
        return web.Response(body=self._body, content_type="application/json", headers={"etag": self._tag})

    async def _ask(self) -> None:
        row = await self._database.read(one(NOW, LONGEST, LONGEST)) or {}
        self._body = json.dumps({**self._signer.jwks(), **row}).encode()
        self._tag = f'"{hashlib.sha256(self._body).hexdigest()[:32]}"'
        self._until_s = asyncio.get_running_loop().time() + EVERY_S
