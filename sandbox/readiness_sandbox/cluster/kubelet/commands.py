"""A command beside a container, while it runs."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from harness import clock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncGenerator

LONGEST_S: Final = 3600.0
"""A command that has not ended then is killed, whoever still listens."""
MOST_PIECES: Final = 16
"""The most pieces of output that are buffered; then the pipes are not read, and the command blocks in `write`."""
_POLL_S: Final = 0.01
_SIGNALLED: Final = 128
_Pieces = asyncio.Queue[tuple[int, bytes]]


class RunningCommand:
    """A command, what it writes and how it ends."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]

    async def output(self) -> AsyncGenerator[tuple[int, bytes]]:
        """What it writes, each piece with its stream (1 or 2), until it ends, or its time is over."""
        pieces, loop = _Pieces(), asyncio.get_running_loop()
        transports: list[asyncio.ReadTransport] = []
        try:
            for stream, pipe in enumerate(self._pipes, start=1):
                transport, _ = await loop.connect_read_pipe(functools.partial(_Stream, stream, pieces), pipe)
                transports.append(transport)
            left = len(transports)
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_S):
                    while left:
                        stream, piece = await pieces.get()
                        if pieces.empty():
                            for transport in transports:
                                transport.resume_reading()
                        if piece:
                            yield stream, piece
                        else:
                            left -= 1
                    while self._process.poll() is None:
                        await clock.asleep(_POLL_S)
        finally:
            for transport in transports:
                transport.close()
            self.end()

    async def code(self) -> int:
        """Its exit code once it has ended, 128 + signal when it was killed."""
        code = self._process.wait()
        return _SIGNALLED - code if code < 0 else code

    def end(self) -> None:
        """Kill it with what it has started, where it still runs, and read no more of it."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for pipe in self._pipes:
            pipe.close()


class _Stream(asyncio.Protocol):
    """One stream of a command; its end is an empty piece. It pauses when too many pieces wait."""

    _transport: asyncio.ReadTransport

    def __init__(self, stream: int, pieces: _Pieces) -> None:
        self._stream = stream
        self._pieces = pieces

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.ReadTransport", transport)  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        self._pieces.put_nowait((self._stream, data))
        if self._pieces.qsize() >= MOST_PIECES:
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own
        self._pieces.put_nowait((self._stream, b""))
