"""Response time: a quantile over requests, measured from their intended send times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.figures.fault_free import (
    GuardedWindow,
    GuardRule,
    all_files,
    fault_free_windows,
    grouped,
    ids_of,
    label_of,
    labelled,
    one_after_another,
    over_windows,
    subject_tables,
    timeline_of,
    with_guards,
    worsened,
)
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import (
    counted_ms,
    errors_by_kind,
    failed,
    refused_hint,
    response_ms,
    scope_of,
    timed,
)
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.recovery.phases import in_phase
from harness.judgement.figures.spec import Basis, Numbers, Offered, Spec
from harness.judgement.figures.traffic.many_names import many_names
from harness.judgement.figures.traffic.stopped import as_stopped, parts_of_budget, why_stopped
from harness.judgement.figures.traffic.users import users_measure
from harness.judgement.measures import Case, Figures, because, bounded, held, measure, settled
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import Bounds, needed, quantiles_of
from harness.judgement.wording import formatted
from harness.judgement.worst import naming_worst
from harness.model import (
    SAMPLES,
    Figure,
    LimitRule,
    Measure,
    Objective,
    Outcome,
    Phase,
    Plan,
    ReasonKind,
    Receipt,
    Table,
    Window,
)

_UNSENT: Final = "make sure that loadtests/{traffic}.yaml names only routes that users request throughout, see the locust.log of the traffic for errors, then run again"
_UNTIMED: Final = "give the event `request` a `response_time` if a user waits for the answer, or leave its route out of the sentence, then run again"


def response_times(case: Case) -> Iterable[Measure]:
    """One measure of the quantile per route; with `users` also one of the journeys in progress.

    A part of the windows that is proven beyond the limit (the guard), and a route that got worse after the faults, get measures of their own. In any
    other phase, each experiment or rollout is judged by its own window, and nothing is compared.
    """
    objective, quantile = case.objective, case.quantile
    name = f"response time p{quantile * 100:g}"
    if objective.scope.phase is not Phase.STEADY:
        yield from in_phase(
            case,
            name,
            lambda windows, proofs: _by_group(case, name, windows, {**proofs, **_load(case, windows)}),
        )
        return
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return
    receipts = _load(case, windows)
    since = "intended_ns" if receipts["load"].ok else "sent_ns"  # a late generator proves nothing against the target

    def guarded() -> list[GuardedWindow]:
        tables = map(timed, subject_tables(windows, case.plan, objective))
        return [
            _part(case, rows, window, since, words=True, quick_failures=True)
            for rows, window in zip(tables, windows, strict=True)
        ]

    found = _by_group(case, name, windows, receipts)
    yield from with_guards(case, name, found, guarded, _rule(case), own=label_of(objective))
    if objective.scope.users:
        yield users_measure(case, windows[0])


def _load(case: Case, windows: Sequence[Window]) -> dict[str, Receipt]:
    return {"load": joined_load_receipt(case.plan, windows, latencies=True)}


def _by_group(case: Case, name: str, windows: Sequence[Window], receipts: Mapping[str, Receipt]) -> Iterable[Measure]:
    kept, found = many_names(case, name, windows)
    yield from found
    every = list(grouped(kept, case.plan, case.objective))
    for group, sent in every:
        tables = [timed(table) for table in sent]
        parts = [_part(case, table, window, "intended_ns") for table, window in zip(tables, windows, strict=True)]
        answered = any(not failed(table).all() for table in tables)
        if not answered and not _fails(case, tables, windows, "intended_ns"):
            yield _no_times(case, name, group, sent, windows=windows, receipts=receipts)
            continue
        yield _response_time(case, name, group, tables, parts, windows=windows, receipts=receipts)
        if case.objective.scope.phase is not Phase.STEADY:
            continue
        of = f"{name} of {group or 'all routes together'}"
        scope = scope_of(windows[0], case.objective, group)
        yield from worsened(case, of, parts, _rule(case), _bounds_of(case), groups=len(every), scope=scope)


def _rule(case: Case) -> GuardRule:
    return GuardRule(limit=1 - case.quantile, quantile=case.quantile, unit="ms", budget_parts=parts_of_budget(case))


def _part(
    case: Case, samples: Table, window: Window, since: str, *, words: bool = False, quick_failures: bool = False
) -> GuardedWindow:
    """The requests of a window that count; requests at or over the limit are bad."""
    limit = case.scaled.in_unit("ms")
    ms, counted = counted_ms(samples, limit, since=since, quick_failures=quick_failures)
    return GuardedWindow(
        window=window.name,
        span=window.span,
        at_ns=samples.ints["intended_ns"][counted],
        bad=ms >= limit,
        values=ms,
        words=labelled(samples, counted) if words else {},
        ids=ids_of(samples, counted),
        requests=samples.where(counted),
    )


def _bounds_of(case: Case) -> Callable[[Sequence[GuardedWindow]], Bounds]:
    """A function that computes the quantile of some parts, with its bounds."""
    limit = case.scaled.in_unit("ms")

    def bounds(parts: Sequence[GuardedWindow]) -> Bounds:
        ms = one_after_another([np.zeros(0) if part.values is None else part.values for part in parts])
        timeline = timeline_of(parts)
        return as_stopped(case, lambda sure: quantile_in_time(ms, timeline, case.quantile, limit, sure, claim=True))

    return bounds


def _response_time(
    case: Case,
    name: str,
    group: str,
    tables: Sequence[Table],
    parts: Sequence[GuardedWindow],
    *,
    windows: Sequence[Window],
    receipts: Mapping[str, Receipt],
) -> Measure:
    bounds, over = _bounds_of(case)(parts), sum(int(part.bad.sum()) for part in parts)
    notes, beyond = [over_windows(windows), why_stopped(case)], _beyond(case, bounds)
    fail_needs: tuple[str, ...] = ("load",)
    unsure = beyond and not _fails(case, tables, windows, "intended_ns")
    if unsure:
        quick = sum(len(table) for table in tables) - sum(len(part.at_ns) for part in parts)
        notes.append(f"{quick} failures were answered faster than the limit and count in the error rate only")
    elif beyond:
        fail_needs = () if _fails(case, tables, windows, "sent_ns") else fail_needs
        notes.append(_by_region(tables, case.quantile))
    found = bounded(
        case,
        name,
        replace(bounds, method=f"{bounds.method}; {_model(case.plan, windows[0])}"),
        unit="ms",
        subject=f"{name} of {group or 'all routes together'}",
        unsure=unsure,
        n_needed=needed(over, 1 - case.quantile, case.objective.confidence),
        scope=scope_of(windows[0], case.objective, group),
        receipts=receipts,
        fail_needs=fail_needs,
        detail="; ".join(filter(None, notes)),
        files=all_files(windows),
    )
    return naming_worst(case, found, parts)


def _no_times(
    case: Case,
    name: str,
    group: str,
    sent: Sequence[Table],
    *,
    windows: Sequence[Window],
    receipts: Mapping[str, Receipt],
) -> Measure:
    """The measure of a group without a response time: no request was sent, all requests failed, or no request has a time."""
    n, of = sum(len(table) for table in sent), group or "all routes together"
    kinds = Counter[str]()
    for table in sent:
        kinds.update(errors_by_kind(table))
    bad = kinds.total()
    if not n:
        why, hint = f"no request of {of} was sent", _UNSENT.format(traffic=windows[0].traffic)
    elif bad < n:
        why, hint = f"{n - bad} of {n} requests of {of} have no response time, and the others failed", _UNTIMED
        why = why if bad else f"none of the {n} requests of {of} has a response time"
    else:
        most = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(4))
        why, hint = f"all {n} requests of {of} failed ({most})", refused_hint(case, sent)
    text = f"{why}, so there is no {name} to judge, expected {case.expected}"
    own = because(Outcome.INCONCLUSIVE, text, hint, kind=ReasonKind.NO_RECORD)
    outcome, reason = settled(Outcome.INCONCLUSIVE, own, receipts) if not n else (Outcome.INCONCLUSIVE, own)
    figures = Figures(n=0, unit="ms", receipts=receipts, files=all_files(windows))
    return measure(case, name, outcome, reason, scope=scope_of(windows[0], case.objective, group), figures=figures)


def _fails(case: Case, tables: Sequence[Table], windows: Sequence[Window], since: str) -> bool:
    """Whether all requests together, including failures that were answered quickly, are proven over the limit."""
    parts = [
        _part(case, table, window, since, quick_failures=True) for table, window in zip(tables, windows, strict=True)
    ]
    return _beyond(case, _bounds_of(case)(parts))


def _beyond(case: Case, bounds: Bounds) -> bool:
    """Whether a response time is proven over the limit."""
    return held(case.objective.op, bounds, case.scaled.in_unit("ms")) is Outcome.FAIL


def _model(plan: Plan, window: Window) -> str:
    """The load model of the response times, and the time from which they are measured."""
    planned = plan.traffic.get(window.traffic)
    if planned is not None and planned.model == "closed":
        return "closed model, from the actual send time"
    return "open model, from the intended send time"


def _by_region(tables: Sequence[Table], quantile: float) -> str:
    parts = []
    for region, served in Table.merged(SAMPLES, tables).apart("served_region").items():
        (value,) = quantiles_of(response_ms(served, math.inf)[0], quantile)
        parts.append(f"{region} {formatted(value, 'ms') if math.isfinite(value) else 'no answer in time'}")
    return f"by serving region: {', '.join(parts)}" if parts else ""


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    if objective.quantile is None:
        return None
    return failures_tolerated(1 - objective.quantile, offered.requests, objective, by_route=offered.by_route)


SPEC: Final = Spec(
    figure=Figure.RESPONSE_TIME,
    judge=response_times,
    limit=LimitRule(dimension="time"),
    timed=True,
    undisturbed=True,
    unit="ms",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY, Phase.FAULT, Phase.RECOVERED, Phase.SWITCHED}),
    evidence=load_files,
    numbers=_numbers,
)
