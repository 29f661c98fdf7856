"""Calls to other services.

One pooled client, short time-outs, retries of requests that may be repeated within a budget: services that are late because
they have too much to do are not given more.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from .app import ANSWER_BY, Unavailable
from .transport import client_context

ATTEMPTS = 3
FIRST_PAUSE_S = 0.02
"""The pause before the first retry; the next one is twice as long, and each is cut by chance to half of it at most."""
RETRIES_PER_CALL = 0.1
"""Retries that each call allows for: where all fail, a service is asked a tenth more often, not three times as often."""
RETRIES_KEPT = 20.0
"""As many retries may follow at once after a quiet time: a pod that ends takes no more with it."""
RETRY_WINDOW_S = 0.5
"""No retry starts later than this.

A service that took longer to fail has retried itself.
"""
WITHIN_S = 2.0
CONNECT_S = 0.3
IDLE_MAX_S = 0.5
"""With the server's 0.8 s of age a pooled connection lives at most 1.3 s."""
TLS_IDLE_MAX_S = 3.0
"""A connection with TLS is worth keeping, also for the next requests that come together: the other end closes it after some answers."""
WORTH_ANOTHER_TRY = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RetryBudget:
    """A token bucket: calls fill it, retries empty it."""

    def __init__(self) -> None:
        self._left = RETRIES_KEPT

    def called(self) -> None:
        """Allow for the retries of one more call."""
        self._left = min(self._left + RETRIES_PER_CALL, RETRIES_KEPT)

    def take(self) -> bool:
        """Whether a retry may be made; it is taken from the budget."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Caller:
    """Calls one service at a fixed address. Every request given to it must be safe to repeat."""

    def __init__(self, service: str, host: str, port: int, client: aiohttp.ClientSession) -> None:
        self.service = service
        self._tls = client_context()
        self._origin = f"{'https' if self._tls else 'http'}://{host}:{port}"
        self._client = client
        self._budget = RetryBudget()

    async def call(self, method: str, target: str, *, headers: Mapping[str, str], body: bytes) -> ServiceAnswer:
        """The service's answer, the last one when each attempt was turned away: three, or fewer where the budget of retries is spent.

        Raises:
            Unavailable: no attempt was answered.
        """
        loop = asyncio.get_running_loop()
        self._budget.called()
        no_retry_after = loop.time() + RETRY_WINDOW_S
        for attempt in range(ATTEMPTS):
            answer = await self._attempt(method, target, headers, body)
            if answer is not None and answer.status not in WORTH_ANOTHER_TRY:
                return answer
            if attempt == ATTEMPTS - 1 or loop.time() > no_retry_after or not self._budget.take():
                break
            await asyncio.sleep(FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1.0))
        if answer is not None:
            return answer
        raise Unavailable(f"{self.service} does not answer")

    async def _attempt(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> ServiceAnswer | None:
        """The answer, or None when the connection failed or time ran out."""
        by = time.time() + (self._client.timeout.total or WITHIN_S)
        try:
            async with self._client.request(
                method,
                self._origin + target,
                headers={**headers, ANSWER_BY: f"{by:.3f}"},
                data=body or None,
                allow_redirects=False,
                ssl=self._tls or True,
                server_hostname=self.service if self._tls else None,
            ) as response:
                return ServiceAnswer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError):
            return None


def client() -> aiohttp.ClientSession:
    """The pooled client of a service; open it inside the event loop and close it at the end.

    An answer is waited for as long as the variable CALL_WITHIN_S says, in seconds.
    """
    idle_max_s = IDLE_MAX_S if client_context() is None else TLS_IDLE_MAX_S
    connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=idle_max_s)
    within_s = float(os.environ.get("CALL_WITHIN_S", WITHIN_S))
    timeout = aiohttp.ClientTimeout(total=within_s, sock_connect=CONNECT_S)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
