"""Which features are on, as the service `flags` says by OFREP; asked again and again, so that a change needs no restart.

Where the namespace has no Service `flags`, every feature is off. While that service is away, what it said last counts.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp

from .settings import address_of
from .transport import client_context

SERVICE = "flags"
PATH = "/ofrep/v1/evaluate/flags"
EVERY_S = 2.0
WITHIN_S = 1.0
HEADER = "x-features"
"""Of an answer: the features that it has, separated by commas."""


class Features:
    """The features of one pod.

    Args:
        every_s: how often the flags are asked for, in seconds.
        ignored: features that stay as they are, whatever their flags say.
    """

    def __init__(self, every_s: float = EVERY_S, ignored: frozenset[str] = frozenset()) -> None:
        self._every_s = every_s
        self._ignored = ignored
        self._on: frozenset[str] = frozenset()
        self._tag = ""

    def on(self, name: str) -> bool:
        """Whether a feature is on."""
        return name in self._on

    async def watched(self, _: object) -> AsyncIterator[None]:
        """The lifespan of the questions."""
        if f"{SERVICE.upper()}_SERVICE_HOST" not in os.environ:
            yield
            return
        asking = asyncio.create_task(self._ask())
        yield
        asking.cancel()
        await asyncio.wait([asking])

    async def _ask(self) -> None:
        host, port = address_of(SERVICE)
        url = f"{'https' if client_context() else 'http'}://{host}:{port}{PATH}"
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
                    await self.ask_once(session, url)
                await asyncio.sleep(self._every_s)

    async def ask_once(self, session: aiohttp.ClientSession, url: str) -> None:
        """Take over the answer; one with the same tag changes nothing."""
        headers = {"if-none-match": self._tag} if self._tag else {}
        tls = client_context()
        async with session.post(
            url, json={"context": {}}, headers=headers, ssl=tls or True, server_hostname=SERVICE if tls else None
        ) as response:
            if response.status != 200:
                return
            flags = json.loads(await response.read())["flags"]
            self._on = frozenset(str(one["key"]) for one in flags if one.get("value") is True) - self._ignored
            self._tag = response.headers.get("etag", "")
