"""A plain HTTP service with defects to order; nothing but the standard library. `python service.py --port 18080 --fail-share 0.1`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import sys
from pathlib import Path


class Service:
    """Answers GET; `--slow-ms` delays items, `--fail-share` fails that share of all but the health path."""

    def __init__(self, slow_ms: float, fail_share: float) -> None:
        self._slow_s = slow_ms / 1000
        self._fail_share = fail_share
        self._random = random.Random(7)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept as long as its client keeps it."""
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                status, body = await self._answer(request.split(b" ", 2)[1].decode())
                data = json.dumps(body).encode()
                head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
                writer.write(head.encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str) -> tuple[int, object]:
        if path == "/health":
            return 200, {"status": "ok"}
        if self._random.random() < self._fail_share:
            return 500, {"error": "planted"}
        if path == "/items":
            return 200, {"items": [1, 2, 3]}
        await asyncio.sleep(self._slow_s)  # noqa: TID251 - a target imports nothing of the harness
        return 200, {"id": int(path.rpartition("/")[2])}


async def main() -> None:
    """Serve until killed; says `ready` once it listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slow-ms", type=float, default=0.0)
    parser.add_argument("--fail-share", type=float, default=0.0)
    parser.add_argument("--pidfile", type=Path)
    options = parser.parse_args()
    if options.pidfile:
        options.pidfile.write_text(f"{os.getpid()}\n", encoding="ascii")
    service = Service(options.slow_ms, options.fail_share)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    server = await asyncio.start_server(service.serve, sock=listener)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
