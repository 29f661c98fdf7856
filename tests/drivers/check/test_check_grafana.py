"""Grafana as its HTTP API answers, over a real socket: health, dashboards, and what the queries of panels give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.monitor.grafana import grafana_panels
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, secret, shop_of

PROMETHEUS = {"type": "prometheus", "uid": "prom"}
FIVE_MINUTES = {"last": "5 min"}


class Answering:
    """A Grafana of one dashboard; queries give a number where `known` has their expression.

    Attributes:
        panels: of the dashboard. variables: its `templating`. board: the rest of it, in place of `panels` where it is not empty.
        known: expressions that have data.
        asked: bodies of /api/ds/query.
        health: status and content of /api/health.
        token: that requests must have; empty: none.
        url: where it is.
    """

    def __init__(self) -> None:
        self.panels: list[dict[str, Any]] = []
        self.variables: list[dict[str, Any]] = []
        self.board: dict[str, Any] = {}
        self.known: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        self.health: tuple[int, dict[str, str]] = (200, {"commit": "abc", "database": "ok", "version": "12.1.0"})
        self.token = self.url = ""
        self.uids = ["shop"]


class _Handler(Answers, BaseHTTPRequestHandler):
    grafana: Answering

    def do_GET(self) -> None:
        grafana = self.grafana
        path = self.path.partition("?")[0]
        own = grafana.board or {"panels": grafana.panels}
        board = {"uid": "shop", "title": "Shop", "templating": {"list": grafana.variables}, **own}
        library = {"title": "Shared", "datasource": PROMETHEUS, "targets": [{"refId": "A", "expr": "shared"}]}
        answers: dict[str, Any] = {
            "/api/search": [{"uid": uid, "type": "dash-db", "title": "Shop"} for uid in grafana.uids],
            "/api/dashboards/uid/shop": {"dashboard": board, "meta": {}},
            "/api/library-elements/lib": {"result": {"uid": "lib", "model": library}},
            "/api/datasources": [
                {"uid": "logs", "type": "loki", "name": "Logs"},
                {"uid": "main", "type": "prometheus", "name": "Main", "isDefault": True},
            ],
        }
        if path == "/api/health":
            self.say(*grafana.health)
        elif grafana.token and self.headers.get("authorization") != f"Bearer {grafana.token}":
            self.say(401, {"message": "Unauthorized"})
        else:
            self.say(200, answers[path])

    def do_POST(self) -> None:
        body = json.loads(self.sent())
        self.grafana.asked.append(body)
        results: dict[str, Any] = {}
        for query in body["queries"]:
            if "{" in query["expr"] and "}" not in query["expr"]:
                results[query["refId"]] = {"status": 400, "error": "parse error: unexpected end of input"}
                continue
            fields = [{"name": "Time", "type": "time"}, {"name": "Value", "type": "number"}]
            values = [[1700000000000], [1.5 if query["expr"] in self.grafana.known else None]]
            frames = [{"schema": {"refId": query["refId"], "fields": fields}, "data": {"values": values}}]
            results[query["refId"]] = {"status": 200, "frames": [] if query["expr"] == "gone" else frames}
        self.say(400 if any("error" in one for one in results.values()) else 200, {"results": results})


@pytest.fixture
def grafana() -> Iterator[Answering]:
    """One that answers until the test ends."""
    grafana = Answering()
    with serving(type("_Own", (_Handler,), {"grafana": grafana})) as grafana.url:
        yield grafana


@pytest.fixture
def target(grafana: Answering, tmp_path: Path) -> Target:
    """A target that names it, with a token in a file."""
    return shop_of(tmp_path, grafana={"url": f"{grafana.url}/", "token": secret(tmp_path, "token", "glsa_1\n")})


def panel(title: str, *queries: str, **more: Any) -> dict[str, Any]:
    """A panel with these expressions."""
    targets = [{"refId": chr(65 + at), "expr": expr} for at, expr in enumerate(queries)]
    return {"id": 1, "title": title, "type": "timeseries", "datasource": PROMETHEUS, "targets": targets, **more}


def seen(target: Target) -> list[tuple[str, str, bool | None]]:
    """Every fact but those of the health and of how much there is, where these are as they must be."""
    facts = [(one.subject, one.observed, one.ok) for one in grafana_panels(target, FIVE_MINUTES)()]
    assert facts[0] == ("Grafana", "status 200, database ok", True)
    return [one for one in facts[1:] if one[0] not in {"dashboards", "panels with queries"} or not one[2]]


def test_a_panel_has_data_where_a_query_has_a_value(grafana: Answering, target: Target) -> None:
    """A null, no frame and an error are none; a closed row's panels count, a text and a hidden query do not."""
    grafana.known, grafana.token = {"up", "inner"}, "glsa_1"
    hidden = panel("Hidden", "gone", "up")
    hidden["targets"][1]["hide"] = True
    row = {"type": "row", "title": "More", "panels": [panel("Inner", "inner")]}
    grafana.panels = [
        panel("Up", "up", "gone"),
        panel("Missing", "no_such_metric"),
        panel("Silent", "gone"),
        panel("Wrong", "up", "up{"),
        hidden,
        {"type": "text", "title": "Words"},
        row,
    ]
    assert seen(target) == [
        ("Shop, Up", "data of 1 of 2 queries", True),
        ("Shop, Missing", "no data", False),
        ("Shop, Silent", "no data", False),
        ("Shop, Wrong", "query B: parse error: unexpected end of input", False),
        ("Shop, Hidden", "no data", False),
        ("Shop, Inner", "data of 1 of 1 queries", True),
    ]
    assert (grafana.asked[0]["from"], grafana.asked[0]["to"]) == ("now-300s", "now")


