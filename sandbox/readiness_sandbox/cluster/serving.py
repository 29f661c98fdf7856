"""Serving the API inside an event loop that others share.

    sock = listen("127.0.0.1")                      # port 0: any free one; sock.getsockname()[1] tells which
    app = build_app(store, hooks, token)
    stop = asyncio.Event()
    await serve(app, sock, certificate=path, key=path, stop=stop, ready=None)

`serve(app, sock, *, certificate, key, stop, ready=None)` returns within about `SHUTDOWN_GRACE_S` seconds after `stop` was set: open watches are
ended first. It installs no signal handlers; cancelling it is not needed and would cut answers short. `ready`, an asyncio.Event, is set once requests are served.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn
from starlette.concurrency import run_in_threadpool

from harness.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from starlette.applications import Starlette

BACKLOG = 256
SHUTDOWN_GRACE_S = 2
"""Seconds that open requests get when the server stops."""
IDLE_S = 3600
"""Seconds an idle connection is kept.

Clients keep pools, and a closed one costs them a failed request.
"""


def listen(host: str, port: int = 0) -> socket.socket:
    """A listening socket. Raises SandboxError when the address is taken.

    The protocol is named because asyncio turns Nagle's algorithm off only on sockets that say IPPROTO_TCP; with it on, each answer waits 40 ms.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise SandboxError(
            f"the sandbox cannot listen at this address: {error.strerror}",
            where=f"{host}:{port}",
            hint="end the process that uses the port, or choose another port",
        ) from error
    return sock


async def serve(
    app: Starlette,
    sock: socket.socket,
    *,
    certificate: Path,
    key: Path,
    stop: asyncio.Event,
    ready: asyncio.Event | None = None,
) -> None:
    """Serve `app` with TLS on `sock` until `stop` is set; closes the socket.

    See the module's text.
    """
    server = _Server(
        uvicorn.Config(
            app,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            lifespan="off",
            http="httptools",
            ws="wsproto",
            log_config=None,
            access_log=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
    )
    # In a thread, because it imports; that it is anyio's loads what the first streamed answer would stop everything for.
    await run_in_threadpool(server.config.load)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not server.started and not serving.done():
            await asyncio.wait([serving], timeout=0.01)
        if ready is not None and server.started:
            ready.set()
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        app.state.watches.close()
        if server.server_state.tasks:
            await asyncio.wait(server.server_state.tasks, timeout=SHUTDOWN_GRACE_S)
        server.should_exit = True
        try:
            await serving
        finally:
            sock.close()


class _Server(uvicorn.Server):
    """Leaves the signals to whoever owns the process, and does not wait for idle clients."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Cut, not closed: a polite TLS farewell waits for the client's, and an idle pool never sends one.
        for connection in tuple(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)
