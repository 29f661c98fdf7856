"""alertmanager: accepts alerts, groups them, and sends notices to webhooks.

API and payload are Alertmanager's own.

python -m monitor.alertmanager /etc/alertmanager/alertmanager.yml
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from aiohttp import web

from .grouping import Dispatcher, HeldAlert, Route, RouteRefused, read_route
from .matchers import matchers_of
from .moments import rfc3339
from .variables import effective

PORT: Final = 9093
VERSION: Final = "0.27.0-embedded"
_TICK_S: Final = 0.1
_TIMEOUT_S: Final = 5.0
_ATTEMPTS: Final = 5
_AGAIN_S: Final = 0.5


class Alertmanager:
    """One of them."""

    def __init__(self, route: Route, config: str = "") -> None:
        self._route = route
        self._config = config
        self._dispatcher = Dispatcher(route)
        self._sending: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """The API, and the paths that probes ask."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/api/v2/alerts", self._take),
                web.get("/api/v2/alerts", self._list),
                web.get("/api/v2/status", self._status),
                web.get("/api/v2/silences", _none),
                *(web.get(path, _well) for path in ("/-/ready", "/-/healthy")),
            ]
        )
        return app

    async def _take(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            why = f'unsupported media type "{request.content_type}", only [application/json] are allowed'
            return web.json_response({"code": 415, "message": why}, status=415)
        try:
            posted = json.loads(await request.read())
            self._dispatcher.take(posted, time.time())
        except (ValueError, AttributeError) as error:
            return web.json_response({"code": 400, "message": str(error)}, status=400)
        return web.Response()

    async def _list(self, request: web.Request) -> web.Response:
        """Every alert that fires and matches each `filter`; all are active, as nothing silences or inhibits one."""
        try:
            tests = matchers_of(request.query.getall("filter", []))
        except ValueError as error:
            return web.json_response(str(error), status=400)
        now_s, active = time.time(), request.query.get("active", "true") == "true"
        shown = [one for one in self._dispatcher.alerts if active and one.firing(now_s)]
        return web.json_response([self._shown(one) for one in shown if all(test(dict(one.labels)) for test in tests)])

    def _shown(self, alert: HeldAlert) -> dict[str, Any]:
        return {
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "startsAt": rfc3339(alert.starts_s),
            "endsAt": rfc3339(alert.ends_s),
            "updatedAt": rfc3339(alert.starts_s),
            "generatorURL": alert.url,
            "fingerprint": alert.fingerprint,
            "receivers": [{"name": self._route.receiver}],
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
        }

    async def _status(self, _: web.Request) -> web.Response:
        config = {"original": self._config}
        return web.json_response(
            {"versionInfo": {"version": VERSION}, "cluster": {"status": "disabled"}, "config": config}
        )

    async def run(self) -> None:
        """Send what is due, for ever."""
        async with aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session:
            while True:
                for notice in self._dispatcher.due(time.time()):
                    for url in self._route.urls:
                        task = asyncio.create_task(_sent(session, url, notice))
                        self._sending.add(task)
                        task.add_done_callback(self._sending.discard)
                await asyncio.sleep(_TICK_S)

    async def serve(self, address: str, port: int) -> None:
        """Until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        runner = web.AppRunner(self.application(), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, address, port, reuse_address=True).start()
            running = asyncio.create_task(self.run())
            await stop.wait()
            running.cancel()
        finally:
            await runner.cleanup()


async def _sent(session: aiohttp.ClientSession, url: str, notice: dict[str, Any]) -> None:
    """Post a notice; retried while the receiver does not answer, or answers 5xx."""
    for attempt in range(_ATTEMPTS):
        try:
            async with session.post(url, json=notice) as response:
                if response.status < 500:
                    return
                why = f"status {response.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            why = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"notice for {url} not taken, attempt {attempt + 1}: {why}\n")
        await asyncio.sleep(_AGAIN_S * 2**attempt)


async def _none(_: web.Request) -> web.Response:
    return web.json_response([])


async def _well(_: web.Request) -> web.Response:
    return web.Response(text="OK")


def main(arguments: list[str]) -> int:
    """Serve as a pod."""
    try:
        config = effective(Path(arguments[0]), Path.cwd(), {}).read_text("utf-8")
        route = read_route(yaml.safe_load(config))
    except RouteRefused as error:
        sys.stderr.write(f"alertmanager: {error}\n")
        return 2
    address, port = os.environ.get("POD_IP", "127.0.0.1"), int(os.environ.get("PORT", str(PORT)))
    asyncio.run(Alertmanager(route, config).serve(address, port))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