def test_a_dashboard_of_rows_is_read_row_by_row(grafana: Answering, target: Target) -> None:
    """As Grafana wrote them before version 5, and as templates still do."""
    grafana.known = {"up"}
    grafana.board = {"rows": [{"title": "One", "panels": [panel("Up", "up")]}, {"panels": [panel("Gone", "gone")]}]}
    assert seen(target) == [("Shop, Up", "data of 1 of 1 queries", True), ("Shop, Gone", "no data", False)]


def test_a_dashboard_of_another_schema_is_not_known(grafana: Answering, target: Target) -> None:
    """One of schema version 2 has `elements`: it is not read, and not passed over."""
    grafana.board = {"elements": {"panel-1": {"kind": "Panel", "spec": {"title": "Up"}}}}
    why = "its panels are not read: it has no `panels`; hint: save it in the classic schema"
    assert seen(target) == [("panels with queries", "0", None), ("Shop", why, None)]


def test_queries_are_asked_with_the_variables_of_the_dashboard(grafana: Answering, target: Target) -> None:
    """As it was saved; what Grafana itself fills in stays, and a data source may be a variable, a name or the default."""
    grafana.variables = [
        {"name": "region", "type": "custom", "current": {"value": ["north", "south"]}},
        {"name": "pod", "type": "query", "current": {"value": ["$__all"]}},
        {"name": "source", "type": "datasource", "current": {"value": "prom"}},
    ]
    query = 'sum(rate(x{region=~"$region", pod=~"${pod:regex}"}[$__rate_interval]))'
    filled = 'sum(rate(x{region=~"north|south", pod=~".+"}[$__rate_interval]))'
    grafana.known = {filled, "a", "b"}
    named = panel("Named", "a", datasource="Main")
    plain = panel("Default", "b", datasource=None)
    grafana.panels = [panel("Of $region", query, datasource={"type": "prometheus", "uid": "${source}"}), named, plain]
    assert [one[2] for one in seen(target)] == [True, True, True]
    assert [one["queries"][0]["datasource"]["uid"] for one in grafana.asked] == ["prom", "main", "main"]


