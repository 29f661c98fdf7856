"""Replication lag: the time by which each replica is behind the primary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.figures.fault_free import (
    GuardedWindow,
    GuardRule,
    fault_free_windows,
    one_after_another,
    over_windows,
    with_guards,
)
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.watch import LEAST_S, SHARE_OF_LIMIT, gaps_ns, watch_receipt
from harness.judgement.recovery.requests import GAP_NS
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import needed
from harness.model import REPLICAS, Figure, LimitRule, Measure, Phase, Receipt, Table, Window
from harness.model.records.table import Ints, Words
from harness.units import NS_PER_S


def replication_lags(case: Case) -> Iterable[Measure]:
    """One measure per replica: the quantile of its lag over all fault-free windows.

    A probe without an answer counts as over any limit. A member of the plan that was not observed may be a replica, so it is judged too.
    """
    objective, quantile = case.objective, case.quantile
    name = f"replication lag p{quantile * 100:g}"
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return
    observed = case.evidence.replicas
    seen = [observed.between("at_ns", *window.span) for window in windows]
    seen = [_with_roles(rows) for rows in seen]
    known = sorted({*observed.words["member"].present, *case.plan.members})
    members = [member for member in known if not _only_primary(member, seen, windows, case.scaled.in_unit("s"))]
    if not members:
        why = "no replica was observed"
        yield inconclusive(
            case, name, why, "make sure that the watcher `replicas` can read every member, then run again"
        )
    found = [
        _replication_lag(case, name, quantile, member, seen, windows=windows)
        for member in members
        if objective.scope.subject in ("", member)
    ]
    parts = [_part(case, _replica(rows, None), window) for rows, window in zip(seen, windows, strict=True)]
    rule = GuardRule(limit=1 - quantile, quantile=quantile, unit="s")
    yield from with_guards(case, name, found, lambda: parts, rule, own="replica")


def _only_primary(member: str, seen: Sequence[Table], windows: Sequence[Window], limit: float) -> bool:
    """Whether a member was observed as the primary throughout and without gaps, so that it has no lag."""
    observed = Table.merged(REPLICAS, seen)
    own = observed.words["role"].equals("primary")[observed.words["member"].equals(member)]
    if not len(own) or not own.all():
        return False
    return all(
        gaps_ns(_seen_ns(rows, member), window.span).max() <= max(GAP_NS, SHARE_OF_LIMIT * limit * NS_PER_S)
        for rows, window in zip(seen, windows, strict=True)
        if window.seconds >= LEAST_S
    )


def _seen_ns(observed: Table, member: str) -> Ints:
    """When a member was observed in any role, in ns."""
    return observed.where(observed.words["member"].equals(member)).ints["at_ns"]


def _with_roles(observed: Table) -> Table:
    """The observations of a window; a probe without an answer has the role that the member last reported, or else the role that it reported next."""
    members, roles = observed.words["member"].text(), observed.words["role"].text()
    known: dict[str | None, str] = {}
    for member, role in zip(members, roles, strict=True):
        if role is not None:
            known.setdefault(member, role)
    for at, (member, role) in enumerate(zip(members, roles, strict=True)):
        if role is None:
            roles[at] = known.get(member)
        else:
            known[member] = role
    return replace(observed, words={**observed.words, "role": Words.of(roles)})


def _replica(observed: Table, member: str | None) -> Table:
    """The observations of a member, or of all members, while it was a replica."""
    rows = observed.where(~observed.words["role"].equals("primary"))
    return rows if member is None else rows.where(rows.words["member"].equals(member))


def _part(case: Case, rows: Table, window: Window) -> GuardedWindow:
    lag_ns = rows.ints["lag_ns"]
    lag_s = np.where(lag_ns < 0, math.inf, lag_ns / 1e9)
    bad = lag_s >= case.scaled.in_unit("s")
    words = {"replica": rows.words["member"]}
    return GuardedWindow(
        window=window.name, span=window.span, at_ns=rows.ints["at_ns"], bad=bad, values=lag_s, words=words
    )


def _replication_lag(
    case: Case, name: str, quantile: float, member: str, seen: Sequence[Table], *, windows: Sequence[Window]
) -> Measure:
    objective, limit = case.objective, case.scaled.in_unit("s")
    parts = [_part(case, _replica(rows, member), window) for rows, window in zip(seen, windows, strict=True)]
    lag_s = one_after_another([np.zeros(0) if part.values is None else part.values for part in parts])
    timeline = Timeline.joined([(part.at_ns, part.span) for part in parts])
    bounds = quantile_in_time(lag_s, timeline, quantile, limit, objective.confidence, claim=True)
    return bounded(
        case,
        name,
        bounds,
        unit="s",
        subject=f"{name} of {member}",
        n_needed=needed(int((lag_s >= limit).sum()), 1 - quantile, objective.confidence),
        scope={"traffic": windows[0].traffic, "phase": objective.scope.phase.value, "replica": member},
        receipts={"watch": _receipt(case, member, seen, windows, limit)},
        counted="probes",
        detail=over_windows(windows),
        files=("watch/replicas.parquet",),
    )


def _receipt(case: Case, member: str, seen: Sequence[Table], windows: Sequence[Window], limit: float) -> Receipt:
    """Whether a member was observed without gaps in every window, as replica or as primary."""
    receipts = []
    for rows, window in zip(seen, windows, strict=True):
        receipts.append(watch_receipt(case.evidence, "replicas", _seen_ns(rows, member), window.span, limit_s=limit))
    return next((receipt for receipt in receipts if receipt.ok is not True), receipts[0])


SPEC: Final = Spec(
    figure=Figure.REPLICATION_LAG,
    judge=replication_lags,
    limit=LimitRule(dimension="time"),
    timed=True,
    unit="s",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    rates={"member": 5.0},
    evidence=lambda _case: ("watch/replicas.", "history/watch."),
    needs=lambda _objective: (Need(key="database", why="replication lag is read from the database's members"),),
)
