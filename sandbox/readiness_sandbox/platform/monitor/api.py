"""Prometheus' HTTP API, version 1: the shapes and errors of the real one.

Source: prometheus/prometheus web/api/v1/api.go, docs/querying/api.md.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import promql_parser as grammar
from aiohttp import web

from .moments import rfc3339, seconds_of
from .promql import PromqlError, PromqlQuery, QueryError, Value
from .promql.query import LOOKBACK_S, PastVectors, matchers_of
from .promql.values import Labels, Range, Sample
from .rules.alerting import ActiveAlert, Group, RuleState
from .rules.templates import float_text
from .scrape.scraping import Scraper, ScrapeTarget
from .storage import Storage, StoredSeries

VERSION: Final = "3.0.0-embedded"
MOST_POINTS: Final = 11_000
_AT_ONCE_S: Final = 0.05
"""After so long at the points of a range, as long is left to scrapes, rules and what else is asked: a dashboard must not stop them."""
_KNOWN_QUERIES: Final = 512
_PAST_S: Final = 15.0
"""No scrape that began so long ago adds samples any more."""
_KNOWN_VECTORS: Final = 500
_STATUS: Final = {"bad_data": 400, "execution": 422, "not_found": 404}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiError(Exception):
    """A request cannot be served; `kind` is the API's `errorType`."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind = kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Monitored:
    """What the API shows."""

    storage: Storage
    groups: tuple[Group, ...]
    scraper: Scraper


def application(monitored: Monitored) -> web.Application:
    """The API, and the paths that probes ask."""
    app = web.Application(middlewares=[_enveloped])
    api = Api(monitored)
    both = {"/query": api.query, "/query_range": api.query_range, "/series": api.series, "/labels": api.labels}
    routes = [route for path, handler in both.items() for route in (web.get(path, handler), web.post(path, handler))]
    routes += [
        web.get("/label/{name}/values", api.label_values),
        web.get("/rules", api.rules),
        web.get("/alerts", api.alerts),
        web.get("/targets", api.targets),
        web.get("/status/buildinfo", api.buildinfo),
        web.get("/status/runtimeinfo", api.runtimeinfo),
    ]
    app.add_routes([web.RouteDef(one.method, f"/api/v1{one.path}", one.handler, one.kwargs) for one in routes])
    app.add_routes([web.get(path, _well) for path in ("/-/ready", "/-/healthy")])
    return app


async def _well(_: web.Request) -> web.Response:
    return web.Response(text="Prometheus Server is Ready.\n")