def test_a_variable_without_a_saved_value_decides_nothing(grafana: Answering, target: Target) -> None:
    """Grafana asks its query when the dashboard is opened; a constant and a text have theirs, and other panels are asked."""
    grafana.variables = [
        {"name": "namespace", "type": "query", "query": "label_values(up, namespace)", "current": {}},
        {"name": "job", "type": "constant", "query": "till"},
    ]
    grafana.known = {'up{job="till"}'}
    grafana.panels = [panel("Of one", 'up{namespace="$namespace"}'), panel("Of job", 'up{job="$job"}')]
    why = "the variable `namespace` has no saved value; hint: choose one and save the dashboard with it"
    assert seen(target) == [("Shop, Of one", why, None), ("Shop, Of job", "data of 1 of 1 queries", True)]


@pytest.mark.parametrize(
    ("source", "uid"),
    [
        ({"type": "prometheus"}, "main"),
        ({"type": "prometheus", "uid": "default"}, "main"),
        ({"type": "prometheus", "uid": "${source}"}, "main"),
        ({"type": "loki", "uid": ""}, "logs"),
        ("default", "main"),
        ("logs", "logs"),
        (None, "main"),
    ],
)
def test_a_data_source_without_a_uid_is_the_default_one_of_its_type(
    grafana: Answering, target: Target, source: Any, uid: str
) -> None:
    """As Grafana resolves it: also the value `default` of a variable, and one that was saved without a value."""
    grafana.variables = [
        {"name": "source", "type": "datasource", "query": "prometheus", "current": {"value": "default"}}
    ]
    grafana.known = {"up"}
    grafana.panels = [panel("Up", "up", datasource=source)]
    assert [one[2] for one in seen(target)] == [True]
    assert grafana.asked[0]["queries"][0]["datasource"]["uid"] == uid


def test_a_library_panel_is_read_where_it_is_kept(grafana: Answering, target: Target) -> None:
    """The dashboard has only its name."""
    grafana.known = {"shared"}
    grafana.panels = [{"id": 2, "title": "", "libraryPanel": {"uid": "lib", "name": "Shared"}}]
    assert seen(target) == [("Shop, Shared", "data of 1 of 1 queries", True)]


def test_a_panel_of_another_panels_data_is_not_asked_for(grafana: Answering, target: Target) -> None:
    """Its data are judged where they are asked for; a dashboard of nothing else shows nothing."""
    grafana.panels = [panel("Copy", "", datasource={"type": "datasource", "uid": "-- Dashboard --"})]
    assert seen(target) == [("panels with queries", "0", False)]
    grafana.uids = []
    assert seen(target) == [("dashboards", "0", False), ("panels with queries", "0", False)]


def test_a_grafana_that_is_not_healthy_is_asked_no_more(grafana: Answering, target: Target) -> None:
    """It says so itself."""
    grafana.health = (503, {"database": "failing"})
    facts = grafana_panels(target, FIVE_MINUTES)()
    assert [(one.observed, one.ok) for one in facts] == [("status 503, database failing", False)]


def test_what_cannot_be_asked_says_where_and_why(grafana: Answering, target: Target, tmp_path: Path) -> None:
    """Another token, no Grafana at the address, none in the target file."""
    grafana.token = "glsa_2"
    with pytest.raises(DriverError, match="Grafana answered 401: Unauthorized"):
        grafana_panels(target, FIVE_MINUTES)()
    (tmp_path / "token").write_text("")
    with pytest.raises(ConfigurationError, match="the secret does not exist or is empty"):
        grafana_panels(target, FIVE_MINUTES)()
    with pytest.raises(DriverError, match="Grafana gave no answer"):
        grafana_panels(shop_of(tmp_path, grafana={"url": "http://127.0.0.1:9"}), FIVE_MINUTES)()
    with pytest.raises(ConfigurationError, match="names no Grafana"):
        grafana_panels(shop_of(tmp_path), FIVE_MINUTES)()
