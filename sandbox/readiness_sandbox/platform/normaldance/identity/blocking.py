"""The block list: clients that a notice of an alert names, as the receiver of the monitor has it, are entered for LONGEST."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

import aiohttp

from ..kit.app import Unavailable
from ..kit.postgres import DatabaseRouter, one
from ..kit.settings import address_of

ALERT: Final = "AttackSuspected"
EVERY_S: Final = 1.0
WITHIN_S: Final = 2.0
LONGEST: Final = "10 min"
BLOCK: Final = """
    INSERT INTO blocked (client, since, until) VALUES (%s, %s::timestamptz, now() + %s::interval)
    ON CONFLICT (client) DO UPDATE SET since = excluded.since, until = excluded.until WHERE blocked.since < excluded.since
    RETURNING client"""
"""An alert blocks once: a block that was lifted is not renewed by the same one, nor by one that began before."""


class BlockKeeper:
    """The part of auth-service that fills the list. Every pod of it does; which one was first is no matter."""

    def __init__(self, database: DatabaseRouter) -> None:
        self._database = database
        self._read = 0

    async def watched(self, _: object) -> AsyncIterator[None]:
        """The lifespan of the questions."""
        asking = asyncio.create_task(self._ask())
        yield
        asking.cancel()
        await asyncio.wait([asking])

    async def _ask(self) -> None:
        host, port = address_of("receiver")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as session:
            while True:
                try:
                    await self._ask_once(session, f"http://{host}:{port}/notices?since={self._read}")
                except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, Unavailable) as error:
                    sys.stderr.write(f"attackers are not known: {type(error).__name__}: {error}\n")
                await asyncio.sleep(EVERY_S)

    async def _ask_once(self, session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url) as response:
            response.raise_for_status()
            notices = (await response.json())["notices"]
        for each in notices:
            for client, since in attackers_in(each["notice"]):
                await self._database.write(one(BLOCK, client, since, LONGEST))
            self._read = each["number"]


def attackers_in(notice: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Clients that a notice of Alertmanager says attack, and when the alert began."""
    for alert in notice["alerts"]:
        labels = alert["labels"]
        if labels.get("alertname") == ALERT and alert["status"] == "firing" and labels.get("client"):
            yield labels["client"], alert["startsAt"]
