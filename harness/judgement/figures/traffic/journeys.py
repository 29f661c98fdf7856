"""Troubled journeys: the share of journeys with a failed request, or with a request slower than the promised limit.

An error rate of 0.1 % is one request in a thousand; with journeys of twenty requests it can affect one user in fifty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.figures.fault_free import (
    GuardedWindow,
    GuardRule,
    all_files,
    fault_free_windows,
    judged,
    over_windows,
    slots_of,
    with_guards,
    worsened,
)
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import failed_or_late, scope_of
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.spec import Basis, Numbers, Offered, Spec
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.recovery.usual import promised_ms
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.statistics import Bounds, needed
from harness.judgement.worst import worst_requests
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Objective, Outcome, Phase, Table, Window
from harness.model.records.table import Ints

_WORKER_BITS: Final = 48
"""Number of bits for the journey's number, which is unique in its worker."""


def journey_keys(samples: Table) -> Ints:
    """The journey of each request as a number that is unique in the run; -1 if it is unknown."""
    arrival = samples.ints["arrival"].astype(np.int64)
    worker = samples.ints["worker"].astype(np.int64)
    return np.where(arrival > 0, (worker << _WORKER_BITS) + arrival, -1)


def troubled_journeys(case: Case) -> Iterable[Measure]:
    """One measure over all fault-free windows, and the measures of its guards."""
    name = "share of journeys in trouble"
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return
    limit_ms = promised_ms(case.plan)
    parts = [journeys_of(window, limit_ms) for window in windows]
    bad, n = (sum(int(counts(part)) for part in parts) for counts in _COUNTS)
    scope = scope_of(windows[0], case.objective, "")
    if not n:
        why, hint = (
            "no recorded request names its journey",
            "run again with this version of the harness, which numbers the journeys",
        )
        yield inconclusive(case, name, why, hint, scope=scope)
        return
    rule = GuardRule(limit=case.scaled.in_unit("ratio"))
    bounds = share_in_time(slots_of(parts), case.objective.confidence, claim=True)
    waited = "" if limit_ms is None else f" or waited over {limit_ms:g} ms"
    found = bounded(
        case,
        name,
        bounds,
        unit="ratio",
        subject=f"{name} ({bad} of {n} journeys had a failed request{waited})",
        n_needed=needed(bad, rule.limit, case.objective.confidence),
        scope=scope,
        receipts={"load": joined_load_receipt(case.plan, windows, latencies=limit_ms is not None)},
        counted="journeys",
        detail=over_windows(windows),
        files=all_files(windows),
    )

    def bounds_of(some: Sequence[GuardedWindow]) -> Bounds:
        return share_in_time(slots_of(some), case.objective.confidence, claim=True)

    if found.outcome is Outcome.FAIL:
        tables = ((window.name, judged(window)) for window in windows)
        worst = ((window, rows.where(failed_or_late(rows, limit_ms))) for window, rows in tables)
        found = replace(found, worst_requests=worst_requests(case, worst))
    yield from with_guards(case, name, [found], lambda: parts, rule)
    yield from worsened(case, name, parts, rule, bounds_of, scope=scope)


_COUNTS: Final[tuple[Callable[[GuardedWindow], int], ...]] = (
    lambda part: int(part.bad.sum()),
    lambda part: len(part.bad),
)


def journeys_of(window: Window, limit_ms: float | None) -> GuardedWindow:
    """The journeys of a window, each at its first request in it; a journey with a bad request is bad."""
    samples = judged(window)
    wrong = failed_or_late(samples, limit_ms)
    keys, due = journey_keys(samples), samples.ints["intended_ns"]
    known = keys >= 0
    order = np.lexsort((due[known], keys[known]))
    own, at_ns, bad = keys[known][order], due[known][order], wrong[known][order]
    first = np.concatenate([[True], own[1:] != own[:-1]])[: len(own)]
    starts = np.flatnonzero(first)
    troubled = np.logical_or.reduceat(bad, starts) if len(starts) else bad
    return GuardedWindow(window=window.name, span=window.span, at_ns=at_ns[starts], bad=troubled)


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    return failures_tolerated(objective.limit.base, offered.journeys, objective)


SPEC: Final = Spec(
    figure=Figure.TROUBLED_JOURNEYS,
    judge=troubled_journeys,
    limit=LimitRule(dimension="ratio", ops=ONLY_BELOW, most=1),
    timed=True,
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    numbers=_numbers,
)
