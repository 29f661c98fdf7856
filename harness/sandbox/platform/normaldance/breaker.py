"""A circuit breaker that opens too soon (a planted defect of the gateway).

It holds connections to a service on which it asks nothing. Where one of them is closed before a service closes an idle one, its pod died, and
the breaker opens: for some seconds requests for the service are refused, although its other pods serve.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from .kit.app import IDLE_MAX_S, Unavailable

CONNECTIONS: Final = 8
"""Held by each gateway, so that hardly a pod of the service has none of them."""
_AGAIN_S: Final = 1.0
"""Until a connection is opened again. One that did not live for so long opens no breaker: the service has no pod yet."""
_IDLE_S: Final = IDLE_MAX_S - 1.0
"""One that lived for so long was closed for being idle."""


class Breaker:
    """The breaker of one service.

    Args:
        service: its name; empty: there is no breaker.
        open_s: for how long it stays open after the last connection that was closed, in seconds.
    """

    def __init__(self, service: str, open_s: float) -> None:
        self._service = service
        self._open_s = open_s
        self._open_until = 0.0

    def admit(self, service: str) -> None:
        """Let a request for this service pass. Raises Unavailable while its breaker is open."""
        if service == self._service and asyncio.get_running_loop().time() < self._open_until:
            raise Unavailable(f"the circuit breaker of {service} is open")

    async def watch(self, addresses: Mapping[str, tuple[str, int]]) -> None:
        """Hold connections to the service until it is cancelled; returns at once where there is no breaker."""
        if self._service:
            await asyncio.gather(*(self._hold(*addresses[self._service]) for _ in range(CONNECTIONS)))

    async def _hold(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            opened = loop.time()
            await connection_closed(host, port)
            if _AGAIN_S < loop.time() - opened < _IDLE_S:
                self._open_until = loop.time() + self._open_s
            await asyncio.sleep(_AGAIN_S)


async def connection_closed(host: str, port: int) -> None:
    """Open a connection, send nothing, and wait until it is closed; returns at once where there is none."""
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            await reader.read()
        finally:
            writer.close()
