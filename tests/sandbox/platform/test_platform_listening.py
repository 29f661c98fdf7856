"""Connections to a pod that wait are accepted many at once, and a refused one takes no other along."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import uvloop
from aiohttp import web

from readiness_sandbox.cluster.tls import Authority
from readiness_sandbox.platform.normaldance.kit import transport
from readiness_sandbox.platform.normaldance.kit.app import ACCEPTED_AT_ONCE, BACKLOG, listen

WAITING = 200
PATIENCE_S = 5
REFUSED = 40


def test_two_hundred_connections_wait_and_are_accepted_in_a_few_turns() -> None:
    """While the loop is busy they wait, none is turned away; then a turn accepts as many as there are descriptors."""

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
    assert uvloop.run(turns()) <= 3 * WAITING / ACCEPTED_AT_ONCE


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The directory of a pod's certificate."""
    authority = Authority("of these tests")
    pair = authority.issue("pod", names=["pod"], addresses=["127.0.0.1"])
    for name, content in (("tls.crt", pair.certificate), ("tls.key", pair.key), ("ca.crt", authority.certificate)):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_refused_handshake_closes_no_descriptor_that_another_one_has_meanwhile(certificate: Path) -> None:
    """Neither at the server nor at the client: who opens a file at once gets the number of the closed connection, and keeps it."""

    async def kept() -> int:
        runner = web.AppRunner(web.Application(), shutdown_timeout=0)
        await runner.setup()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            await listen(runner, "127.0.0.1", 0, transport.server_context(certificate))
            client = await stack.enter_async_context(aiohttp.ClientSession())
            old = ssl.create_default_context(cafile=certificate / "ca.crt")
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            files = list[int]()
            for tried in range(REFUSED):
                stranger = ssl.create_default_context() if tried % 2 else old
                with pytest.raises(aiohttp.ClientConnectorError):
                    await client.get(f"https://127.0.0.1:{runner.addresses[0][1]}/", ssl=stranger)
                files += [os.open(os.devnull, os.O_RDONLY) for _ in range(4)]
            await client.close()
        found = 0
        for file in files:
            os.close(file)  # an error if it was closed
            found += 1
        return found

    assert uvloop.run(kept()) == 4 * REFUSED
