"""A small real HTTP server that knows the truth: what was asked, when, on which connection, and what it did then."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from harness import clock


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request as the server saw it."""

    at_ns: int
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: int


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server does: waits, then answers, resets the connection, closes it, or never answers.

    `leave` is an answer after which the connection is closed though nothing says so. Between the halves of a body are `pause_s`.
    """

    status: int = 200
    body: bytes = b"{}"
    after_s: float = 0.0
    how: str = "answer"  # answer, leave, reset, close, hang, cut (half of the body)
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0


def platform(seen: Seen) -> Reply:
    """The everyday routes, as the platform answers them."""
    if seen.path == "/sessions":
        return Reply(status=201, body=b'{"token": "t-1"}')
    if seen.path.endswith("/plays"):
        return Reply(status=201, body=json.dumps({"id": int(seen.path.split("/")[2]), "plays": 3}).encode())
    if seen.method == "POST":
        return Reply(status=201, body=json.dumps({"id": 5001, **seen.body}).encode())
    track = int(seen.path.rpartition("/")[2])
    return Reply(body=json.dumps({"id": track, "title": "T", "artist": "A", "plays": 0}).encode())


class TruthServer:
    """Serves on an address of its own until the `with` ends.

    Attributes:
        closed: how many connections are closed.
    """

    def __init__(self, address: str) -> None:
        self.seen: list[Seen] = []
        self.behave: Callable[[Seen], Reply] = lambda seen: Reply()
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server((address, 0), backlog=512)
        self.url = f"http://{address}:{self._socket.getsockname()[1]}"
        self._connections = 0
        self.closed = 0
        self.serving = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self) -> None:
        """Serve until `stop`."""
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, sock=self._socket))
        self._loop.call_soon(self.serving.set)
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._hang_up())
        self._loop.close()

    def stop(self) -> None:
        """End serving; from another thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _hang_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections += 1
        try:
            await self._talk(self._connections, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):  # the last one: hung up
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self.closed += 1

    async def _talk(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            method, path, _ = (await reader.readuntil(b"\r\n")).decode().split(" ")
            lines = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines.split("\r\n") if line)}
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
            seen = Seen(
                at_ns=clock.now_ns(),
                method=method,
                path=path,
                headers=headers,
                body=json.loads(raw) if raw else None,
                connection=connection,
            )
            self.seen.append(seen)
            reply = self.behave(seen)
            if reply.after_s:
                await clock.asleep(reply.after_s)
            if reply.how == "hang":
                await reader.read()
            if reply.how == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            if reply.how in {"reset", "close", "hang"}:
                return
            head = (
                f"HTTP/1.1 {reply.status} .\r\ncontent-type: application/json\r\ncontent-length: {len(reply.body)}\r\n"
                "x-served-region: us-east-1\r\nx-served-pod: track-1\r\nx-release: 1.0.0\r\nserver-timing: app;dur=1.25\r\n"
            )
            head += "".join(f"{key}: {value}\r\n" for key, value in reply.headers.items()) + "\r\n"
            middle = len(reply.body) // 2
            writer.write(head.encode() + reply.body[:middle])
            if reply.pause_s:
                await writer.drain()
                await clock.asleep(reply.pause_s)
            if reply.how != "cut":
                writer.write(reply.body[middle:])
            await writer.drain()
            if reply.how in {"cut", "leave"}:
                return


@contextmanager
def truth_server(address: str) -> Iterator[TruthServer]:
    """A running server."""
    server = TruthServer(address)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    server.serving.wait(timeout=10)
    try:
        yield server
    finally:
        server.stop()
        thread.join(timeout=10)
