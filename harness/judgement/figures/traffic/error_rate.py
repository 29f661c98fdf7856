"""Error rate: failed requests divided by all requests, together or per route or region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.judgement.figures.fault_free import (
    GuardedWindow,
    GuardRule,
    all_files,
    fault_free_windows,
    grouped,
    ids_of,
    label_of,
    labelled,
    over_windows,
    slots_of,
    subject_tables,
    with_guards,
    worsened,
)
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import errors_by_kind, failed, refused_hint, scope_of
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.recovery.phases import in_phase
from harness.judgement.figures.spec import Basis, Numbers, Offered, Spec
from harness.judgement.figures.traffic.many_names import many_names
from harness.judgement.figures.traffic.stopped import as_stopped, parts_of_budget, why_stopped
from harness.judgement.measures import Case, bounded
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.statistics import Bounds, needed
from harness.judgement.worst import naming_worst
from harness.model import Figure, LimitRule, Measure, Objective, Outcome, Phase, Receipt, Table, Window


def error_rates(case: Case) -> Iterable[Measure]:
    """The error rate over all fault-free windows; errors count even if the load generator was late.

    A part of the windows that is proven beyond the limit (the guard), and a rate that got worse after the faults, get measures of their own. In any
    other phase, each experiment or rollout is judged by its own window, and nothing is compared.
    """
    name, objective = "error rate", case.objective
    rule = GuardRule(limit=case.scaled.in_unit("ratio"), budget_parts=parts_of_budget(case))
    if objective.scope.phase is not Phase.STEADY:
        yield from in_phase(case, name, lambda windows, proofs: _by_group(case, name, windows, rule, proofs))
        return
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return

    def guarded() -> list[GuardedWindow]:
        tables = subject_tables(windows, case.plan, objective)
        return [_part(rows, window, words=True) for rows, window in zip(tables, windows, strict=True)]

    yield from with_guards(case, name, _by_group(case, name, windows, rule, {}), guarded, rule, own=label_of(objective))


def _by_group(
    case: Case, name: str, windows: Sequence[Window], rule: GuardRule, proofs: Mapping[str, Receipt]
) -> Iterable[Measure]:
    objective = case.objective
    receipts = {**proofs, "load": joined_load_receipt(case.plan, windows, latencies=False)}
    kept, found = many_names(case, name, windows)
    yield from found
    every = list(grouped(kept, case.plan, objective))
    for group, tables in every:
        parts = [_part(table, window) for table, window in zip(tables, windows, strict=True)]
        bad, n = sum(int(part.bad.sum()) for part in parts), sum(len(table) for table in tables)
        bounds = _bounds_of(case)(parts)
        of = f"{name} of {group or 'all routes together'}"
        scope = scope_of(windows[0], objective, group)
        notes = [over_windows(windows), _kinds(tables), "" if group else _by_route(tables), why_stopped(case)]
        rate = bounded(
            case,
            name,
            bounds,
            unit="ratio",
            subject=f"{of} ({bad} of {n} requests)" if n else of,
            n_needed=needed(bad, rule.limit, objective.confidence),
            scope=scope,
            receipts=receipts,
            detail="; ".join(filter(None, notes)),
            files=all_files(windows),
        )
        yield naming_worst(case, _refused(case, rate, tables), parts)
        if objective.scope.phase is Phase.STEADY:
            yield from worsened(case, of, parts, rule, _bounds_of(case), groups=len(every), scope=scope)


def _refused(case: Case, found: Measure, tables: Sequence[Table]) -> Measure:
    """The measure; if all requests of a route were refused, with a hint to correct these requests first."""
    if found.outcome is not Outcome.FAIL or case.objective.scope.phase is not Phase.STEADY:
        return found
    hint = refused_hint(case, tables)
    return replace(found, because=replace(found.because, hint=hint)) if hint else found


def _part(samples: Table, window: Window, *, words: bool = False) -> GuardedWindow:
    """The requests of a window; failed requests are bad."""
    return GuardedWindow(
        window=window.name,
        span=window.span,
        at_ns=samples.ints["intended_ns"],
        bad=failed(samples),
        words=labelled(samples) if words else {},
        ids=ids_of(samples),
        requests=samples,
    )


def _bounds_of(case: Case) -> Callable[[Sequence[GuardedWindow]], Bounds]:
    return lambda parts: as_stopped(case, lambda sure: share_in_time(slots_of(parts), sure, claim=True))


def _kinds(tables: Sequence[Table]) -> str:
    kinds: Counter[str] = Counter()
    for samples in tables:
        kinds.update(errors_by_kind(samples))
    return f"errors: {', '.join(f'{kind} {n}' for kind, n in kinds.most_common(4))}" if kinds else ""


def _by_route(tables: Sequence[Table]) -> str:
    every: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for samples in tables:
        every.update(samples.words["name"].counts)
        bad.update(samples.where(failed(samples)).words["name"].counts)
    parts = [f"{route} {bad[route]} of {n}" for route, n in every.items()]
    return f"by route: {', '.join(parts)}" if parts else ""


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    return failures_tolerated(objective.limit.base, offered.requests, objective, by_route=offered.by_route)


SPEC: Final = Spec(
    figure=Figure.ERROR_RATE,
    judge=error_rates,
    limit=LimitRule(dimension="ratio", most=1),
    timed=True,
    undisturbed=True,
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY, Phase.FAULT, Phase.RECOVERED, Phase.SWITCHED}),
    evidence=load_files,
    numbers=_numbers,
)
