"""Replication lag: how far each replica is behind the primary."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.figures.indicators import in_time, steady_window
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, bounded, held, inconclusive
from harness.judgement.receipts.watch import watch_receipt
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import needed
from harness.model import Figure, LimitRule, Measure, Phase, Table, Window


def replication_lags(case: Case) -> Iterable[Measure]:
    """One measure of the quantile a replica; a look that got no answer counts as over any limit."""
    objective, quantile = case.objective, case.quantile
    name = f"replication lag p{quantile * 100:g}"
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    looks = case.evidence.replicas
    seen = looks.between("at_ns", window.start_ns, window.end_ns)
    members = [name for name in looks.words["member"].present if not _only_primary(seen, name)]
    if not members:
        yield inconclusive(
            case, name, "no replica was looked at", "let the watcher `replicas` read every member, then run again"
        )
    for member in members:
        if objective.scope.subject in ("", member):
            rows = seen.where(seen.words["member"].equals(member) & ~seen.words["role"].equals("primary"))
            yield _replication_lag(case, name, quantile, member, rows, window=window)


def _only_primary(looks: Table, member: str) -> bool:
    """Whether a member was the primary at every look: it has no lag. One that was not looked at is not known to be."""
    own = looks.words["role"].equals("primary")[looks.words["member"].equals(member)]
    return len(own) > 0 and bool(own.all())


def _replication_lag(case: Case, name: str, quantile: float, member: str, looks: Table, *, window: Window) -> Measure:
    objective, limit = case.objective, case.scaled.in_unit("s")
    lag_ns = looks.ints["lag_ns"]
    lag_s = np.where(lag_ns < 0, math.inf, lag_ns / 1e9)
    bounds = quantile_in_time(lag_s, in_time(looks, "at_ns", window), quantile, limit, objective.confidence)
    over = int((lag_s >= limit).sum())
    span = window.span
    receipt = watch_receipt(case.evidence, "replicas", looks.ints["at_ns"], span, limit_s=limit)
    return bounded(
        case,
        name,
        bounds,
        held(objective.op, bounds, limit),
        unit="s",
        subject=f"{name} of {member}",
        n_needed=needed(over, 1 - quantile, objective.confidence),
        scope={"traffic": window.traffic, "phase": objective.scope.phase.value, "replica": member},
        receipts={"watch": receipt},
        files=("watch/replicas.parquet",),
    )


SPEC: Final = Spec(
    figure=Figure.REPLICATION_LAG,
    judge=replication_lags,
    limit=LimitRule(dimension="time"),
    unit="s",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda _case: ("watch/replicas.", "history/watch."),
    needs=lambda _objective: (Need(key="database", why="replication lag is read from the database's members"),),
)
