"""Serves an application of the monitor until its pod is ended."""

from __future__ import annotations

import asyncio
import signal

from aiohttp import web


async def serve(application: web.Application, address: str, port: int) -> None:
    """Serve on an address until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, reuse_address=True).start()
        await stop.wait()
    finally:
        await runner.cleanup()
