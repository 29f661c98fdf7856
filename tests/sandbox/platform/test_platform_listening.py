"""Connections to a pod that wait are accepted many at once."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack

from aiohttp import web

from readiness_sandbox.platform.normaldance.kit.app import BACKLOG, listen

WAITING = 200
PATIENCE_S = 5


def test_two_hundred_connections_wait_and_are_accepted_in_a_few_turns() -> None:
    """While the loop is busy they wait, none is turned away; then they are accepted many in a turn."""

    async def turns() -> int:
        runner = web.AppRunner(web.Application(), shutdown_timeout=0)
        await runner.setup()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            await listen(runner, "127.0.0.1", 0)
            for _ in range(WAITING):
                stack.enter_context(socket.create_connection(runner.addresses[0], timeout=PATIENCE_S))
            server, taken = runner.server, 0
            assert server is not None
            while len(server.connections) < WAITING and taken < WAITING:
                turned = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().call_soon(turned.set_result, None)
                await turned
                taken += 1
            return taken

    assert BACKLOG > WAITING
    assert asyncio.run(turns()) <= 20
