"""Response time of a load report: a quantile of its single requests, or what the stated percentiles of a summary prove."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from harness.judgement.figures.fault_free import GuardedWindow, GuardRule, timeline_of, with_guards
from harness.judgement.figures.reported.report import (
    ENOUGH,
    ReportedLoad,
    ReportedRoute,
    failed,
    guarded_routes,
    measured,
    of_route,
    reported,
    reported_load,
    summaries_by_route,
    tables_by_route,
    undecided,
    waited_ms,
)
from harness.judgement.measures import Case, inconclusive
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, needed, rank_at_least, rank_at_most
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Per, Table

_SAME: Final = 1e-9
"""Largest difference of two quantiles that are one."""
_STATED: Final = "percentiles that the tool states of all requests, with order-statistic bounds between them; nothing is interpolated"


def reported_times(case: Case) -> Iterable[Measure]:
    """A quantile of the response times: with the bounds of the run's own load, or between the percentiles that a summary states.

    A request without an answer counts as over any limit. A summary must state the quantile itself; its bounds are other stated percentiles.
    """
    name = f"{Figure.REPORTED_TIME.value} p{case.quantile * 100:g}"
    load = reported_load(case, name)
    if isinstance(load, Measure):
        yield load
        return
    if load.is_summary:
        summaries, found = summaries_by_route(case, load, name)
        yield from found
        for one in summaries:
            yield _of_summary(case, load, name, one)
        return
    rule = GuardRule(limit=1 - case.quantile, quantile=case.quantile, unit="ms")
    yield from with_guards(
        case,
        name,
        _by_route(case, load, name),
        lambda: [_part(case, load, load.requests, at_worst=False, words=True)],
        rule,
        own="route" if case.objective.scope.per is Per.ROUTE else "",
    )


def _by_route(case: Case, load: ReportedLoad, name: str) -> Iterable[Measure]:
    tables, found = tables_by_route(case, load, name)
    yield from found
    for route, requests in tables.items():
        worst, best = (_part(case, load, requests, at_worst=at_worst) for at_worst in (True, False))
        bounds, of_all = _bounds(case, worst), _bounds(case, best)
        limit = case.scaled.in_unit("ms")
        unsure = (
            bounds.fail_low >= limit > of_all.fail_low
        )  # slow failures alone are not representative of all requests
        quick = len(requests) - len(worst.at_ns)
        detail = (
            f"{quick} failures were answered faster than the limit and count in the error rate only" if quick else ""
        )
        enough = needed(int(worst.bad.sum()), 1 - case.quantile, case.objective.confidence)
        yield _measured(case, load, name, route, bounds, enough=enough, detail=detail, unsure=unsure)


def _part(case: Case, load: ReportedLoad, requests: Table, *, at_worst: bool, words: bool = False) -> GuardedWindow:
    """The requests that count; those at or over the limit are bad.

    At worst, a failure that was answered faster than the limit does not count, so that no failure improves a response time, and
    one of which the tool does not say whether it was answered was not. Before a FAIL every request counts, with its own time.
    """
    limit, ms = case.scaled.in_unit("ms"), waited_ms(requests, at_worst=at_worst)
    counted = ~failed(requests) | (ms >= limit) | (not at_worst)
    ms, rows = ms[counted], np.flatnonzero(counted)
    routes = guarded_routes(requests) if words else {}
    return GuardedWindow(
        window=load.scope["report"],
        span=load.span,
        at_ns=requests.ints["sent_ns"][rows],
        bad=ms >= limit,
        values=ms,
        words={label: names.at(rows) for label, names in routes.items()},
    )


def _bounds(case: Case, part: GuardedWindow) -> Bounds:
    values = np.zeros(0) if part.values is None else part.values
    if not len(values):
        return Bounds(
            value=math.nan,
            low=-math.inf,
            high=math.inf,
            fail_low=-math.inf,
            fail_high=math.inf,
            confidence=case.objective.confidence,
            n=0,
            method="raw samples",
        )
    limit, confidence = case.scaled.in_unit("ms"), case.objective.confidence
    return quantile_in_time(values, timeline_of([part]), case.quantile, limit, confidence, claim=True)


def _measured(case: Case, load: ReportedLoad, name: str, route: str, bounds: Bounds, **more: Any) -> Measure:
    bounds = replace(bounds, method=f"{bounds.method}; from the actual send time, as {load.said.tool} measures it")
    return measured(case, load, name, route, bounds, unit="ms", **more)


def _of_summary(case: Case, load: ReportedLoad, name: str, one: ReportedRoute) -> Measure:
    """The stated quantile; the bounds of its order statistics are the nearest stated percentiles outside of them."""
    value = next((time["ms"] for time in one.times if abs(time["quantile"] - case.quantile) < _SAME), None)
    if value is None and (one.timed or not one.untimed_failures):
        states = ", ".join(f"p{time['quantile'] * 100:g}" for time in one.times if 0 < time["quantile"] < 1) or "none"
        what = f"{of_route(name, one.name)} is not stated by the summary of {load.said.tool} (stated: {states})"
        notes = f"; {load.notes}" if load.notes else ""
        text = f"{what}, expected {case.expected}{notes}"
        return inconclusive(case, name, text, ENOUGH, scope=load.scope_of(one.name))
    least = one.timed + one.untimed_failures
    most, quantile, sure = least + one.unknown, case.quantile, case.objective.confidence
    failed_timed = one.failed - one.untimed_failures  # any of these may have had no answer, and so be over any limit
    bounds = Bounds(
        value=math.inf if value is None or quantile * least > one.timed else value,
        low=_at_least(one, rank_at_least(least, quantile, sure)),
        high=_at_most(one, rank_at_most(most, quantile, sure), failed_timed),
        fail_low=_at_least(one, rank_at_least(least, quantile, FAIL_CONFIDENCE)),
        fail_high=_at_most(one, rank_at_most(most, quantile, FAIL_CONFIDENCE), failed_timed),
        confidence=sure,
        n=most,
        method=_STATED,
    )
    rank = (rank_at_most(most, quantile, sure) or most + 1) + failed_timed
    endless = f"{one.untimed_failures} requests had no answer, which is over any limit" if one.untimed_failures else ""
    return undecided(_measured(case, load, name, one.name, bounds, detail=endless), _too_little(one, rank))


def _too_little(one: ReportedRoute, rank: int) -> str:
    """Why a summary does not decide: too few requests, or the percentile that it would have to state."""
    if rank > one.timed:
        return f"{one.timed} requests with a time, and {one.failed} failed ones, are too few"
    stated = f"a PASS needs a stated percentile below the limit from p{100 * rank / one.timed:.4g} on"
    return f"{stated}, as its order statistic is the upper bound; a FAIL needs a lower one beyond the limit"


def _at_most(one: ReportedRoute, rank: int | None, moved: int) -> float:
    """The least stated time that the order statistic of a rank does not exceed, if `moved` timed requests count as infinite."""
    if rank is None:
        return math.inf
    return min((time["high_ms"] for time in one.times if time["first"] >= rank + moved), default=math.inf)


def _at_least(one: ReportedRoute, rank: int) -> float:
    """The greatest stated time that the order statistic of a rank is not below; infinite where that is a request without an answer."""
    if rank > one.timed:
        return math.inf
    return max((time["low_ms"] for time in one.times if time["last"] <= rank), default=-math.inf)


SPEC: Final = reported(Figure.REPORTED_TIME, reported_times, LimitRule(dimension="time", ops=ONLY_BELOW), "ms")
