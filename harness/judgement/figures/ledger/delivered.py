"""Share of delivered events: accepted in a fault-free window, and visible within a limit, once and with their value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from harness.judgement.figures.fault_free import GuardedWindow, fault_free_windows, over_windows, slots_of
from harness.judgement.figures.ledger.pipelines import (
    WATCHER,
    WITHIN,
    accepted_receipt,
    unread,
    unseen_for_s,
    visible_after_s,
    young,
)
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.spec import Basis, Need, Numbers, Offered, Spec
from harness.judgement.measures import Case, bounded, held
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.statistics import Bounds, needed
from harness.model import Figure, LimitRule, Measure, Objective, Op, Outcome, Phase, Receipt, Table, Window
from harness.model.records.table import Bools


def delivered(case: Case) -> Iterable[Measure]:
    """One measure: the share of events that were delivered in time.

    An event of unknown state counts against a PASS, but not for a FAIL.
    """
    objective, name = case.objective, "share of delivered events"
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return
    within_s = objective.times[WITHIN].at_scale(case.plan.time_scale).in_unit("s")
    limit = case.scaled.in_unit("ratio")
    events = case.evidence.pipeline.where(case.evidence.pipeline.words["outcome"].equals("accepted"))
    tables = [events.between("accepted_ns", *window.span) for window in windows]
    good = [_in_time(rows, within_s) for rows in tables]
    unknown = [unread(rows) | young(case.evidence, rows, within_s) | _between(rows, within_s) for rows in tables]
    strict = _bounds(tables, windows, good, case)
    lenient = _bounds(tables, windows, [g | u for g, u in zip(good, unknown, strict=True)], case)
    outcome = held(objective.op, strict, limit)
    receipt = accepted_receipt(case, 1 - limit)
    n, kept, untold = (sum(int(mask.sum()) for mask in masks) for masks in ([_all(r) for r in tables], good, unknown))
    unsure = outcome is not Outcome.PASS and held(objective.op, lenient, limit) is not outcome
    if unsure and receipt.ok:
        why, hint = (
            f"the state of {untold} events is unknown",
            "make sure that the path `visible` of `pipeline` (target file) answers until the end of the run, then run again",
        )
        receipt = Receipt(ok=None, why=why, hint=hint)
    late = n - kept - untold
    more = f", the state of {untold} is unknown" if untold else ""
    yield bounded(
        case,
        name,
        lenient if outcome is Outcome.FAIL and not unsure else strict,
        unsure=unsure,
        unit="ratio",
        subject=f"{name} within {within_s:g} s ({late} of {n} were late, lost, doubled or changed{more})",
        n_needed=needed(n - kept, 1 - limit, objective.confidence),
        scope={"traffic": windows[0].traffic, "phase": objective.scope.phase.value},
        receipts={"watch": receipt},
        counted="events",
        detail=over_windows(windows),
        files=(f"watch/{WATCHER}.parquet",),
    )


def _all(rows: Table) -> Bools:
    return np.ones(len(rows), dtype=np.bool_)


def _in_time(rows: Table, within_s: float) -> Bools:
    whole = rows.words["state"].equals("found") & (rows.ints["copies"] <= 1)
    return np.asarray(whole & (visible_after_s(rows) <= within_s), dtype=np.bool_)


def _between(rows: Table, within_s: float) -> Bools:
    """A mask of events for which no request shows whether they became visible before or after the limit."""
    whole = rows.words["state"].equals("found") & (rows.ints["copies"] <= 1)
    return np.asarray(whole & (visible_after_s(rows) > within_s) & (unseen_for_s(rows) <= within_s), dtype=np.bool_)


def _bounds(tables: Sequence[Table], windows: Sequence[Window], good: Sequence[Bools], case: Case) -> Bounds:
    parts = [
        GuardedWindow(window=window.name, span=window.span, at_ns=rows.ints["accepted_ns"], bad=mask)
        for rows, window, mask in zip(tables, windows, good, strict=True)
    ]
    return share_in_time(slots_of(parts), case.objective.confidence, claim=True)


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    planned = round(EVENTS_PER_S * offered.window_s)
    return failures_tolerated(1 - objective.limit.base, planned, objective)


EVENTS_PER_S: Final = 5.0
"""Events per second that a run sends in fault-free windows for this figure: a limit of 0.5 % needs 598 events without a failure, or 947 with one failure."""


SPEC: Final = Spec(
    figure=Figure.DELIVERED,
    judge=delivered,
    limit=LimitRule(dimension="ratio", ops=frozenset({Op.AT_LEAST}), most=1),
    timed=True,
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda _case: ("watch/pipeline.", "history/watch."),
    numbers=_numbers,
    rates={"pipeline": EVENTS_PER_S},
    needs=lambda _objective: (Need(key="pipeline", why="events are followed through the pipeline of the target file"),),
)
