"""Error rate of a load report: failed requests over all requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.judgement.figures.fault_free import GuardedWindow, GuardRule, slots_of, with_guards
from harness.judgement.figures.reported.report import (
    ReportedLoad,
    ReportedRoute,
    failed,
    guarded_routes,
    measured,
    reported,
    reported_load,
    summaries_by_route,
    tables_by_route,
)
from harness.judgement.measures import Case
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.statistics import Bounds, needed, share_bounds
from harness.model import Figure, LimitRule, Measure, Per, Table

_NAME: Final = Figure.REPORTED_ERRORS.value
_KINDS: Final = 4


def reported_errors(case: Case) -> Iterable[Measure]:
    """The share of failed requests: with the bounds of the run's own load, or exact binomial bounds of the counts of a summary.

    What failed, the tool says.
    """
    load = reported_load(case, _NAME)
    if isinstance(load, Measure):
        yield load
        return
    if load.is_summary:
        summaries, found = summaries_by_route(case, load, _NAME)
        yield from found
        for one in summaries:
            yield _measured(case, load, one.name, _of_summary(case, one), bad=one.failed)
        return
    rule = GuardRule(limit=case.scaled.in_unit("ratio"))
    yield from with_guards(
        case,
        _NAME,
        _by_route(case, load),
        lambda: [_part(load, load.requests, words=True)],
        rule,
        own="route" if case.objective.scope.per is Per.ROUTE else "",
    )


def _by_route(case: Case, load: ReportedLoad) -> Iterable[Measure]:
    tables, found = tables_by_route(case, load, _NAME)
    yield from found
    for route, requests in tables.items():
        bounds = share_in_time(slots_of([_part(load, requests)]), case.objective.confidence, claim=True)
        kinds = Counter(requests.words["error"].counts).most_common(_KINDS)
        detail = f"errors: {', '.join(f'{kind} {n}' for kind, n in kinds)}" if kinds else ""
        yield _measured(case, load, route, bounds, bad=int(failed(requests).sum()), detail=detail)


def _part(load: ReportedLoad, requests: Table, *, words: bool = False) -> GuardedWindow:
    return GuardedWindow(
        window=load.scope["report"],
        span=load.span,
        at_ns=requests.ints["sent_ns"],
        bad=failed(requests),
        words=guarded_routes(requests) if words else {},
    )


def _of_summary(case: Case, one: ReportedRoute) -> Bounds:
    """Bounds of the counts; requests with an unknown outcome count as good for the lower and as failed for the upper bounds."""
    least = share_bounds(one.failed, one.n, case.objective.confidence)
    if not one.unknown:
        return least
    most = share_bounds(one.failed + one.unknown, one.n, case.objective.confidence)
    return replace(least, high=most.high, fail_high=most.fail_high, longer=None)


def _measured(case: Case, load: ReportedLoad, route: str, bounds: Bounds, *, bad: int, detail: str = "") -> Measure:
    enough = needed(bad, case.scaled.in_unit("ratio"), case.objective.confidence)
    of = f" ({bad} of {bounds.n} requests)"
    return measured(case, load, _NAME, route, bounds, unit="ratio", of=of, detail=detail, enough=enough)


SPEC: Final = reported(Figure.REPORTED_ERRORS, reported_errors, LimitRule(dimension="ratio", most=1), "ratio")
