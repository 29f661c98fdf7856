"""Response time: a quantile of what requests waited, from the moment they were due."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import groups, response_ms, scope_of, steady_window
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.spec import Basis, Numbers, Offered, Spec
from harness.judgement.figures.users import users_measure
from harness.judgement.measures import Case, bounded, held
from harness.judgement.receipts.load import load_receipt
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import Bounds, needed, quantiles_of
from harness.model import Figure, LimitRule, Measure, Objective, Outcome, Phase, Plan, Receipt, Table, Window


def response_times(case: Case) -> Iterable[Measure]:
    """One measure of the quantile a route; with `users`, one more of the journeys in progress."""
    objective, quantile = case.objective, case.quantile
    name = f"response time p{quantile * 100:g}"
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    receipts = {"load": load_receipt(case.plan, window, latencies=True)}
    for group, samples in groups(window.samples, case.plan, window, objective):
        yield _response_time(case, name, quantile, group, samples, window=window, receipts=receipts)
    if objective.scope.users:
        yield users_measure(case, window)


def _response_time(
    case: Case,
    name: str,
    quantile: float,
    group: str,
    samples: Table,
    *,
    window: Window,
    receipts: Mapping[str, Receipt],
) -> Measure:
    objective, limit = case.objective, case.scaled.in_unit("ms")
    bounds, over = _response_bounds(case, samples, quantile, window)
    outcome = held(objective.op, bounds, limit)
    detail = ""
    fail_needs: tuple[str, ...] = ("load",)
    if outcome is Outcome.FAIL:
        sent, _ = _response_bounds(case, samples, quantile, window, since="sent_ns")
        if held(objective.op, sent, limit) is Outcome.FAIL:
            fail_needs = ()
        detail = _by_region(samples, quantile)
    return bounded(
        case,
        name,
        replace(bounds, method=f"{bounds.method}; {_model(case.plan, window)}"),
        outcome,
        unit="ms",
        subject=f"{name} of {group or 'all routes together'}",
        n_needed=needed(over, 1 - quantile, objective.confidence),
        scope=scope_of(window, objective, group),
        receipts=receipts,
        fail_needs=fail_needs,
        detail=detail,
        files=window.files,
    )


def _response_bounds(
    case: Case, samples: Table, quantile: float, window: Window, since: str = "intended_ns"
) -> tuple[Bounds, int]:
    """The quantile with its bounds, and how many are over the limit."""
    limit = case.scaled.in_unit("ms")
    ms, at_ns = response_ms(samples, limit, since=since)
    timeline = Timeline.of(at_ns, window.span)
    return quantile_in_time(ms, timeline, quantile, limit, case.objective.confidence), int((ms >= limit).sum())


def _model(plan: Plan, window: Window) -> str:
    """Which model of load the response times come from, and from when on they count."""
    planned = plan.traffic.get(window.traffic)
    if planned is not None and planned.model == "closed":
        return "closed model, from the actual send time"
    return "open model, from the intended send time"


def _by_region(samples: Table, quantile: float) -> str:
    parts = []
    for region, served in samples.apart("served_region").items():
        (value,) = quantiles_of(response_ms(served, math.inf)[0], quantile)
        parts.append(f"{region} {value:.4g} ms")
    return f"by region that served: {', '.join(parts)}" if parts else ""


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    if objective.quantile is None:
        return None
    return failures_tolerated(1 - objective.quantile, offered.requests, objective, by_route=offered.by_route)


SPEC: Final = Spec(
    figure=Figure.RESPONSE_TIME,
    judge=response_times,
    limit=LimitRule(dimension="time"),
    unit="ms",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    numbers=_numbers,
)
