"""Baseline factor: the response times of each route divided by the response times of the baseline, an earlier run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.indicators import MORE_TRAFFIC, groups
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.figures.trends.improvement import (
    NEEDS_BASELINE,
    baseline_files,
    both_load_receipts,
    windows_compared,
)
from harness.judgement.figures.trends.quantile_ratios import ratio_of_quantiles
from harness.judgement.figures.trends.timed import answered_well, counted
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Baseline, Figure, LimitRule, Measure, Phase, ReasonKind, Table, Window

FIGURE: Final = Figure.BASELINE_FACTOR


def baseline_factors(case: Case) -> Iterable[Measure]:
    """One measure per route: the ratio of this run's quantile to the quantile of the baseline."""
    name = f"response time p{case.quantile * 100:g} relative to the baseline"
    compared = windows_compared(case, name)
    if isinstance(compared, Measure):
        yield compared
        return
    window, baseline = compared
    before = dict(groups(baseline.windows[window.traffic].samples, baseline.plan, window, case.objective))
    for route, samples in groups(window.samples, case.plan, window, case.objective):
        then = before.get(route, Table.empty(samples.schema))
        yield _factor(case, f"{name} of {route}", route, samples, then, window=window, baseline=baseline)


def _factor(
    case: Case, name: str, route: str, samples: Table, before: Table, *, window: Window, baseline: Baseline
) -> Measure:
    objective, quantile, limit = case.objective, case.quantile, case.objective.limit.base
    span_before = baseline.windows[window.traffic].span
    then = answered_well(before)
    now = counted(samples, then.quantile(quantile) * limit if len(then.ms) else math.inf)
    scope = {
        "traffic": window.traffic,
        "phase": objective.scope.phase.value,
        "route": route,
        "baseline": baseline.plan.run,
    }
    ratio = ratio_of_quantiles(quantile, limit, (now, window.span), (then, span_before), objective.confidence)
    if math.isnan(ratio.value):
        why = f"{route}, in this run or in the baseline: {ratio.why}"
        return inconclusive(case, name, why, MORE_TRAFFIC, kind=ReasonKind.TOO_FEW, scope=scope)
    values = [formatted(times.quantile(quantile), "ms") for times in (now, then)]
    return bounded(
        case,
        name,
        ratio,
        unit="",
        subject=name,
        scope=scope,
        receipts={"load": both_load_receipts(case, window, baseline)},
        fail_needs=("load",),
        detail=f"{values[0]} in this run, {values[1]} in the baseline {baseline.plan.run} with release {baseline.plan.release}",
        files=(*window.files, *baseline.windows[window.traffic].files),
    )


SPEC: Final = Spec(
    figure=FIGURE,
    judge=baseline_factors,
    limit=LimitRule(dimension="count", ops=ONLY_BELOW),
    timed=True,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=baseline_files,
    needs=lambda _objective: NEEDS_BASELINE,
)
