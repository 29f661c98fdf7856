"""Soak: changes and failures under constant load without a fault.

On a scaled target the fault-free window represents the soak.
A soak of 8 h is not run in a sandbox. The window before the first fault represents it, at a time scale of its own that every figure names: an
hour of the soak is an eighth of the window. A target at scale 1 must run for the length in the sentence. The window lasts until the first fault
is sent. While the harness prepares that fault the load is not constant, so the soak ends after its planned length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import MORE_TRAFFIC, groups, steady_window
from harness.judgement.figures.spec import Basis, Lack, Need, Offered, Spec
from harness.judgement.figures.trends.quantile_ratios import ratio_of_quantiles
from harness.judgement.figures.trends.timed import answered_well, counted
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.watch import pods_receipt
from harness.judgement.shapes.every import Things, every_one
from harness.judgement.wording import formatted
from harness.model import (
    ONLY_BELOW,
    Figure,
    LimitRule,
    Measure,
    Objective,
    Op,
    Phase,
    Quantity,
    ReasonKind,
    Receipt,
    Table,
    Window,
)
from harness.model.rounding import plain
from harness.units import NS_PER_S

LAST_HOUR: Final = Figure.LAST_HOUR
RESTARTS: Final = Figure.RESTARTS
SOAK: Final = "soak"
"""Key among the objective's times: the length of the soak."""
_HOUR: Final = Quantity(value=1, unit="h")


@dataclass(frozen=True, kw_only=True, slots=True)
class Soak:
    """The window that represents a soak.

    Attributes:
        window: window before the first fault.
        span: planned part of the window, in ns.
        hour_s: length of an hour of the soak in the window, in s.
        words: soak and window in words, for the reason of every figure.
    """

    window: Window
    span: tuple[int, int]
    hour_s: float
    words: str


def soak_in(case: Case, name: str) -> Soak | Measure:
    """The soak of the objective, or a measure with the reason why there is none."""
    window = steady_window(case, name)
    if isinstance(window, Measure):
        return window
    length = case.objective.times[SOAK]
    planned = case.plan.traffic.get(window.traffic)
    seconds = min(window.seconds, planned.window_s if planned else math.inf)
    span = (window.start_ns, window.start_ns + round(seconds * NS_PER_S))
    if case.plan.time_scale == 1 and seconds < length.base:
        why = f"the fault-free window lasted {plain(seconds, 4)} s, expected {length} for the soak"
        return inconclusive(case, name, why, MORE_TRAFFIC, kind=ReasonKind.TOO_FEW)
    if case.plan.time_scale == 1:
        return Soak(window=window, span=span, hour_s=_HOUR.base, words=f"observed over {plain(seconds, 4)} s")
    scale = length.base / seconds
    words = f"the soak of {length} is represented by the fault-free window of {plain(seconds, 4)} s, at a time scale of {scale:.4g}"
    return Soak(window=window, span=span, hour_s=_HOUR.base / scale, words=words)


def last_hours(case: Case) -> Iterable[Measure]:
    """One measure per route: the quantile in the last hour of the soak, divided by the quantile in its first hour."""
    name = f"response time p{case.quantile * 100:g} in the last hour relative to the first hour"
    soak = soak_in(case, name)
    if isinstance(soak, Measure):
        yield soak
        return
    receipt = load_receipt(case.plan, soak.window, latencies=True)
    for route, samples in groups(soak.window.samples, case.plan, soak.window, case.objective):
        yield _last_hour(case, name, route, samples, soak=soak, receipt=receipt)


def _last_hour(case: Case, name: str, route: str, samples: Table, *, soak: Soak, receipt: Receipt) -> Measure:
    objective, quantile, limit = case.objective, case.quantile, case.objective.limit.base
    start_ns, end_ns = soak.span
    hour_ns = round(soak.hour_s * NS_PER_S)
    first, last = (start_ns, start_ns + hour_ns), (end_ns - hour_ns, end_ns)
    then = answered_well(samples.between("intended_ns", *first))
    now = counted(samples.between("intended_ns", *last), then.quantile(quantile) * limit if len(then.ms) else math.inf)
    scope = {"traffic": soak.window.traffic, "phase": objective.scope.phase.value, "route": route}
    ratio = ratio_of_quantiles(quantile, limit, (now, last), (then, first), objective.confidence)
    if math.isnan(ratio.value):
        why = f"{route}, in the first or last hour: {ratio.why}"
        return inconclusive(case, name, why, MORE_TRAFFIC, kind=ReasonKind.TOO_FEW, scope=scope)
    values = [formatted(times.quantile(quantile), "ms") for times in (now, then)]
    return bounded(
        case,
        name,
        ratio,
        unit="",
        subject=f"{name} of {route}",
        scope=scope,
        receipts={"load": receipt},
        fail_needs=("load",),
        detail=f"{values[0]} in the last hour, {values[1]} in the first hour; {soak.words}",
        files=soak.window.files,
    )


