"""Variation: the difference of a response time quantile between any two windows of a length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from harness.judgement.figures.fault_free import all_files, fault_free_windows
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import MORE_TRAFFIC
from harness.judgement.figures.spec import Basis, Lack, Offered, Spec
from harness.judgement.figures.trends.timed import Times, counted
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.receipts.watch import Span
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Objective, Phase, ReasonKind, Window
from harness.units import NS_PER_S

FIGURE: Final = Figure.VARIATION
PART: Final = "of every"
"""Key among the objective's times: length of the compared parts."""
FEWEST: Final = 2


def variations(case: Case) -> Iterable[Measure]:
    """One measure: the highest quantile of a part divided by the lowest, minus 1, over all fault-free windows."""
    name = f"variation of the response time p{case.quantile * 100:g}"
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return
    length = case.objective.times[PART].at_scale(case.plan.time_scale)
    parts = [part for window in windows for part in _parts(window, round(length.base * NS_PER_S))]
    scope = {"traffic": windows[0].traffic, "phase": case.objective.scope.phase.value}
    if len(parts) < FEWEST:
        why = f"the fault-free windows have {len(parts)} parts of {length}, expected at least {FEWEST}"
        yield inconclusive(case, name, why, MORE_TRAFFIC, kind=ReasonKind.TOO_FEW, scope=scope)
        return
    bounds = _variation(case, parts)
    if math.isnan(bounds.value):
        yield inconclusive(
            case,
            name,
            bounds.why,
            "see `error` of the requests in load/ for the cause of the missing answers, correct it, then run again",
            kind=ReasonKind.TOO_FEW,
            scope=scope,
        )
        return
    found = sorted(times.quantile(case.quantile) for times, _ in parts)
    yield bounded(
        case,
        name,
        bounds,
        unit="ratio",
        subject=name,
        scope=scope,
        receipts={"load": joined_load_receipt(case.plan, windows, latencies=True)},
        fail_needs=("load",),
        detail=f"{formatted(found[0], 'ms')} to {formatted(found[-1], 'ms')} in {len(parts)} parts of {length}",
        files=all_files(windows),
    )


def _parts(window: Window, length_ns: int) -> Iterable[tuple[Times, Span]]:
    """The window in consecutive parts of this length; a shorter remainder is left out."""
    start_ns, end_ns = window.span
    for begin_ns in range(start_ns, end_ns - length_ns + 1, length_ns):
        span = (begin_ns, begin_ns + length_ns)
        yield counted(window.samples.between("intended_ns", *span), math.inf), span


def _variation(case: Case, parts: Sequence[tuple[Times, Span]]) -> Bounds:
    """The highest quantile of a part divided by the lowest, minus 1, with its bounds.

    The upper bound is the highest upper bound divided by the lowest lower bound. It is wrong only if a bound of the highest or of the lowest part is
    wrong, so two bounds share the error budget, whatever the number of parts. The lower bound is the highest lower bound divided by the lowest
    upper bound. It is wrong if any bound is wrong, so all bounds share the budget.
    """
    quantile, limit = case.quantile, case.scaled.in_unit("ratio")
    values = [times.quantile(quantile) for times, _ in parts]
    n = sum(len(times.ms) for times, _ in parts)
    method = f"highest of {len(parts)} parts divided by the lowest, from the bounds of each part"
    nothing = Bounds(
        value=math.nan,
        low=-math.inf,
        high=math.inf,
        fail_low=-math.inf,
        fail_high=math.inf,
        confidence=case.objective.confidence,
        n=n,
        method=method,
        why="one of the parts has no answer, or too few answers",
    )
    if not all(0 < value < math.inf for value in values):
        return nothing
    middle = math.sqrt(min(values) * max(values))

    def bounds_at(confidence: float) -> list[Bounds]:
        return [
            quantile_in_time(
                times.ms, Timeline.of(times.at_ns, span), quantile, middle * math.sqrt(1 + limit), confidence
            )
            for times, span in parts
        ]

    def least(confidence: float) -> float:
        """The lower bound at a confidence: the highest lower bound of a part divided by the lowest upper bound, minus 1."""
        each = bounds_at(1 - (1 - confidence) / (2 * len(parts)))
        return max(max(one.low for one in each) / min(one.high for one in each) - 1, 0.0)

    each = bounds_at(1 - (1 - case.objective.confidence) / 2)
    lowest = min(one.low for one in each)
    return Bounds(
        value=max(values) / min(values) - 1,
        low=least(case.objective.confidence),
        high=max(one.high for one in each) / lowest - 1 if lowest > 0 else math.inf,
        fail_low=least(FAIL_CONFIDENCE),
        fail_high=math.inf,
        confidence=case.objective.confidence,
        n=n,
        method=method,
    )


def _lacks(objective: Objective, offered: Offered) -> Iterable[Lack]:
    length_s = objective.times[PART].at_scale(offered.time_scale).base
    if offered.window_s and offered.window_s < FEWEST * length_s:
        what = f"a fault-free window of {FEWEST * length_s:g} s (planned: {offered.window_s:g} s)"
        yield Lack(what=what, window_s=FEWEST * length_s)


SPEC: Final = Spec(
    figure=FIGURE,
    judge=variations,
    limit=LimitRule(dimension="ratio", ops=ONLY_BELOW),
    timed=True,
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    lacks=_lacks,
)
