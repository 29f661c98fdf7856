"""metrics: what a server of the cache has counted and timed of its commands, for Prometheus, beside the server in its pod.

The series have the names and labels of redis_exporter: https://github.com/oliver006/redis_exporter
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from ..kit.settings import PodSettings  # noqa: TID252 - of the platform
from .wire import CacheLink, CacheLost, CacheRefused

SERVER_PORT: Final = 6379
_CALLS, _TIMES = "cmdstat_", "latency_percentiles_usec_"


class CacheExporter:
    """Asks the server at each scrape.

    Args:
        address: of the server, which is that of the pod.
        password: of the default user.
    """

    def __init__(self, address: str, password: str) -> None:
        self._address = address
        self._password = password

    async def metrics(self, _: web.Request) -> web.Response:
        """The series; of a server that does not answer, only that it is down."""
        try:
            link = await CacheLink.opened(self._address, SERVER_PORT, self._password)
            try:
                info = await link.ask("INFO", "commandstats", "latencystats")
            finally:
                link.close()
        except (CacheLost, CacheRefused):
            info = None
        up = "# TYPE redis_up gauge\nredis_up "
        text = f"{up}1\n{exposition(info.decode())}" if isinstance(info, bytes) else f"{up}0\n"
        return web.Response(text=text, headers={"content-type": "text/plain; version=0.0.4; charset=utf-8"})


def exposition(info: str) -> str:
    """The lines of `INFO commandstats latencystats` as series."""
    lines = [line.partition(":") for line in info.splitlines()]
    calls = [series for key, _, values in lines if key.startswith(_CALLS) for series in _counts(key, values)]
    times = [series for key, _, values in lines if key.startswith(_TIMES) for series in _quantiles(key, values)]
    head = "# TYPE redis_commands_total counter\n", "# TYPE redis_latency_percentiles_usec summary\n"
    return "".join((head[0], *calls, head[1], *times))


def _counts(key: str, values: str) -> Iterator[str]:
    counted = dict(each.split("=") for each in values.split(","))
    yield f'redis_commands_total{{cmd="{key.removeprefix(_CALLS)}"}} {counted["calls"]}\n'


def _quantiles(key: str, values: str) -> Iterator[str]:
    command = key.removeprefix(_TIMES)
    for name, value in (each.split("=") for each in values.split(",")):
        yield f'redis_latency_percentiles_usec{{cmd="{command}",quantile="{name.removeprefix("p")}"}} {value}\n'


def main() -> None:
    """Serve until the pod ends."""
    settings = PodSettings.from_env("metrics")
    exporter = CacheExporter(settings.address, os.environ["CACHE_PASSWORD"])
    app = web.Application()
    app.add_routes([web.get("/metrics", exporter.metrics)])
    web.run_app(app, host=settings.address, port=settings.port, print=None, access_log=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
