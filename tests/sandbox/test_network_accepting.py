"""Connections that wait are accepted together, also by a process whose turns are long."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, cast

import uvloop

from readiness_sandbox.network.accepting import Accepting

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITING = 100
TURNS = 1000
PATIENCE_S = 30


class Echo(asyncio.Protocol):
    """One end of a connection, which sends back what comes."""

    def __init__(self, made: list[asyncio.Transport]) -> None:
        self._made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass
        self._made.append(self._transport)

    def data_received(self, data: bytes) -> None:
        """Send it back."""
        self._transport.write(data)


def listening() -> socket.socket:
    """A socket with room for all that connect."""
    return socket.create_server(("127.0.0.1", 0), backlog=2 * WAITING)


async def turns_until(made: list[asyncio.Transport], count: int) -> int:
    """Turns of the loop until so many connections are made."""
    loop = asyncio.get_running_loop()
    for turn in range(TURNS):
        if len(made) >= count:
            return turn
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned
    return TURNS


async def ended(made: list[asyncio.Transport]) -> None:
    """Close them, and give the loop its turns to do so."""
    for transport in made:
        transport.close()
    await turns_until([], 1)


def test_all_that_wait_are_accepted_in_a_few_turns() -> None:
    """A hundred connections that wait are made within ten turns of the loop; uvloop's own server takes fifty."""

    async def turns() -> int:
        made: list[asyncio.Transport] = []
        with ExitStack() as stack:
            at = listening()
            for _ in range(WAITING):
                stack.enter_context(socket.create_connection(at.getsockname(), timeout=PATIENCE_S))
            stack.callback(Accepting(at, lambda: Echo(made)).close)
            taken = await turns_until(made, WAITING)
            await ended(made)
        return taken

    assert uvloop.run(turns()) <= 10


def test_what_is_sent_comes_back() -> None:
    """A connection that was accepted carries bytes both ways, without Nagle's delay, and outlives the end of accepting."""

    async def echoed() -> tuple[bytes, int]:
        made: list[asyncio.Transport] = []
        at = listening()
        accepting = Accepting(at, lambda: Echo(made))
        reader, writer = await asyncio.open_connection(*at.getsockname())
        async with asyncio.timeout(PATIENCE_S):
            writer.write(b"first")
            first = await reader.readexactly(5)
            accepting.close()
            writer.write(b"later")
            later = await reader.readexactly(5)
            nodelay = made[0].get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
            await writer.wait_closed()
        await ended(made)
        return first + later, nodelay

    assert uvloop.run(echoed()) == (b"firstlater", 1)


def test_closed_accepts_no_more() -> None:
    """Once it is closed, whoever connects is refused; closing it again changes nothing."""

    async def refused() -> bool:
        at = listening()
        address = at.getsockname()
        accepting = Accepting(at, lambda: Echo([]))
        accepting.close()
        accepting.close()
        try:
            await asyncio.open_connection(*address)
        except ConnectionRefusedError:
            return True
        return False

    assert uvloop.run(refused())


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process can open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # those that are open stay
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_descriptors_it_waits_and_goes_on() -> None:
    """A process that can open nothing accepts what waits once it can."""

    async def gone_on() -> tuple[int, int]:
        loop, made = asyncio.get_running_loop(), list[asyncio.Transport]()
        with listening() as at, closing(socket.create_connection(at.getsockname(), timeout=PATIENCE_S)):
            made_one = loop.create_future()

            def protocol() -> Echo:
                loop.call_soon(made_one.set_result, None)
                return Echo(made)

            with no_descriptors():
                accepting = Accepting(at, protocol)
                turned = await turns_until(made, 1)
            await asyncio.wait_for(made_one, PATIENCE_S)
            await turns_until(made, 1)
            accepting.close()
            await ended(made)
        return turned, len(made)

    assert uvloop.run(gone_on()) == (TURNS, 1)
