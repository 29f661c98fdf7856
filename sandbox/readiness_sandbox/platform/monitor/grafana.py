"""grafana: dashboards over Prometheus, by the paths of Grafana's HTTP API that read them; anonymous visitors are viewers.

    python -m monitor.grafana /etc/grafana/dashboards

GET  /api/health                 {"database": "ok", "version", "commit"}
GET  /api/search?type=dash-db    the dashboards
GET  /api/dashboards/uid/UID     {"dashboard", "meta"}; 404 where there is none
GET  /api/datasources            the one data source, Prometheus
POST /api/ds/query               data frames of the queries of a panel, each by its `refId`

Source: grafana.com/docs/grafana/latest/developers/http_api; the form of frames: grafana-plugin-sdk-go, data/frame_json.go.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from .moments import seconds_of
from .serving import serve

PORT: Final = 3000
WITHIN_S: Final = 30.0
"""How long a data source may take: the default `timeout` of the section `dataproxy`."""
SOURCE: Final = {"uid": "prometheus", "name": "Prometheus", "type": "prometheus", "isDefault": True}
LEAST_STEP_S: Final = 15.0
"""Smallest step of a query: a Prometheus data source has one, by default this."""
_AGO: Final = re.compile(r"now(?:-(.+))?")
_POINTS: Final = 100
_UNKNOWN: Final = 404


def dashboards_in(directory: Path) -> dict[str, dict[str, Any]]:
    """The dashboards of the files of a directory, by uid; a file that cannot be read is left out and reported."""
    found = {}
    for file in sorted(directory.glob("*.json")):
        try:
            board = json.loads(file.read_text("utf-8"))
            found[str(board["uid"])] = board
        except (ValueError, KeyError, TypeError) as error:
            sys.stderr.write(f"{file.name} cannot be read as a dashboard: {type(error).__name__}: {error}\n")
    return found


class GrafanaApi:
    """What it answers.

    Args:
        prometheus: URL of the data source.
        dashboards: by uid.
    """

    def __init__(self, prometheus: str, dashboards: Mapping[str, dict[str, Any]]) -> None:
        self._prometheus = prometheus
        self._dashboards = dashboards

    def application(self) -> web.Application:
        """The API."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/health", self._health),
                web.get("/api/search", self._search),
                web.get("/api/dashboards/uid/{uid}", self._dashboard),
                web.get("/api/datasources", self._sources),
                web.post("/api/ds/query", self._query),
            ]
        )
        return app

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"commit": "embedded", "database": "ok", "version": "12.0.0-embedded"})

    async def _search(self, request: web.Request) -> web.Response:
        asked = request.query.get("type", "dash-db")
        limit, page = (int(request.query.get(key, default)) for key, default in (("limit", "1000"), ("page", "1")))
        found = [
            {"uid": uid, "title": board.get("title", ""), "type": "dash-db", "tags": board.get("tags", [])}
            for uid, board in self._dashboards.items()
        ]
        return web.json_response(found[(page - 1) * limit : page * limit] if asked == "dash-db" else [])

    async def _dashboard(self, request: web.Request) -> web.Response:
        board = self._dashboards.get(request.match_info["uid"])
        if board is None:
            return web.json_response({"message": "Dashboard not found"}, status=_UNKNOWN)
        return web.json_response({"dashboard": board, "meta": {"type": "db", "canSave": False}})

    async def _sources(self, _: web.Request) -> web.Response:
        return web.json_response([SOURCE])

    async def _query(self, request: web.Request) -> web.Response:
        """Every query by itself; a query that fails has its error in its own result, and the answer is 400 if all failed."""
        try:
            body = json.loads(await request.read())
            span = _moment(body["from"]), _moment(body["to"])
            queries = {str(one["refId"]): one for one in body["queries"] if not one.get("hide")}
        except (ValueError, KeyError, TypeError):
            return web.json_response({"message": "bad request data"}, status=400)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S), trust_env=False) as session:
            results = {name: await self._result(session, name, one, span) for name, one in queries.items()}
        failed = bool(results) and all("error" in one for one in results.values())
        return web.json_response({"results": results}, status=400 if failed else 200)

    async def _result(
        self, session: aiohttp.ClientSession, name: str, query: Mapping[str, Any], span: tuple[float, float]
    ) -> dict[str, Any]:
        source = query.get("datasource") or {}
        if source.get("uid", SOURCE["uid"]) != SOURCE["uid"]:
            return {"status": _UNKNOWN, "error": "data source not found"}
        points = int(query.get("maxDataPoints") or _POINTS)
        interval_s = float(query.get("intervalMs") or 1000) / 1000
        step_s = max(interval_s, (span[1] - span[0]) / points, LEAST_STEP_S)
        start_s, end_s = (
            moment // step_s * step_s for moment in span
        )  # as pkg/promlib of Grafana: all panels ask for the same moments
        given = {"query": str(query.get("expr", "")), "start": start_s, "end": end_s, "step": step_s}
        try:
            async with session.post(f"{self._prometheus}/api/v1/query_range", data=given) as answer:
                content = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return {"status": 502, "error": f"Prometheus gave no answer: {error or type(error).__name__}"}
        if content.get("status") != "success":
            return {"status": answer.status, "error": str(content.get("error", "no reason given"))}
        return {"status": 200, "frames": [_frame(name, one) for one in content["data"]["result"]]}


def _frame(name: str, series: Mapping[str, Any]) -> dict[str, Any]:
    """A series as a frame of two fields; a number that JSON has not (NaN, Inf) is null."""
    fields = [
        {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}},
        {"name": "Value", "type": "number", "typeInfo": {"frame": "float64"}, "labels": series["metric"]},
    ]
    times = [round(float(at) * 1000) for at, _ in series["values"]]
    values = [_number(value) for _, value in series["values"]]
    return {"schema": {"refId": name, "fields": fields}, "data": {"values": [times, values]}}


def _number(text: str) -> float | None:
    value = float(text)
    return value if abs(value) < float("inf") else None


def _moment(text: object) -> float:
    """Seconds since 1970 of `now`, `now-5m` or milliseconds since 1970.

    Raises:
        ValueError: the text has another form.
    """
    ago = _AGO.fullmatch(str(text))
    if ago is None:
        return float(str(text)) / 1000
    return time.time() - (seconds_of(ago[1]) if ago[1] else 0.0)


def main(arguments: list[str]) -> int:
    """Serve as a pod."""
    prometheus = f"http://{os.environ['PROMETHEUS_SERVICE_HOST']}:{os.environ['PROMETHEUS_SERVICE_PORT']}"
    dashboards = dashboards_in(Path(arguments[0]))
    if metric := os.environ.get("DEFECT_PANEL"):  # a dashboard made by hand, whose metric nothing exposes
        panel = {"id": 1, "title": metric, "datasource": SOURCE, "targets": [{"refId": "A", "expr": f"sum({metric})"}]}
        dashboards["by-hand"] = {"uid": "by-hand", "title": "By hand", "panels": [panel]}
    grafana = GrafanaApi(prometheus, dashboards)
    asyncio.run(
        serve(grafana.application(), os.environ.get("POD_IP", "127.0.0.1"), int(os.environ.get("PORT", str(PORT))))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
