"""k6's summary: the object that `handleSummary` is given, or the file of `--summary-export`.

Source: https://grafana.com/docs/k6/latest/results-output/end-of-test/custom-summary/ and
https://grafana.com/docs/k6/latest/results-output/end-of-test/. Times are in ms, whatever `summaryTimeUnit` says. `passes` of
`http_req_failed` counts the failed requests. k6 takes a percentile between the two ranks around it. What
`--new-machine-readable-summary` writes is another format, which is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.load.fields import count_at, number_at, object_at
from harness.drivers.ingest.load.protocol import ALL, LoadFormat, LoadRemarks, LoadSummary, RouteSummary, stated
from harness.drivers.ingest.load.stream import ReportStream
from harness.errors import DriverError

_STATISTIC: Final = re.compile(r"p\(([0-9]{1,2}(?:\.[0-9]{1,6})?|100)\)")
_NAMED: Final = {"min": 0.0, "med": 0.5, "max": 1.0}
_ROUTE: Final = re.compile(r"http_req_duration\{name:(.+)\}")
_HINT: Final = "write `JSON.stringify(data)` in `handleSummary`, or run `k6 run --summary-export=FILE`"
_SAME: Final = 1e-6
"""Largest difference of a rate that is stated and computed."""


def summary(source: ReportStream, remarks: LoadRemarks) -> LoadSummary:
    """The figures of all requests, and of each route with a sub-metric `{name:ROUTE}` that has its counts."""
    value, where = source.json(), source.where
    if isinstance(value, dict) and "metrics" not in value and "results" in value:
        hint = "run k6 without `--new-machine-readable-summary`, or let it write single requests with `--out json=FILE`"
        raise DriverError("is k6's machine-readable summary, another format", where=where, hint=hint)
    metrics = object_at(value, "metrics", where)
    if "dropped_iterations" in metrics:
        remarks.dropped += count_at(_values(metrics, "dropped_iterations", where), "count", where)
    remarks.notes += _crossed(metrics)
    whole = _route(metrics, ALL, "", where)
    names = [found[1] for metric in metrics if (found := _ROUTE.fullmatch(metric))]
    routes = [_route(metrics, name, f"{{name:{name}}}", where) for name in names if _has_counts(metrics, name)]
    return LoadSummary(routes=(whole, *routes), seconds=_seconds(value, metrics, whole.n, where))


def _has_counts(metrics: Mapping[str, Any], name: str) -> bool:
    return {f"http_reqs{{name:{name}}}", f"http_req_failed{{name:{name}}}"} <= metrics.keys()


def _route(metrics: Mapping[str, Any], name: str, tag: str, where: str) -> RouteSummary:
    n = count_at(_values(metrics, f"http_reqs{tag}", where), "count", where)
    failed = _failed(metrics, f"http_req_failed{tag}", n, where)
    trend = _values(metrics, f"http_req_duration{tag}", where)
    if "count" in trend and count_at(trend, "count", where) != n:
        raise DriverError(f"`http_req_duration{tag}` has another count than `http_reqs{tag}`", where=where, hint=_HINT)
    numbers = {key: number_at(trend, key, f"{where}: http_req_duration{tag}") for key in trend if _quantile(key) >= 0}
    times = {_quantile(key): ms for key, ms in numbers.items()} if n else {}
    mean = number_at(trend, "avg", f"{where}: http_req_duration{tag}") if n and "avg" in trend else None
    _require_order(times, f"{where}: http_req_duration{tag}")
    return RouteSummary(name=name, n=n, failed=failed, timed=n, times=tuple(stated(times, n, _ranks)), mean_ms=mean)


def _ranks(quantile: float, n: int) -> tuple[float, float]:
    """k6 interpolates between the ranks around q (n - 1), counted from 0."""
    at = math.floor(quantile * (n - 1))
    return at + 1, at + 2


def _quantile(key: str) -> float:
    """The quantile of a statistic of a trend; -1: it is another statistic."""
    found = _STATISTIC.fullmatch(key)
    return float(found[1]) / 100 if found else _NAMED.get(key, -1.0)


def _require_order(times: Mapping[float, float], where: str) -> None:
    ordered = [ms for _, ms in sorted(times.items())]
    if ordered != sorted(ordered):
        raise DriverError("a higher percentile is below a lower one", where=where, hint=_HINT)


def _failed(metrics: Mapping[str, Any], metric: str, n: int, where: str) -> int:
    rate, place = _values(metrics, metric, where), f"{where}: {metric}"
    failed, good = count_at(rate, "passes", place), count_at(rate, "fails", place)
    share = number_at(rate, "rate" if "rate" in rate else "value", place)
    if failed + good != n or (n and abs(share - failed / n) > _SAME):
        what = f"counts {failed} and {good} requests and a share of {share:g}, `http_reqs` counts {n}"
        raise DriverError(f"contradicts itself: `{metric}` {what}", where=where, hint=_HINT)
    return failed


def _values(metrics: Mapping[str, Any], metric: str, where: str) -> Mapping[str, Any]:
    """The values of a metric, which are in `values` in `handleSummary` and beside the thresholds in `--summary-export`."""
    own = object_at(metrics, metric, f"{where}: metrics")
    return object_at(own, "values", f"{where}: {metric}") if "values" in own else own


def _seconds(value: Mapping[str, Any], metrics: Mapping[str, Any], n: int, where: str) -> float | None:
    """Length of the test: as k6 states it, else from its rate of requests."""
    if isinstance(value.get("state"), dict) and "testRunDurationMs" in value["state"]:
        return number_at(value["state"], "testRunDurationMs", f"{where}: state") / 1000
    rate = number_at(_values(metrics, "http_reqs", where), "rate", f"{where}: http_reqs")
    return n / rate if rate else None


def _crossed(metrics: Mapping[str, Any]) -> Iterator[str]:
    """k6's own thresholds that were crossed: `{"ok": false}` in `handleSummary`, `true` in `--summary-export`."""
    for metric, own in metrics.items():
        thresholds = own.get("thresholds") if isinstance(own, dict) else None
        for text, state in thresholds.items() if isinstance(thresholds, dict) else ():
            if state is True or (isinstance(state, dict) and state.get("ok") is False):
                yield f"k6's own threshold {shown(f'{metric}: {text}')} was crossed"


def _recognises(head: bytes) -> bool:
    return (
        head.lstrip().startswith(b"{")
        and b'"Point"' not in head
        and (
            b'"http_reqs"' in head
            or b'"root_group"' in head
            or b'"http_req_' in head
            or b'"iteration_duration"' in head
        )
    )


K6_SUMMARY: Final = LoadFormat(tool="k6", what="k6's summary", recognises=_recognises, summary=summary)
