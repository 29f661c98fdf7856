"""Error rate: failed requests over all requests, together or one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import errors_by_kind, failed, groups, in_time, scope_of, steady_window
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.spec import Basis, Numbers, Offered, Spec
from harness.judgement.measures import Case, bounded, held
from harness.judgement.receipts.load import load_receipt
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.statistics import needed
from harness.model import Figure, LimitRule, Measure, Objective, Phase, Table


def error_rates(case: Case) -> Iterable[Measure]:
    """Failed requests over all of them: together, or one by one; an invalid generator does not excuse an error."""
    name, objective = "error rate", case.objective
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    limit = case.scaled.in_unit("ratio")
    receipts = {"load": load_receipt(case.plan, window, latencies=False)}
    for group, samples in groups(window.samples, case.plan, window, objective):
        wrong = failed(samples)
        bad = int(wrong.sum())
        bounds = share_in_time(in_time(samples, "intended_ns", window).slots(wrong), objective.confidence)
        yield bounded(
            case,
            name,
            bounds,
            held(objective.op, bounds, limit),
            unit="ratio",
            subject=f"{name} of {group or 'all routes together'} ({bad} of {len(samples)} requests)",
            n_needed=needed(bad, limit, objective.confidence),
            scope=scope_of(window, objective, group),
            receipts=receipts,
            detail="; ".join(filter(None, [_kinds(samples), "" if group else _by_route(samples)])),
            files=window.files,
        )


def _kinds(samples: Table) -> str:
    kinds = errors_by_kind(samples)
    return f"errors: {', '.join(f'{kind} {n}' for kind, n in list(kinds.items())[:4])}" if kinds else ""


def _by_route(samples: Table) -> str:
    bad = samples.where(failed(samples)).words["name"].counts
    parts = [f"{route} {bad.get(route, 0)} of {n}" for route, n in samples.words["name"].counts.items()]
    return f"by route: {', '.join(parts)}" if parts else ""


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    return failures_tolerated(objective.limit.base, offered.requests, objective, by_route=offered.by_route)


SPEC: Final = Spec(
    figure=Figure.ERROR_RATE,
    judge=error_rates,
    limit=LimitRule(dimension="ratio", most=1),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    numbers=_numbers,
)
