"""Applications of the monitor over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from readiness_sandbox.platform.monitor.api import Monitored, application
from readiness_sandbox.platform.monitor.scrape.scraping import Scraper

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from readiness_sandbox.platform.monitor.storage import Storage


async def served(app: web.Application, stack: AsyncExitStack) -> str:
    """Its URL."""
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]


async def prometheus_of(storage: Storage, stack: AsyncExitStack) -> str:
    """The URL of a Prometheus that has these samples, and scrapes nothing."""
    monitored = Monitored(storage=storage, groups=(), scraper=Scraper((), storage, lambda _: []))
    return await served(application(monitored), stack)
