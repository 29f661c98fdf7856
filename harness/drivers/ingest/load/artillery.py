"""Artillery's report of version 2, as `artillery run --output FILE` writes it.

Source: https://www.artillery.io/docs/reference/reported-metrics: `http.response_time` is in ms, from the request sent to the
first byte of the answer, of requests that had an answer. A request failed where its status is 400 or more
(`http.codes.…`), or it had no answer (`http.requests` less `http.responses`). `vusers.skipped` counts users that Artillery did not
start (`maxVusers`). Percentiles are of a DDSketch with an accuracy of 1 %; `intermediate` has the figures of each 10 s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from harness.drivers.ingest.load.fields import count_at, number_at, object_at
from harness.drivers.ingest.load.protocol import ALL, LoadFormat, LoadRemarks, LoadSummary, RouteSummary, StatedTime
from harness.drivers.ingest.load.stream import ReportStream
from harness.errors import DriverError

_TIMES: Final = "http.response_time"
_BY_ROUTE: Final = "plugins.metrics-by-endpoint.response_time."
_CODES: Final = re.compile(r"http\.codes\.([0-9]{3})")
_QUANTILES: Final = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
_ACCURACY: Final = 0.01
_PERIOD_S: Final = 10
"""Length of a period."""
_CLIENT_ERROR: Final = 400
_HINT: Final = "write it again with `artillery run --output FILE`, version 2, and let Artillery end by itself"


def summary(source: ReportStream, remarks: LoadRemarks) -> LoadSummary:
    """The figures of all requests, and of each route where the plug-in `metrics-by-endpoint` counts it."""
    value, where = source.json(), source.where
    aggregate = object_at(value, "aggregate", where)
    if "counters" not in aggregate and ("codes" in aggregate or "latency" in aggregate):
        raise DriverError("is a report of Artillery 1", where=where, hint=_HINT)
    counters, times = object_at(aggregate, "counters", where), _histograms(aggregate, where)
    n, answered = (_count(counters, key, where) for key in ("http.requests", "http.responses"))
    codes = {int(found[1]): count_at(counters, key, where) for key in counters if (found := _CODES.fullmatch(key))}
    if sum(codes.values()) != answered or answered > n:
        what = f"contradicts itself: {n} requests, {answered} responses, {sum(codes.values())} status codes"
        raise DriverError(what, where=f"{where}: aggregate.counters", hint=_HINT)
    remarks.dropped += _count(counters, "vusers.skipped", where)
    if failed := _count(counters, "vusers.failed", where):
        remarks.notes.append(f"{failed} users of Artillery did not complete their scenario")
    _read_course(value, n, remarks, where)
    refused = sum(count for code, count in codes.items() if code >= _CLIENT_ERROR)
    unanswered = n - answered
    whole = _route(ALL, times.get(_TIMES, {}), where, n=n, failed=refused + unanswered, unanswered=unanswered)
    if whole.timed != answered:
        raise DriverError(f"has {whole.timed} times of {answered} responses", where=where, hint=_HINT)
    named = {key.removeprefix(_BY_ROUTE): own for key, own in times.items() if key.startswith(_BY_ROUTE)}
    routes = [_named(name, own, counters, where) for name, own in named.items()]
    first, last = (number_at(aggregate, key, where) if n else 0.0 for key in ("firstMetricAt", "lastMetricAt"))
    remarks.ended_s = last / 1000 if n else None
    return LoadSummary(routes=(whole, *routes), seconds=max(last - first, 0.0) / 1000 if n else None)


def _histograms(aggregate: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    return object_at(aggregate, "summaries" if "summaries" in aggregate else "histograms", f"{where}: aggregate")


def _count(counters: Mapping[str, Any], key: str, where: str) -> int:
    return count_at(counters, key, f"{where}: aggregate.counters") if key in counters else 0


def _named(name: str, times: Any, counters: Mapping[str, Any], where: str) -> RouteSummary:
    """A route of the plug-in, which counts answers, and failures by their code or error."""
    prefix = f"plugins.metrics-by-endpoint.{name}."
    own = {key.removeprefix(prefix): count_at(counters, key, where) for key in counters if key.startswith(prefix)}
    refused = sum(n for key, n in own.items() if key.startswith("codes.") and key[6:] >= str(_CLIENT_ERROR))
    unanswered = sum(n for key, n in own.items() if key.startswith("errors."))
    timed = count_at(times, "count", where) if isinstance(times, dict) else 0
    return _route(name, times, where, n=timed + unanswered, failed=refused + unanswered, unanswered=unanswered)


def _route(name: str, times: Any, where: str, *, n: int, failed: int, unanswered: int) -> RouteSummary:
    place = f"{where}: {_TIMES}{f' of {name}' if name else ''}"
    if not isinstance(times, dict):
        raise DriverError("is not an object", where=place, hint=_HINT)
    timed = count_at(times, "count", place) if times else 0
    mean = number_at(times, "mean", place) if timed else None
    own = tuple(_times(times, timed, place)) if timed else ()
    return RouteSummary(
        name=name, n=n, failed=failed, untimed_failures=unanswered, timed=timed, times=own, mean_ms=mean
    )


def _times(values: Mapping[str, Any], n: int, where: str) -> Sequence[StatedTime]:
    found = [_exact(0.0, number_at(values, "min", where), 1)]
    for key, quantile in _QUANTILES.items():
        ms = number_at(values, key, where)
        low, high = ms * (1 - _ACCURACY) - 0.1, ms * (1 + _ACCURACY) + 0.1  # Artillery writes one decimal
        rank = math.floor(round(quantile * (n - 1), 9)) + 1
        first, last = max(rank - 1, 0), min(rank + 1, n)
        found.append(StatedTime(quantile=quantile, ms=ms, first=first, last=last, low_ms=low, high_ms=high))
    found.append(_exact(1.0, number_at(values, "max", where), n))
    if any(one.low_ms > other.high_ms for one, other in pairwise(found)):
        raise DriverError("a higher percentile is below a lower one", where=where, hint=_HINT)
    return found


def _exact(quantile: float, ms: float, rank: int) -> StatedTime:
    return StatedTime(quantile=quantile, ms=ms, first=rank, last=rank, low_ms=ms, high_ms=ms + 0.5)


def _read_course(value: Any, n: int, remarks: LoadRemarks, where: str) -> None:
    """The periods of the report: whether one is missing, and whether they add up to the whole."""
    periods = value.get("intermediate")
    if not isinstance(periods, list) or not all(isinstance(one, dict) for one in periods):
        raise DriverError("has no list `intermediate`", where=where, hint=_HINT)
    place = f"{where}: intermediate"
    counted = sum(_count(object_at(one, "counters", place), "http.requests", place) for one in periods)
    if counted != n:
        remarks.doubts.append(f"its periods have {counted} requests and the whole has {n}: a period is missing")
    starts = [int(text) for one in periods if (text := str(one.get("period", ""))).isdecimal() and len(text) <= 15]
    if len(starts) < len(periods) or starts != sorted(set(starts)):
        remarks.doubts.append("its periods are not in order, or are there twice")
    busy = sorted(
        at for at, one in zip(starts, periods, strict=False) if _count(one["counters"], "http.requests", place)
    )
    remarks.longest_gap_s = max(
        [remarks.longest_gap_s, *((later - earlier) / 1000 - _PERIOD_S for earlier, later in pairwise(busy))]
    )


def _recognises(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"aggregate"' in head


ARTILLERY: Final = LoadFormat(tool="artillery", what="Artillery's report", recognises=_recognises, summary=summary)
