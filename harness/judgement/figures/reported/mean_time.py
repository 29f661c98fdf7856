"""Mean response time of a load report: by time batches of its single requests, or by the ends that a summary states."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.figures.reported.report import (
    ReportedLoad,
    ReportedRoute,
    failed,
    measured,
    reported,
    reported_load,
    summaries_by_route,
    tables_by_route,
    undecided,
    waited_ms,
)
from harness.judgement.measures import Case
from harness.judgement.special import ndtri
from harness.judgement.stats.batches import (
    FEWEST_BATCHES,
    MOST_BATCHES,
    batch_of,
    batch_reach,
    unbounded,
    wave_reach,
)
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, Floats
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Table
from harness.model.records.table import Ints

_NAME: Final = Figure.REPORTED_MEAN.value
_IN_A_BATCH: Final = 10
"""Least mean number of requests of a batch."""
_FEWEST: Final = 100
"""Least number of requests of a summary for a bound by the normal distribution."""


def reported_means(case: Case) -> Iterable[Measure]:
    """The mean response time, with bounds by equal parts of the time, or by the least and the greatest time of a summary.

    A request without an answer makes the mean unbounded above.
    """
    load = reported_load(case, _NAME)
    if isinstance(load, Measure):
        yield load
        return
    if load.is_summary:
        summaries, found = summaries_by_route(case, load, _NAME)
        yield from found
        yield from (_measured(case, load, one.name, _of_summary(case, one)) for one in summaries)
        return
    tables, found = tables_by_route(case, load, _NAME)
    yield from found
    yield from (_measured(case, load, route, _of_requests(case, load, table)) for route, table in tables.items())


def _of_requests(case: Case, load: ReportedLoad, requests: Table) -> Bounds:
    """Bounds of the mean: its lower bounds of all requests, its upper ones without failures that were answered quickly."""
    limit, own = case.scaled.in_unit("ms"), requests.ints["sent_ns"]
    took_ms = np.asarray((requests.ints["done_ns"] - own) / 1e6, dtype=np.float64)
    slow = ~failed(requests) | (took_ms >= limit)
    least, most = _Parts(took_ms, own, load.span), _Parts(took_ms[slow], own[slow], load.span)
    sure, n = case.objective.confidence, len(requests)
    if not least.enough or not most.enough:
        why = f"{int(slow.sum())} requests that did not fail quickly are fewer than {FEWEST_BATCHES} parts of {_IN_A_BATCH}"
        return unbounded(float(took_ms.mean()) if n else math.nan, n, sure, _method(least), why)
    endless = bool(np.isinf(waited_ms(requests, at_worst=True)).any())
    return Bounds(
        value=most.mean,
        low=least.mean - least.reach(sure, -1),
        high=math.inf if endless else most.mean + most.reach(sure, 1),
        fail_low=least.mean - least.reach(FAIL_CONFIDENCE, -1),
        fail_high=math.inf if endless else most.mean + most.reach(FAIL_CONFIDENCE, 1),
        confidence=sure,
        n=n,
        method=_method(least),
        why="requests without an answer have no response time" if endless else "",
    )


class _Parts:
    """The sums of response times in equal parts of the load's time, which are longer than what makes neighbours alike."""

    def __init__(self, ms: Floats, at_ns: Ints, span: tuple[int, int]) -> None:
        self.count = min(MOST_BATCHES, len(ms) // _IN_A_BATCH)
        self.enough = self.count >= FEWEST_BATCHES
        self.mean = float(ms.mean()) if len(ms) else math.nan
        if self.enough:
            batch = batch_of(at_ns, *span, self.count)
            n, total = np.bincount(batch, minlength=self.count), np.bincount(batch, ms, minlength=self.count)
            self._pull: Floats = np.asarray((total - self.mean * n) / len(ms), dtype=np.float64)
            self._error = float(ms.std(ddof=1)) / math.sqrt(len(ms))

    def reach(self, sure: float, side: int) -> float:
        """How far the bound on a side may be from the mean: by the parts, by their slow waves, or by independent requests."""
        pull = side * self._pull
        return max(batch_reach(pull, sure), wave_reach(pull, sure), self._error * ndtri(sure))


def _method(parts: _Parts) -> str:
    return f"mean of raw samples; the widest of three intervals: by {parts.count} time batches, by their slowest waves, for independent requests"


def _of_summary(case: Case, one: ReportedRoute) -> Bounds:
    """Bounds by the variance that the ends allow: at most (most - mean) (mean - least).

    Source: R. Bhatia and C. Davis, "A better bound on the variance", American Mathematical Monthly 107 (2000).
    """
    sure, method = (
        case.objective.confidence,
        "mean that the tool states, with a variance that its least and greatest time allow",
    )
    ends = [time for time in one.times if time["quantile"] in (0, 1)]
    if one.mean_ms is None or len(ends) < 2 or one.timed < _FEWEST:
        why = f"the summary has {one.timed} times, and states {'a' if one.mean_ms is not None else 'no'} mean; it needs {_FEWEST}, a mean, a least and a greatest time"
        return unbounded(one.mean_ms if one.mean_ms is not None else math.nan, one.timed, sure, method, why)
    least, most = min(time["low_ms"] for time in ends), max(time["high_ms"] for time in ends)
    error = math.sqrt(max(most - one.mean_ms, 0) * max(one.mean_ms - least, 0) / one.timed)
    endless = one.failed + one.unknown > 0
    return Bounds(
        value=one.mean_ms,
        low=one.mean_ms - error * ndtri(sure),
        high=math.inf if endless else one.mean_ms + error * ndtri(sure),
        fail_low=one.mean_ms - error * ndtri(FAIL_CONFIDENCE),
        fail_high=math.inf if endless else one.mean_ms + error * ndtri(FAIL_CONFIDENCE),
        confidence=sure,
        n=one.timed,
        method=method,
        why="failed requests may have had no answer, and then no response time" if endless else "",
    )


def _measured(case: Case, load: ReportedLoad, route: str, bounds: Bounds) -> Measure:
    return undecided(measured(case, load, _NAME, route, bounds, unit="ms"), bounds.why)


SPEC: Final = reported(Figure.REPORTED_MEAN, reported_means, LimitRule(dimension="time", ops=ONLY_BELOW), "ms")
