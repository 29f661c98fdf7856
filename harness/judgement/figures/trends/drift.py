"""Drift: growth of response times under constant load, for example by a memory leak or a growing database."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import MORE_TRAFFIC, groups, steady_window
from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.figures.spec import Basis, Numbers, Offered, Spec
from harness.judgement.figures.trends.timed import Times, counted
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.watch import Span
from harness.judgement.stats.slopes import Slope, slope_bounds
from harness.judgement.stats.statistics import Floats, quantile_of
from harness.model import (
    Figure,
    LimitRule,
    Measure,
    Objective,
    Op,
    Per,
    Phase,
    Quantity,
    ReasonKind,
    Receipt,
    Table,
    Window,
)
from harness.units import NS_PER_S

MOST_BATCHES: Final = 60
"""Largest number of time batches; more batches do not make the slope more precise."""
FEWEST_BATCHES: Final = 20
"""Least number of time batches for a verdict."""
FEWEST_BEYOND: Final = 3
"""Minimum mean number of requests beyond the quantile in a batch."""

HOUR: Final = Quantity(value=1, unit="h", scaled=True)


def drifts(case: Case) -> Iterable[Measure]:
    """One measure per route: growth of the quantile per hour, with the hour divided by the time scale."""
    objective, quantile = case.objective, case.quantile
    name = f"drift of the response time p{quantile * 100:g}"
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    receipt = load_receipt(case.plan, window, latencies=True)
    for group, samples in groups(window.samples, case.plan, window, objective):
        yield _drift(case, name, quantile, group, samples, window=window, receipt=receipt)


def _drift(
    case: Case, name: str, quantile: float, group: str, samples: Table, *, window: Window, receipt: Receipt
) -> Measure:
    objective, hour = case.objective, HOUR.at_scale(case.plan.time_scale)
    scope = {"traffic": window.traffic, "phase": objective.scope.phase.value, objective.scope.per.value: group}
    at_s, values = _series(counted(samples, math.inf), quantile, window.span)
    broken = int(np.isinf(values).sum())
    if len(values) < FEWEST_BATCHES:
        needed = requests_needed(quantile)
        why = f"{group} received {len(samples)} requests, expected about {needed} for {FEWEST_BATCHES} time batches"
        return inconclusive(case, name, why, MORE_TRAFFIC, kind=ReasonKind.TOO_FEW, scope=scope)
    if broken:
        over = f"{100 * (1 - quantile):.4g} %"
        why = f"in {broken} of {len(values)} time batches more than {over} of the requests of {group} had no answer"
        return inconclusive(
            case,
            name,
            why,
            "see `error` of the requests in load/ for the cause of the missing answers, correct it, then run again",
            scope=scope,
        )
    slope = slope_bounds(at_s / hour.in_unit("s"), values, objective.confidence)
    return bounded(
        case,
        name,
        slope.bounds,
        unit="ms",
        subject=f"the growth of the response time p{quantile * 100:g} of {group} in an hour",
        scope=scope,
        receipts={"load": receipt},
        fail_needs=("load",),
        detail=_detail(slope, at_s, hour),
        files=window.files,
        counted="time batches",
    )


def requests_needed(quantile: float) -> int:
    """Approximate number of requests of a route that fill FEWEST_BATCHES time batches."""
    return FEWEST_BATCHES * _batch_size(quantile)


def _batch_size(quantile: float) -> int:
    return math.ceil(round(FEWEST_BEYOND / min(quantile, 1 - quantile), 6))


def _series(times: Times, quantile: float, span: Span) -> tuple[Floats, Floats]:
    """The quantile of each time batch with requests, and the middle of the batch in seconds from the start.

    The batches have equal length, are at most MOST_BATCHES, and are large enough for the quantile.
    """
    batches = min(MOST_BATCHES, len(times.ms) // _batch_size(quantile))
    timed = times.batched(span, max(batches, 1))
    order = np.lexsort((timed.values, timed.batch))
    present, starts = np.unique(timed.batch[order], return_index=True)
    parts = np.split(timed.values[order], starts[1:])
    length_s = (span[1] - span[0]) / NS_PER_S / max(batches, 1)
    values = [quantile_of(part, quantile) for part in parts[: len(present)]]
    return np.asarray((present + 0.5) * length_s, dtype=np.float64), np.array(values, dtype=np.float64)


def _detail(slope: Slope, at_s: Floats, hour: Quantity) -> str:
    """The observed time, the length of a scaled hour, and a jump that is not counted, in words."""
    words = [f"observed over {at_s[-1] - at_s[0]:.4g} s"]
    if not hour.same_as(HOUR):
        words.append(f"an hour is {hour} at the time scale of the target")
    if slope.jump is not None:
        words.append(f"a jump {at_s[slope.jump]:.4g} s after the start of the window does not count as growth")
    return ", ".join(words)


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    if objective.quantile is None:
        return None
    least = requests_needed(objective.quantile)
    return Numbers(
        needed=f"{least} for its time batches",
        planned=f"{offered.requests}{' on the least used route' if offered.by_route else ''}",
        tolerated="a slope" if offered.requests >= least else "none: too few",
        refuting="a slope" if offered.requests >= least else "none: too few",
        chances="not known",
        short=None if offered.requests >= least else (offered.requests, least),
    )


SPEC: Final = Spec(
    figure=Figure.DRIFT,
    judge=drifts,
    limit=LimitRule(dimension="time", signed=True),
    timed=True,
    unit="ms",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    numbers=_numbers,
    sentences=(
        FigureSentence(
            name="drift",
            text="the response time <quantile> of every route grows by less than <limit:duration> an hour[ in the steady state]",
            example="the response time p95 of every route grows by less than 20 ms an hour",
            about="The slope of a quantile of the response times of each route over the window; one jump is not growth. The worst route decides.",
            op=Op.BELOW,
            per=Per.ROUTE,
        ),
    ),
)
