"""An HTTP server that is away at known times in known ways, and writes down when it really was: the truth that others are held against.

`python outage_server.py HOST PLAN.json TRUTH.ndjson` says `listening PORT`, reads the start (CLOCK_MONOTONIC, ns) from standard input,
and is then away as the plan says: a list of `{"kind", "at_s", "for_s"}`. It writes one line an outage, `{"kind", "from_ns", "until_ns"}`,
and ends with its standard input.

Kinds: `refused` (nobody listens, connections are cut) · `reset` (each request and each new connection is reset) · `503` · `hang` (requests
wait, and are answered when it ends) · `blackhole` (requests are never answered; later ones are).
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO, cast

from harness import clock
from harness.units import NS_PER_S

OK: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
AWAY: Final = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
_END: Final = b"\r\n\r\n"


class Service:
    """What the connections share: how it is away now, who is connected, who waits."""

    def __init__(self, host: str) -> None:
        self.kind = ""
        self.connected: set[Connection] = set()
        self.waiting: list[Connection] = []
        self.port = 0
        self._host = host
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept connections, after the first time on the same port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._host, self.port))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(lambda: Connection(self), sock=listener)

    async def be_away(self, kind: str, until_ns: int) -> dict[str, Any]:
        """Be away in one way until then; returns what is written down."""
        from_ns = clock.now_ns()
        self.kind = kind
        if kind == "refused" and self._server:
            self._server.close()
            for connection in tuple(self.connected):
                connection.reset()
        await clock.asleep((until_ns - clock.now_ns()) / NS_PER_S)
        if kind == "refused":
            await self.listen()
        self.kind, waiting, self.waiting = "", self.waiting, []
        ended_ns = clock.now_ns()
        for connection in waiting:
            connection.answer(OK)
        return {"kind": kind, "from_ns": from_ns, "until_ns": ended_ns}


class Connection(asyncio.Protocol):
    """One client's connection; requests come one at a time and have no body."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._transport: asyncio.Transport | None = None
        self._read = b""
        self._mute = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)
        self._service.connected.add(self)
        if self._service.kind == "reset":
            self.reset()

    def connection_lost(self, _error: Exception | None) -> None:
        """The client went."""
        self._service.connected.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer, or do not, as the service is now."""
        self._read += data
        if not self._read.endswith(_END):
            return
        self._read = b""
        match self._service.kind:
            case "reset":
                self.reset()
            case "hang":
                self._service.waiting.append(self)
            case "blackhole":
                self._mute = True
            case "503":
                self.answer(AWAY)
            case _ if not self._mute:
                self.answer(OK)

    def answer(self, answer: bytes) -> None:
        """Send it, if the client is still there."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(answer)

    def reset(self) -> None:
        """Cut the connection with a reset, as a dead process's kernel does."""
        if self._transport:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


async def serve(host: str, plan: Sequence[Mapping[str, Any]], truth: TextIO) -> None:
    """Serve, and be away as planned, until standard input ends."""
    service = Service(host)
    await service.listen()
    sys.stdout.write(f"listening {service.port}\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    start_ns = int(await loop.run_in_executor(None, sys.stdin.readline))
    ended = loop.run_in_executor(None, sys.stdin.read)
    for outage in plan:
        from_ns = start_ns + round(outage["at_s"] * NS_PER_S)
        await clock.asleep((from_ns - clock.now_ns()) / NS_PER_S)
        was = await service.be_away(outage["kind"], from_ns + round(outage["for_s"] * NS_PER_S))
        truth.write(json.dumps(was) + "\n")
        truth.flush()
    await ended


if __name__ == "__main__":
    with Path(sys.argv[3]).open("w", encoding="utf-8") as file:
        asyncio.run(serve(sys.argv[1], json.loads(Path(sys.argv[2]).read_bytes()), file))