@web.middleware
async def _enveloped(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors of the API in its envelope."""
    try:
        return await handler(request)
    except ApiError as error:
        kind, what = error.kind, str(error)
    except PromqlError as error:
        kind, what = "bad_data", f'invalid parameter "query": {error}'
    except QueryError as error:
        kind, what = "execution", str(error)
    return _json({"status": "error", "errorType": kind, "error": what}, _STATUS[kind])


def _json(content: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(content), status=status, content_type="application/json")


def _success(data: object) -> web.Response:
    return _json({"status": "success", "data": data})


class Api:
    """The handlers."""

    def __init__(self, monitored: Monitored) -> None:
        self._storage = monitored.storage
        self._groups = monitored.groups
        self._scraper = monitored.scraper
        self._past: PastVectors = {}
        self._started = rfc3339(time.time())

    async def query(self, request: web.Request) -> web.Response:
        """`/query`: a value at one moment."""
        given = await _parameters(request)
        at_s = _moment(given, "time", time.time())
        query = _query(given)
        value = query.at(self._storage, at_s)
        return _success({"resultType": "matrix" if query.is_range else _type_of(value), "result": _result(value, at_s)})

    async def query_range(self, request: web.Request) -> web.Response:
        """`/query_range`: values at equal steps; what else is asked meanwhile is answered between them."""
        given = await _parameters(request)
        start_s, end_s, step_s = _moment(given, "start"), _moment(given, "end"), _step(given)
        if end_s < start_s:
            raise ApiError("bad_data", 'invalid parameter "end": end timestamp must not be before start time')
        if (end_s - start_s) / step_s > MOST_POINTS:
            what = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
            raise ApiError("bad_data", what)
        query, found, began_s = _query(given), dict[Labels, list[list[object]]](), time.perf_counter()
        for index in range(int((end_s - start_s) / step_s + 1e-9) + 1):
            at_s = start_s + index * step_s
            if (took_s := time.perf_counter() - began_s) > _AT_ONCE_S:
                await asyncio.sleep(took_s)
                began_s = time.perf_counter()
            if len(self._past) > _KNOWN_VECTORS:
                self._past.clear()
            past = self._past if at_s < time.time() - _PAST_S else None
            for labels, value in _elements(query.at(self._storage, at_s, past)):
                found.setdefault(labels, []).append(_point(at_s, value))
        matrix = [{"metric": dict(labels), "values": points} for labels, points in sorted(found.items())]
        return _success({"resultType": "matrix", "result": matrix})

    async def series(self, request: web.Request) -> web.Response:
        """`/series`: the label sets that selectors find."""
        given = await _parameters(request)
        if not given.get("match[]"):
            raise ApiError("bad_data", "no match[] parameter provided")
        return _success([dict(one.labels) for one in self._matched(given)])

    async def labels(self, request: web.Request) -> web.Response:
        """`/labels`: all names."""
        given = await _parameters(request)
        return _success(sorted({name for one in self._matched(given) for name, _ in one.labels}))

    async def label_values(self, request: web.Request) -> web.Response:
        """`/label/NAME/values`: all values of a name."""
        given, name = await _parameters(request), request.match_info["name"]
        return _success(sorted({value for one in self._matched(given) for each, value in one.labels if each == name}))

    def _matched(self, given: Mapping[str, list[str]]) -> list[StoredSeries]:
        start_s, end_s = _moment(given, "start", 0.0), _moment(given, "end", time.time())
        found: dict[Labels, StoredSeries] = {}
        for text in given.get("match[]") or ['{__name__=~".+"}']:
            try:
                selector = grammar.parse(text)
            except ValueError as error:
                raise ApiError("bad_data", f'invalid parameter "match[]": parse error: {error}') from None
            if not isinstance(selector, grammar.VectorSelector):
                raise ApiError("bad_data", f'invalid parameter "match[]": {text} is not a selector')
            found |= {one.labels: one for one in self._storage.select(matchers_of(selector))}
        return [one for one in found.values() if any(start_s <= at_s <= end_s for at_s in reversed(one.times_s))]

    async def rules(self, request: web.Request) -> web.Response:
        """`/rules`: groups, rules, their health and their alerts."""
        given = await _parameters(request)
        kind, names = (given.get("type") or [""])[0], given.get("rule_name[]")
        if kind not in ("", "alert", "record"):
            raise ApiError("bad_data", f'invalid parameter "type": not supported value "{kind}"')
        groups = []
        for group in self._groups:
            states = [
                state
                for state in group.states
                if (not kind or state.rule.alerting is (kind == "alert")) and (not names or state.rule.name in names)
            ]
            if states and group.group.name in (given.get("rule_group[]") or [group.group.name]):
                groups.append(_group(group, states))
        return _success({"groups": groups})

    async def alerts(self, _: web.Request) -> web.Response:
        """`/alerts`: all that are pending or firing."""
        states = (state for group in self._groups for state in group.states)
        return _success({"alerts": [_alert(alert) for state in states for alert in state.alerts]})

    async def targets(self, request: web.Request) -> web.Response:
        """`/targets`: what is scraped and how it went, and what relabelling dropped."""
        state = (await _parameters(request)).get("state", ["any"])[0]
        active = [_target(one) for one in self._scraper.targets] if state != "dropped" else []
        dropped = [{"discoveredLabels": one} for one in self._scraper.dropped] if state != "active" else []
        return _success({"activeTargets": active, "droppedTargets": dropped})

    async def buildinfo(self, _: web.Request) -> web.Response:
        """`/status/buildinfo`."""
        keys = ("revision", "branch", "buildUser", "buildDate", "goVersion")
        return _success({"version": VERSION, **dict.fromkeys(keys, "")})

    async def runtimeinfo(self, _: web.Request) -> web.Response:
        """`/status/runtimeinfo`: what there is of it here. After a new start the storage begins anew."""
        kept = f"{self._storage.retention_s:.0f}s"
        return _success({"startTime": self._started, "reloadConfigSuccess": True, "storageRetention": kept})


async def _parameters(request: web.Request) -> dict[str, list[str]]:
    """Of the query and of the form."""
    given = list(request.query.items())
    if request.method == "POST":
        given += [(name, str(value)) for name, value in (await request.post()).items()]
    found: dict[str, list[str]] = {}
    for name, value in given:
        found.setdefault(name, []).append(value)
    return found


def _query(given: Mapping[str, list[str]]) -> PromqlQuery:
    """The expression, and the range before its moment that it reads."""
    text = _one(given, "lookback_delta")
    return _parsed(_one(given, "query"), _seconds("lookback_delta", text) if text else LOOKBACK_S)


@lru_cache(maxsize=_KNOWN_QUERIES)
def _parsed(text: str, lookback_s: float) -> PromqlQuery:
    """The expression; AnalysisRuns and rules of dashboards ask for the same ones again and again."""
    return PromqlQuery(text, lookback_s=lookback_s)


def _one(given: Mapping[str, list[str]], name: str) -> str:
    return (given.get(name) or [""])[0]


def _moment(given: Mapping[str, list[str]], name: str, default: float | None = None) -> float:
    text = _one(given, name)
    if not text and default is not None:
        return default
    try:
        at_s = float(text)
    except ValueError:
        try:
            at_s = datetime.fromisoformat(text).timestamp()
        except ValueError:
            at_s = math.nan
    if not math.isfinite(at_s):
        raise ApiError("bad_data", f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp')
    return at_s


def _seconds(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        try:
            return seconds_of(text)
        except ValueError:
            what = f'invalid parameter "{name}": cannot parse "{text}" to a valid duration'
            raise ApiError("bad_data", what) from None


def _step(given: Mapping[str, list[str]]) -> float:
    step_s = _seconds("step", _one(given, "step"))
    if not 0 < step_s < math.inf:
        what = "zero or negative query resolution step widths are not accepted. Try a positive integer"
        raise ApiError("bad_data", f'invalid parameter "step": {what}')
    return step_s


def _point(at_s: float, value: float) -> list[object]:
    return [round(at_s, 3), float_text(value)]


def _type_of(value: Value) -> str:
    if isinstance(value, float):
        return "scalar"
    if isinstance(value, str):
        return "string"
    return "matrix" if value and isinstance(value[0], Range) else "vector"


def _result(value: Value, at_s: float) -> list[Any]:
    if isinstance(value, float):
        return _point(at_s, value)
    if isinstance(value, str):
        return [round(at_s, 3), value]
    return [_element(one, at_s) for one in value]


def _element(one: Sample | Range, at_s: float) -> dict[str, object]:
    if isinstance(one, Range):
        points = [_point(at, value) for at, value in zip(one.times_s, one.values, strict=True)]
        return {"metric": dict(one.labels), "values": points}
    return {"metric": dict(one.labels), "value": _point(at_s, one.value)}


def _elements(value: Value) -> Iterable[Sample]:
    if isinstance(value, float):
        return [Sample((), value)]
    if isinstance(value, str) or _type_of(value) == "matrix":
        what = 'invalid parameter "query": invalid expression type for range query, must be Scalar or instant Vector'
        raise ApiError("bad_data", what)
    return [one for one in value if isinstance(one, Sample)]


def _group(group: Group, states: Iterable[RuleState]) -> dict[str, object]:
    return {
        "name": group.group.name,
        "file": group.group.file,
        "rules": [_rule(state) for state in states],
        "interval": group.group.interval_s,
        "limit": group.group.limit,
        "evaluationTime": group.seconds,
        "lastEvaluation": rfc3339(group.at_s),
    }


def _rule(state: RuleState) -> dict[str, object]:
    rule = state.rule
    health = "unknown" if state.at_s is None else ("err" if state.error else "ok")
    common = {
        "name": rule.name,
        "query": rule.query.text,
        "labels": dict(rule.labels),
        "health": health,
        **({"lastError": state.error} if state.error else {}),
        "evaluationTime": state.seconds,
        "lastEvaluation": rfc3339(state.at_s),
    }
    if not rule.alerting:
        return {**common, "type": "recording"}
    return {
        **common,
        "type": "alerting",
        "state": state.state,
        "duration": rule.for_s,
        "keepFiringFor": rule.keep_s,
        "annotations": dict(rule.annotations),
        "alerts": [_alert(alert) for alert in state.alerts],
    }


def _alert(alert: ActiveAlert) -> dict[str, object]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "activeAt": rfc3339(alert.active_s),
        **({"keepFiringSince": rfc3339(alert.kept_s)} if alert.kept_s else {}),
        "value": _exponent(alert.value),
    }


def _exponent(value: float) -> str:
    """The shortest text with an exponent for a number: Go's `FormatFloat(value, 'e', -1)`."""
    if not math.isfinite(value):
        return float_text(value)
    texts = (f"{value:.{digits}e}" for digits in range(17))
    return next((text for text in texts if float(text) == value), f"{value:.17e}")


def _target(target: ScrapeTarget) -> dict[str, object]:
    return {
        "discoveredLabels": dict(target.discovered),
        "labels": dict(target.labels),
        "scrapePool": target.job.name,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": target.error,
        "lastScrape": rfc3339(target.at_s),
        "lastScrapeDuration": target.seconds,
        "health": target.health,
        "scrapeInterval": f"{target.job.interval_s:g}s",
        "scrapeTimeout": f"{target.job.timeout_s:g}s",
    }
