"""What a load report counts: requests, and those that were answered as expected per second."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.reported.report import (
    ReportedLoad,
    ReportedRoute,
    failed,
    hinted,
    reported,
    reported_load,
    summaries_by_route,
    tables_by_route,
)
from harness.judgement.measures import Case
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, share_at_least
from harness.model import Figure, LimitRule, Measure, Op

_RATE: Final = Figure.REPORTED_RATE.value
_LEAST_S: Final = 10.0
"""Shortest load that has a rate: the requests of a moment are what was sent at once."""
_REQUESTS: Final = Figure.REPORTED_REQUESTS.value


def reported_rates(case: Case) -> Iterable[Measure]:
    """Requests that did not fail, per second of the report's load.

    A FAIL needs a load that sent as many as the limit asks for, of which more failed than chance explains.
    """
    load = reported_load(case, _RATE)
    if isinstance(load, Measure):
        yield load
        return
    n, bad, unknown = _counts(load)
    seconds, limit = load.seconds, case.objective.limit.base
    if not seconds >= _LEAST_S:
        found = Amount(
            low=-math.inf, high=math.inf, text=f"{n} requests in {seconds:.3g} s" if seconds > 0 else f"{n} requests",
            unknown=f"a rate needs a load of at least {_LEAST_S:g} s" if seconds > 0 else "the report does not say how long its load was",
            limit=limit, method="", files=load.files, scope=load.scope, receipts=load.receipts,
        )  # fmt: skip
        yield hinted(amount(case, found, _RATE), load)
        return
    sent, served = n / seconds, (n - bad - unknown) / seconds
    most = sent * (1 - share_at_least(bad, n, FAIL_CONFIDENCE)) if sent >= limit else math.inf
    few = f"the load sent {sent:.4g} requests/s, fewer than the limit" if sent < limit else ""
    found = Amount(
        low=served,
        high=most,
        value=served,
        text=f"{served:.4g} requests/s were served, {sent:.4g} requests/s were sent in {seconds:.4g} s",
        limit=limit,
        between=few or "chance may explain what failed",
        scope=load.scope,
        n=n,
        method="requests that did not fail, divided by the length of the report's load",
        receipts=load.receipts,
        needs=("report",),
        files=load.files,
    )
    yield hinted(amount(case, found, _RATE), load)


def reported_requests(case: Case) -> Iterable[Measure]:
    """The number of requests of a load report, of all together or of each route, failed ones too."""
    load = reported_load(case, _REQUESTS)
    if isinstance(load, Measure):
        yield load
        return
    if load.is_summary:
        summaries, found = summaries_by_route(case, load, _REQUESTS)
        counts = {one.name: one.n for one in summaries}
    else:
        tables, found = tables_by_route(case, load, _REQUESTS)
        counts = {route: len(table) for route, table in tables.items()}
    yield from found
    for route, n in counts.items():
        number = Amount(
            low=n,
            high=n,
            value=n,
            text=f"{n} requests{f' of route {route}' if route else ''} are in the report",
            scope=load.scope_of(route),
            n=n,
            method="counted in the report",
            receipts=load.receipts,
            needs=("report",),
            files=load.files,
        )
        yield hinted(amount(case, number, _REQUESTS), load)


def _counts(load: ReportedLoad) -> tuple[int, int, int]:
    """Number of requests, of failed ones, and of those with an unknown outcome."""
    if load.is_summary:
        whole = load.routes.get("", ReportedRoute())
        return whole.n, whole.failed, whole.unknown
    return len(load.requests), int(failed(load.requests).sum()), 0


RATE: Final = reported(Figure.REPORTED_RATE, reported_rates, LimitRule(dimension="rate", ops=frozenset({Op.AT_LEAST})))
REQUESTS: Final = reported(
    Figure.REPORTED_REQUESTS, reported_requests, LimitRule(dimension="count", ops=frozenset({Op.AT_LEAST}))
)
