"""Two TCP connections joined into one.

Bytes, ends and resets pass through, back-pressure too.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from harness import clock

if TYPE_CHECKING:
    from collections.abc import Callable

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_TICK_S = 1e-6
_TIMER_S = 1e-3


def reset(transport: asyncio.Transport | None) -> None:
    """Close with RST instead of FIN, at once."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


class Side(asyncio.Protocol):
    """One of the two connections; what arrives here leaves at `peer`, in order, also what came before there was one.

    Attributes:
        delay_s: how long to hold what arrives; None discards it.
        count: told the bytes that are passed on.
    """

    def __init__(self, made: Callable[[Side], None], lost: Callable[[Side], None]) -> None:
        self._made = made
        self._lost = lost
        self._due = 0.0
        self._early: list[tuple[Callable[..., None], tuple[bytes, ...]]] = []
        self._ended = False
        self.transport: asyncio.Transport | None = None
        self.peer: Side | None = None
        self.delay_s: Callable[[], float | None] = _no_delay
        self.count: Callable[[int], None] = _uncounted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport and tell the owner."""
        self.transport = cast("asyncio.Transport", transport)  # a TCP protocol gets a TCP transport
        self._made(self)

    def data_received(self, data: bytes) -> None:
        """Pass it on, now or later."""
        self._carry(self._pass_on, data)

    def eof_received(self) -> bool:
        """Pass the end of this direction on; the other one may still flow."""
        self._ended = True
        if self.peer is not None and self.peer._ended:  # noqa: SLF001 - both sides are one thing
            return False
        self._carry(self._pass_end)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the other connection share this one's fate: closed, or reset when it broke."""
        self._lost(self)
        if self.peer is None:
            return
        if exc is not None or self.delay_s() is None:
            reset(self.peer.transport)
        else:
            self._carry(self._close_peer)

    def pause_writing(self) -> None:
        """This side is full: stop reading at the other."""
        if (transport := self._far_end()) is not None:
            transport.pause_reading()

    def resume_writing(self) -> None:
        """There is room again."""
        if (transport := self._far_end()) is not None:
            transport.resume_reading()

    def _carry(self, act: Callable[..., None], *args: bytes) -> None:
        """Do it after the delay of this moment, but never before what came earlier.

        A stream keeps its order.
        """
        if self.peer is None:
            self._early.append((act, args))
            return
        delay = self.delay_s()
        if delay is None:
            return
        if delay == 0.0 and self._due == 0.0:
            act(*args)
            return
        # not by the loop's own clock, which is of the last time that it waited; its timers count whole milliseconds
        self._due = max(self._due + _TICK_S, clock.now_s() + delay + _TIMER_S)
        asyncio.get_running_loop().call_at(self._due, act, *args)

    def joined(self, peer: Side) -> None:
        """Pass on to `peer` what has arrived, and what will."""
        self.peer = peer
        early, self._early = self._early, []
        for act, args in early:
            self._carry(act, *args)

    def _far_end(self) -> asyncio.Transport | None:
        transport = self.peer.transport if self.peer is not None else None
        return None if transport is None or transport.is_closing() else transport

    def _pass_on(self, data: bytes) -> None:
        if (transport := self._far_end()) is not None:
            transport.write(data)
            self.count(len(data))

    def _pass_end(self) -> None:
        if (transport := self._far_end()) is not None:
            transport.write_eof()

    def _close_peer(self) -> None:
        if (transport := self._far_end()) is not None:
            transport.close()


def _no_delay() -> float:
    return 0.0


def _uncounted(_size: int) -> None:
    return


def join(caller: Side, callee: Side) -> None:
    """Make two connections one."""
    caller.joined(callee)
    callee.joined(caller)
