"""The embedded Grafana: its dashboards by the paths of the HTTP API, and frames from a Prometheus of its own, over real sockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from promql_parser import AggregateExpr

from harness import clock
from harness.drivers.check.monitor.grafana import grafana_panels
from harness.targets import load_target
from readiness_sandbox.platform.monitor.grafana import GrafanaApi, dashboards_in
from readiness_sandbox.platform.monitor.promql.query import PromqlQuery, _Evaluation
from readiness_sandbox.platform.monitor.promql.values import Vector, labels_of
from readiness_sandbox.platform.monitor.storage import Storage
from tests.sandbox.monitor.served import prometheus_of, served

SOURCE = {"type": "prometheus", "uid": "prometheus"}


def board(*expressions: str) -> str:
    """A dashboard with one panel for each expression."""
    panels = [
        {"id": at, "title": text, "datasource": SOURCE, "targets": [{"refId": "A", "expr": text}]}
        for at, text in enumerate(expressions, 1)
    ]
    return json.dumps({"uid": "shop", "title": "Shop", "panels": panels})


async def _grafana(stack: AsyncExitStack, directory: Path) -> str:
    """Its URL; Prometheus has half a minute of `up`."""
    storage, now_s = Storage(), clock.wall().timestamp()
    for back in range(30, 0, -1):
        storage.add(labels_of({"__name__": "up", "job": "pods"}), now_s - back, 1.0)
    prometheus = await prometheus_of(storage, stack)
    return await served(GrafanaApi(prometheus, dashboards_in(directory)).application(), stack)


@pytest.mark.parametrize(
    ("expression", "observed", "ok"),
    [
        ("sum(up)", "data of 1 of 1 queries", True),
        ("sum(absent_metric)", "no data", False),
        ("up / 0 - up / 0", "no data", False),
        ("sum(up", "query A: ", False),
    ],
)
def test_the_check_of_panels_reads_it_as_it_reads_grafana(
    tmp_path: Path,
    expression: str,
    observed: str,
    ok: bool,  # noqa: FBT001
) -> None:
    """A number, no series, only NaN, an expression that cannot be parsed."""
    (tmp_path / "shop.json").write_text(board(expression))
    (tmp_path / "broken.json").write_text("{")

    async def facts() -> list[Any]:
        async with AsyncExitStack() as stack:
            url = await _grafana(stack, tmp_path)
            file = tmp_path / "target.yaml"
            file.write_text(f"name: shop\nenvironment: staging\nentry: http://127.0.0.1:1\ngrafana: {{url: '{url}'}}\n")
            return list(await asyncio.to_thread(grafana_panels(load_target(file), {"last": "5 min"})))

    found = asyncio.run(facts())
    *answered, panel = found
    subjects = ("Grafana", "dashboards", "panels with queries")
    assert [(one.subject, one.ok) for one in answered] == [(each, True) for each in subjects]
    assert panel.ok is ok
    assert panel.observed.startswith(observed)


def test_panels_ask_for_the_same_moments_and_what_is_past_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two quantiles of one histogram, a moment apart: its sums at the moments of the past are looked up the second time."""
    storage, now_s, computed = Storage(), clock.wall().timestamp(), list[float]()
    for back in range(120, 0, -1):
        for le in ("1", "+Inf"):
            labels = labels_of({"__name__": "shop_seconds_bucket", "le": le})
            storage.add(labels, now_s - back, float(120 - back))
    grouped = _Evaluation._groups

    def noted(evaluation: _Evaluation, node: AggregateExpr) -> Vector:
        computed.append(evaluation._now_s)
        return grouped(evaluation, node)

    monkeypatch.setattr(_Evaluation, "_groups", noted)

    async def asked() -> list[Any]:
        async with AsyncExitStack() as stack:
            prometheus = await prometheus_of(storage, stack)
            grafana = await served(GrafanaApi(prometheus, {}).application(), stack)
            session = await stack.enter_async_context(ClientSession())
            found = []
            for quantile in ("0.5", "0.9"):
                expr = f"histogram_quantile({quantile}, sum by (le) (rate(shop_seconds_bucket[30s])))"
                queries = [{"refId": "A", "expr": expr, "datasource": SOURCE, "maxDataPoints": 300}]
                body = {"queries": queries, "from": "now-90s", "to": "now"}
                async with session.post(f"{grafana}/api/ds/query", json=body) as answer:
                    (frame,) = (await answer.json())["results"]["A"]["frames"]
                    found.append(frame["data"]["values"])
        return found

    (moments, half), (again, nine) = asyncio.run(asked())
    assert {moment % 15_000 for moment in (*moments, *again)} == {0}
    assert half[0] == pytest.approx(0.5)
    assert nine[0] == pytest.approx(0.9)
    past = [at_s for at_s in computed if at_s < now_s - 20]
    assert len(past) == len({*past}) >= 3


def test_a_long_query_leaves_as_much_time_to_scrapes_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each point takes 60 ms of the processor: the pauses between the points are as long together."""
    paused, storage = list[float](), Storage()

    def busy(_query: object, *_: object) -> float:
        until_s = clock.now_s() + 0.06
        while clock.now_s() < until_s:
            pass
        return 1.0

    async def pause(seconds: float) -> None:
        if seconds:
            paused.append(seconds)

    async def asked() -> int:
        async with AsyncExitStack() as stack:
            prometheus = await prometheus_of(storage, stack)
            session = await stack.enter_async_context(ClientSession())
            monkeypatch.setattr("readiness_sandbox.platform.monitor.api.asyncio.sleep", pause)
            given = {"query": "vector(1)", "start": "0", "end": "5", "step": "1"}
            async with session.get(f"{prometheus}/api/v1/query_range", params=given) as answer:
                return answer.status

    monkeypatch.setattr(PromqlQuery, "at", busy)
    assert asyncio.run(asked()) == 200
    assert len(paused) == 5
    assert min(paused) >= 0.059


def test_what_is_not_there_is_answered_as_grafana_does(tmp_path: Path) -> None:
    """An unknown dashboard, a body that is none, another data source, and a second page."""
    (tmp_path / "shop.json").write_text(board("up"))

    async def asked() -> list[Any]:
        async with AsyncExitStack() as stack, ClientSession() as session:
            url = await _grafana(stack, tmp_path)
            other = {"refId": "A", "expr": "up", "datasource": {"uid": "logs"}}
            found: list[Any] = []
            for method, path, body in (
                ("GET", "/api/dashboards/uid/none", None),
                ("POST", "/api/ds/query", {"queries": []}),
                ("POST", "/api/ds/query", {"from": "now-1m", "to": "now", "queries": [other]}),
                ("GET", "/api/search?type=dash-db&limit=1&page=2", None),
            ):
                async with session.request(method, url + path, json=body) as answer:
                    found.append((answer.status, await answer.json()))
            return found

    unknown, bad, elsewhere, page = asyncio.run(asked())
    assert unknown == (404, {"message": "Dashboard not found"})
    assert bad == (400, {"message": "bad request data"})
    assert elsewhere == (400, {"results": {"A": {"status": 404, "error": "data source not found"}}})
    assert page == (200, [])