def restarts(case: Case) -> Iterable[Measure]:
    """One measure: the restarts of containers in the soak, of pods that were known at its beginning."""
    name = RESTARTS.value
    soak = soak_in(case, name)
    if isinstance(soak, Measure):
        yield soak
        return
    start_ns, end_ns = soak.span
    seen = [c for c in case.evidence.pods if c.what == "restarted" and start_ns <= c.at_ns < end_ns]
    pods = ", ".join(sorted({f"{change.namespace}/{change.name}" for change in seen}))
    receipts = {"watch": pods_receipt(case.evidence, soak.span)}
    known = len(case.evidence.pods_before(start_ns + 1))
    if not known and receipts["watch"].ok:
        receipts = {"watch": Receipt(ok=None, why="no pod was recorded at the beginning of the soak")}
    found = Things(
        bad=len(seen),
        n=known,
        text=f"{len(seen) or 'no'} pod restarts{f' ({pods})' if pods else ''}, expected none; {soak.words}",
        scope={"traffic": soak.window.traffic, "phase": case.objective.scope.phase.value},
        receipts=receipts,
        scaled_limit=None,
        said="0",
        told=Op.HOLDS,
        method="restart counts of every container, as the API server reports their changes",
        files=("history/pods.ndjson",),
    )
    yield every_one(case, found)


def _lacks(objective: Objective, offered: Offered) -> Iterable[Lack]:
    """A window that is too short: at time scale 1 it must be as long as the soak."""
    length = objective.times[SOAK]
    if offered.time_scale == 1 and offered.window_s and offered.window_s < length.base:
        yield Lack(what=f"a fault-free window of {length} (planned: {offered.window_s:g} s)", window_s=length.base)


def _few_in_an_hour(objective: Objective, offered: Offered) -> Iterable[Lack]:
    """A window that is too short, or too few requests per hour on the smallest route to compare two hours."""
    yield from _lacks(objective, offered)
    hours = (offered.window_s if offered.time_scale == 1 else objective.times[SOAK].base) / _HOUR.base
    planned = math.floor(offered.requests / hours) if hours else 0
    needed = least_requests(objective.quantile or 0.5, objective.limit.base, objective.confidence)
    if offered.window_s and planned < needed:
        window_s = math.ceil(offered.window_s * needed / max(planned, 1))
        what = f"{needed} requests per hour of the soak on the least used route (planned: {planned})"
        yield Lack(what=what, window_s=window_s, grows=False)


def least_requests(quantile: float, limit: float, confidence: float) -> int:
    """Number of requests per hour that prove with this confidence that two equal quantiles differ by less than the factor `limit`.

    They prove it in at least three of four runs if response times have an exponential tail. (The judge's bounds are a little wider than the bounds used
    here.) Then the relative standard error of a sample quantile is sqrt(p (1 - p) / n) / ((1 - p) ln(1 / (1 - p))).
    Source: H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed., 10.2.
    """
    if limit <= 1:
        return 1
    error = math.sqrt(quantile / (1 - quantile)) / -math.log1p(-quantile)
    reach = 2 * NormalDist().inv_cdf(confidence) * math.sqrt(2) * error
    return math.ceil((reach / math.log(limit)) ** 2)


LAST_HOUR_SPEC: Final = Spec(
    figure=LAST_HOUR,
    judge=last_hours,
    limit=LimitRule(dimension="count", ops=ONLY_BELOW),
    timed=True,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    lacks=_few_in_an_hour,
)
RESTARTS_SPEC: Final = Spec(
    figure=RESTARTS,
    judge=restarts,
    timed=True,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda _case: ("history/pods.", "history/watch."),
    needs=lambda _objective: (Need(key="kubernetes", why="restarts are read from the Kubernetes API"),),
    lacks=_lacks,
)
