"""Shared by the KPIs: the requests that count, their response times, and their groups by route or region."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.measures import Case, inconclusive, not_falsifiable
from harness.judgement.routes import routes_called
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.statistics import Floats
from harness.model import Measure, Objective, Per, Phase, Plan, ReasonKind, Table, Window
from harness.model.records.table import Bools, Ints
from harness.model.rounding import plain
from harness.words import some

CUT_OFF: Final = "cut_off"
_BUSY: Final = frozenset({408, 425, 429})
"""Client errors that do not show a wrong request."""
MORE_TRAFFIC: Final = "let the traffic run longer, then run again"


def failed(samples: Table) -> Bools:
    """A mask of failed requests: requests with an error, cut off at the end, or without an answer."""
    return np.asarray(~samples.words["error"].missing | (samples.ints["status"] <= 0), dtype=np.bool_)


def waited_ms(samples: Table, *, since: str = "intended_ns") -> Floats:
    """Response time of each request in ms, from the intended send time or from `since`.

    Infinite without an answer, or when cut off at the end.
    """
    ms = np.subtract(samples.ints["done_ns"], samples.ints[since], out=np.empty(len(samples)), dtype=np.int64)
    ms /= 1e6
    ms[(samples.ints["status"] <= 0) | samples.words["error"].equals(CUT_OFF)] = math.inf
    return ms


def failed_or_late(samples: Table, limit_ms: float | None) -> Bools:
    """A mask of requests that failed or took longer than a limit; None: no limit."""
    return failed(samples) if limit_ms is None else failed(samples) | (waited_ms(samples) > limit_ms)


def timed(samples: Table) -> Table:
    """The requests with a response time; a message that a server pushes has none (`SAMPLES`), so it is counted but is in no quantile."""
    instant = samples.ints["done_ns"] == samples.ints["intended_ns"]
    return samples.where(~instant | (samples.ints["status"] <= 0))


def counted_ms(
    samples: Table, limit_ms: float, *, since: str = "intended_ns", quick_failures: bool = False
) -> tuple[Floats, Bools]:
    """Response times in ms of the requests that count against a limit, and their mask.

    A request without an answer, or cut off at the end, counts as over any limit. An answered failure counts only if it took longer than the limit; a
    quick failure counts in the error rate only. So a failure never improves a response time. Before a FAIL quick failures count too
    (`quick_failures`), since the slow failures alone are not representative if most requests fail. The samples must be `timed`.
    """
    ms = waited_ms(samples, since=since)
    counted = ~failed(samples) | (ms >= limit_ms) | quick_failures
    return ms[counted], counted


def response_ms(samples: Table, limit_ms: float, *, since: str = "intended_ns") -> tuple[Floats, Ints]:
    """Response times of the requests that `counted_ms` counts, with the intended send times."""
    ms, counted = counted_ms(samples, limit_ms, since=since)
    return ms, samples.ints["intended_ns"][counted]


def groups(samples: Table, plan: Plan, window: Window, objective: Objective) -> Iterable[tuple[str, Table]]:
    """The samples in the groups of the objective, including planned groups without samples."""
    scope = objective.scope
    if scope.per not in (Per.ROUTE, Per.REGION):
        yield "", samples
        return
    planned = plan.traffic[window.traffic].routes if window.traffic in plan.traffic else {}
    parts = samples.apart("name" if scope.per is Per.ROUTE else "region")
    names = [scope.subject] if scope.subject else [*(planned if scope.per is Per.ROUTE else plan.regions), *parts]
    if scope.per is Per.ROUTE:
        names = [route for name in names for route in routes_called(name, samples)]
    for name in sorted({*names}):
        yield name, parts.get(name, Table.empty(samples.schema))


def steady_window(case: Case, name: str) -> Window | Measure:
    """The window on which KPIs are judged, or a measure with the reason why there is none."""
    objective, window = case.objective, case.window
    if objective.scope.phase is not Phase.STEADY:
        why = f"a KPI is judged in the fault-free window, expected no phase such as {objective.scope.phase.value!r}"
        return not_falsifiable(case, name, why)
    if window is None:
        traffic = objective.scope.traffic or "any traffic"
        return inconclusive(case, name, f"the run has no fault-free window of {traffic}", MORE_TRAFFIC)
    seconds = window.seconds
    expected = objective.window.at_scale(case.plan.time_scale).in_unit("s") if objective.window else 0.0
    if seconds < expected:
        why = f"the fault-free window lasted {plain(seconds, 4)} s, expected {plain(expected, 4)} s"
        return inconclusive(case, name, why, MORE_TRAFFIC, kind=ReasonKind.TOO_FEW)
    return window


def scope_of(window: Window, objective: Objective, group: str) -> dict[str, str]:
    """The scope of a measure: the traffic, the phase, and the group if there is one."""
    scope = {"traffic": window.traffic, "phase": objective.scope.phase.value}
    return {**scope, objective.scope.per.value: group} if group else scope


def errors_by_kind(samples: Table) -> dict[str, int]:
    """Number of failed requests by kind of error, most frequent first."""
    bad = samples.where(failed(samples)).words["error"]
    kinds = Counter({"no answer": int(bad.missing.sum())})
    for kind, n in bad.counts.items():
        kinds[kind or "no answer"] += n
    return dict(sorted((+kinds).items(), key=lambda item: (-item[1], item[0])))


def refused_routes(tables: Iterable[Table]) -> dict[str, int]:
    """The routes of which every request was refused with the same client error, and the status of that error.

    Such requests are wrong, or a condition for them is missing; a platform that is down answers differently.
    """
    found: dict[str, set[int]] = {}
    for rows in tables:
        statuses = np.where(
            failed(rows), rows.ints["status"], 0
        )  # an expected answer was not refused, whatever its status is
        for route in rows.words["name"].counts:
            own = statuses[rows.words["name"].equals(route)]
            found.setdefault(route, set()).update({int(one) for one in np.unique(own)})
    single = {route: min(seen) for route, seen in found.items() if len(seen) == 1}
    return {route: status for route, status in single.items() if 400 <= status < 500 and status not in _BUSY}


def refused_hint(case: Case, tables: Iterable[Table]) -> str:
    """The hint if every request of a route was refused; empty if there is no such route."""
    refused = refused_routes(tables)
    if not refused:
        return ""
    named = some([f"{route} {status}" for route, status in refused.items()])
    return (
        f"every request of a route was refused ({named}); correct the requests of the journey, such as sign-in, path or body "
        f"(docs/load.md), or the platform that refuses it; `readiness why {case.claim.requirement}` shows the evidence"
    )


def in_time(rows: Table, column: str, window: Window) -> Timeline:
    """The times of the rows of a window, from one of their time columns."""
    return Timeline.of(rows.ints[column], window.span)
