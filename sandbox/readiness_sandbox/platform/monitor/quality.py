"""quality: writes a report on the quality of the running release again and again, from what Prometheus has.

GET /reports/newest    the last report: {"written_at", "releases", "pods_ready", "requests_per_s", "error_ratio", "p95_s"}; 404 before the first

A figure is null where nothing was requested in the last minute. A report is written once pods of the entry are scraped, and then every
REPORT_EVERY_S seconds; with SUSPEND `true` none is.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from aiohttp import web

from .moments import rfc3339

PORT: Final = 8080
RETRY_S: Final = 1.0
"""Pause before the next try where a report could not be written."""
_USERS: Final = 'app="api-gateway",route!~"health|ready|version|metrics|none"'
_REQUESTS: Final = f"sum(rate(http_requests_total{{{_USERS}}}[1m]))"
_RELEASES: Final = 'count by (version) (up{job="pods",app="api-gateway"} == 1)'
QUERIES: Final[Mapping[str, str]] = {
    "requests_per_s": _REQUESTS,
    "error_ratio": f'(sum(rate(http_requests_total{{{_USERS},status=~"5.."}}[1m])) or vector(0)) / {_REQUESTS}',
    "p95_s": f"histogram_quantile(0.95, sum by (le) (rate(http_request_seconds_bucket{{{_USERS}}}[1m])))",
}
"""What a report says, as Prometheus reckons it."""


class NoFigures(Exception):
    """Prometheus gave no answer, or scrapes no pod of the entry yet."""


class Reporter:
    """Writes reports, and shows the last one."""

    def __init__(self, prometheus: str, *, every_s: float, suspended: bool) -> None:
        self._prometheus = prometheus
        self._every_s = every_s
        self._suspended = suspended
        self._newest: dict[str, Any] | None = None

    def application(self) -> web.Application:
        """What it answers."""
        app = web.Application()
        app.add_routes([web.get("/reports/newest", self._show), web.get("/health", _well)])
        return app

    async def run(self) -> None:
        """Write, as long as this process lives."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5), trust_env=False) as session:
            while not self._suspended:
                try:
                    self._newest = await self._written(session)
                    await asyncio.sleep(self._every_s)
                except NoFigures as error:
                    sys.stderr.write(f"no report: {error}\n")
                    await asyncio.sleep(RETRY_S)

    async def _written(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        pods = await self._ask(session, _RELEASES)
        if not pods:
            raise NoFigures("no pod of the entry is scraped")
        figures = {name: _number(await self._ask(session, query)) for name, query in QUERIES.items()}
        releases = sorted(one["metric"].get("version", "") for one in pods)
        ready = sum(int(float(one["value"][1])) for one in pods)
        return {"written_at": rfc3339(time.time()), "releases": releases, "pods_ready": ready, **figures}

    async def _ask(self, session: aiohttp.ClientSession, query: str) -> list[dict[str, Any]]:
        try:
            async with session.get(f"{self._prometheus}/api/v1/query", params={"query": query}) as answer:
                content = await answer.json()
            return list(content["data"]["result"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            raise NoFigures(f"Prometheus gave no answer: {error or type(error).__name__}") from error

    async def _show(self, _: web.Request) -> web.Response:
        if self._newest is None:
            return web.json_response({"error": "no report was written"}, status=404)
        return web.json_response(self._newest)


def _number(found: list[dict[str, Any]]) -> float | None:
    value = float(found[0]["value"][1]) if found else math.nan
    return value if math.isfinite(value) else None


async def _well(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _serve(reporter: Reporter, address: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(reporter.application(), access_log=None)
    await runner.setup()
    writing = asyncio.create_task(reporter.run())
    try:
        await web.TCPSite(runner, address, port, reuse_address=True).start()
        await stop.wait()
    finally:
        writing.cancel()
        await runner.cleanup()


def main() -> int:
    """Serve as a pod."""
    prometheus = f"http://{os.environ['PROMETHEUS_SERVICE_HOST']}:{os.environ['PROMETHEUS_SERVICE_PORT']}"
    every_s, suspended = float(os.environ.get("REPORT_EVERY_S", "60")), os.environ.get("SUSPEND") == "true"
    reporter = Reporter(prometheus, every_s=every_s, suspended=suspended)
    asyncio.run(_serve(reporter, os.environ.get("POD_IP", "127.0.0.1"), int(os.environ.get("PORT", str(PORT)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
