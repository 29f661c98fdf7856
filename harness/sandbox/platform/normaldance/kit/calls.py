"""Calls to other services.

One pooled client, short time-outs, bounded retries of requests that may be repeated.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from .app import Unavailable

ATTEMPTS = 3
FIRST_PAUSE_S = 0.02
RETRY_WINDOW_S = 0.5
"""No retry starts later than this.

A service that took longer to fail has retried itself.
"""
WITHIN_S = 2.0
CONNECT_S = 0.3
IDLE_MAX_S = 0.5
"""With the server's 0.4 s of age a pooled connection lives at most 1 s."""
WORTH_ANOTHER_TRY = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Caller:
    """Calls one service at a fixed address. Every request given to it must be safe to repeat."""

    def __init__(self, service: str, host: str, port: int, client: aiohttp.ClientSession) -> None:
        self._service = service
        self._origin = f"http://{host}:{port}"
        self._client = client

    async def call(self, method: str, target: str, *, headers: Mapping[str, str], body: bytes) -> ServiceAnswer:
        """The service's answer, the last one when each of three attempts was turned away.

        Raises:
            Unavailable: no attempt was answered.
        """
        loop = asyncio.get_running_loop()
        no_retry_after = loop.time() + RETRY_WINDOW_S
        for attempt in range(ATTEMPTS):
            answer = await self._attempt(method, target, headers, body)
            enough = attempt == ATTEMPTS - 1 or loop.time() > no_retry_after
            if answer is not None and (enough or answer.status not in WORTH_ANOTHER_TRY):
                return answer
            if enough:
                break
            await asyncio.sleep(FIRST_PAUSE_S * 2**attempt)
        raise Unavailable(f"{self._service} does not answer")

    async def _attempt(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> ServiceAnswer | None:
        """The answer, or None when the connection failed or time ran out."""
        try:
            async with self._client.request(
                method, self._origin + target, headers=headers, data=body or None
            ) as response:
                return ServiceAnswer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError):
            return None


def client() -> aiohttp.ClientSession:
    """The pooled client of a service; open it inside the event loop and close it at the end.

    An answer is waited for as long as the variable CALL_WITHIN_S says, in seconds.
    """
    connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=IDLE_MAX_S)
    within_s = float(os.environ.get("CALL_WITHIN_S", WITHIN_S))
    timeout = aiohttp.ClientTimeout(total=within_s, sock_connect=CONNECT_S)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
