"""Throughput: answered requests per second, while a quantile of their response times stays below a limit."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.judgement.figures.fault_free import all_files, fault_free_windows
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import failed
from harness.judgement.figures.spec import Basis, Lack, Offered, Spec
from harness.judgement.figures.traffic.response_time import response_times
from harness.judgement.measures import Case, not_falsifiable
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, share_at_least
from harness.model import Figure, LimitRule, Measure, Objective, Op, Phase

BELOW: Final = "below"
"""Key among the objective's times: the limit of the response times."""
_NAME: Final = "requests served per second"


def throughputs(case: Case) -> Iterable[Measure]:
    """Measures of the rate and of the response time.

    NOT ASSESSED if the traffic offers less than the limit.
    """
    windows = fault_free_windows(case, _NAME)
    if isinstance(windows, Measure):
        yield windows
        return
    limit = case.objective.limit.base
    planned = case.plan.traffic[windows[0].traffic].requests_per_s if windows[0].traffic in case.plan.traffic else 0.0
    scope = {"traffic": windows[0].traffic, "phase": case.objective.scope.phase.value}
    if planned < limit:
        at_scale = f" at {case.plan.traffic_scaled}" if case.plan.traffic_scaled else ""
        why = f"the traffic {windows[0].traffic} offers {planned:g} requests/s{at_scale}, expected at least {limit:g} requests/s"
        yield not_falsifiable(case, _NAME, why, scope=scope)
        return
    seconds = sum(window.seconds for window in windows)
    n, bad = sum(len(w.samples) for w in windows), sum(int(failed(w.samples).sum()) for w in windows)
    offered, served = n / seconds, (n - bad) / seconds
    # one failure at a rate that just reaches the limit proves nothing: the share that failed is beyond chance
    most = offered * (1 - share_at_least(bad, n, FAIL_CONFIDENCE)) if offered >= limit else math.inf
    found = Amount(
        low=served,
        high=most,
        value=served,
        text=f"{served:.4g} requests/s were served, {offered:.4g} requests/s were sent",
        limit=limit,
        scope=scope,
        n=n,
        method="number of successful answers divided by the length of the fault-free windows",
        receipts={"load": joined_load_receipt(case.plan, windows, latencies=False)},
        needs=("load",),
        files=all_files(windows),
    )
    yield amount(case, found, _NAME)
    quick = replace(
        case.objective, figure=Figure.RESPONSE_TIME, op=Op.BELOW, limit=case.objective.times[BELOW], times={}
    )
    yield from response_times(replace(case, objective=quick))


def _lacks(objective: Objective, offered: Offered) -> Iterable[Lack]:
    """A traffic that offers less than the required rate."""
    if offered.window_s and (offered.requests + 1) / offered.window_s < objective.limit.base:
        planned = offered.requests / offered.window_s
        yield Lack(what=f"a traffic of at least {objective.limit} (planned: {planned:.4g} requests/s)")


SPEC: Final = Spec(
    figure=Figure.THROUGHPUT,
    judge=throughputs,
    limit=LimitRule(dimension="rate", ops=frozenset({Op.AT_LEAST})),
    timed=True,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    lacks=_lacks,
)
