"""Improvement: how much lower the response times are than in the baseline, an earlier run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import MORE_TRAFFIC, steady_window
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.figures.timed import Span, Times, answered_well, counted
from harness.judgement.measures import Case, bounded, formatted, held, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.comparisons import batch_count, ratio_of, widened
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import Bounds
from harness.model import Baseline, Figure, LimitRule, Measure, Phase, Plan, ReasonKind, Receipt, Window

LEAST_LEFT: Final = 1e-9
"""Lowest ratio of a limit: an improvement of 100 % is a valid limit that no run can meet."""

GIVE_ONE: Final = "give a run of the same target and traffic with --baseline RUN"


def unlike(plan: Plan, baseline: Plan, traffic: Iterable[str]) -> str:
    """Why a run cannot be the baseline of another (target, time scale or traffic); empty if it can."""
    pairs = [
        ("target", plan.target, baseline.target),
        ("environment", plan.environment, baseline.environment),
        ("time scale", plan.time_scale, baseline.time_scale),
    ]
    for name in traffic:
        mine, theirs = plan.traffic.get(name), baseline.traffic.get(name)
        if mine is None or theirs is None:
            return f"{'the baseline' if mine else 'this run'} has no {name!r} traffic"
        for words, of_mine, of_theirs in (
            ("the load model", (mine.model, mine.arrivals), (theirs.model, theirs.arrivals)),
            ("journeys a second", mine.journeys_per_s, theirs.journeys_per_s),
            ("requests a journey", mine.requests_per_journey, theirs.requests_per_journey),
            ("shares of the routes", dict(mine.routes), dict(theirs.routes)),
        ):
            pairs.append((f"{words} of {name!r} traffic", of_mine, of_theirs))
    found = next(((what, mine, theirs) for what, mine, theirs in pairs if mine != theirs), None)
    return "" if found is None else f"{found[0]}: {found[1]} here, {found[2]} in the baseline"


def improvements(case: Case) -> Iterable[Measure]:
    """One measure: 1 minus the ratio of this run's quantile to the baseline's."""
    quantile = case.quantile
    name = f"improvement of the response time p{quantile * 100:g}"
    window, baseline = steady_window(case, name), case.evidence.baseline
    if isinstance(window, Measure):
        yield window
    elif baseline is None:
        yield inconclusive(case, name, "no baseline run is in the evidence", GIVE_ONE)
    elif why := unlike(case.plan, baseline.plan, [window.traffic]):
        yield inconclusive(case, name, f"{baseline.plan.run} is not comparable with this run: {why}", GIVE_ONE)
    elif window.traffic not in baseline.windows:
        why = f"{baseline.plan.run} has no fault-free window of {window.traffic} traffic"
        yield inconclusive(case, name, why, GIVE_ONE)
    else:
        yield _improvement(case, name, quantile, window, baseline)


def _improvement(case: Case, name: str, quantile: float, window: Window, baseline: Baseline) -> Measure:
    before = baseline.windows[window.traffic]
    rest = max(1 - case.scaled.in_unit("ratio"), LEAST_LEFT)
    then = answered_well(before.samples)
    now = counted(window.samples, then.quantile(quantile) * rest)
    ratio = _ratio(case, quantile, rest, (now, window), (then, before))
    scope = {"traffic": window.traffic, "phase": case.objective.scope.phase.value, "baseline": baseline.plan.run}
    if math.isnan(ratio.value):
        return inconclusive(
            case, name, f"in this run or the baseline {ratio.why}", MORE_TRAFFIC, kind=ReasonKind.TOO_FEW, scope=scope
        )
    bounds = below_one(ratio)
    values = [formatted(times.quantile(quantile), "ms") for times in (now, then)]
    return bounded(
        case,
        name,
        bounds,
        held(case.objective.op, bounds, case.scaled.in_unit("ratio")),
        unit="ratio",
        subject=name,
        n_needed=None,
        scope=scope,
        receipts={"load": _receipt(case, window, baseline, before)},
        fail_needs=("load",),
        detail=f"{values[0]} where the baseline, {baseline.plan.run} with release {baseline.plan.release}, had {values[1]}",
        files=(*window.files, *before.files),
    )


def _ratio(case: Case, quantile: float, rest: float, now: tuple[Times, Window], then: tuple[Times, Window]) -> Bounds:
    """The ratio of this run's quantile to the baseline's, from the bounds of both.

    Each quantile is compared with a limit, which clustered samples require: the two limits differ by the factor `rest` and are
    equally far from their quantiles. If both quantiles are proven on their side, so is the ratio.
    """
    middle = math.sqrt(now[0].quantile(quantile) * then[0].quantile(quantile) / rest)
    mine, theirs = (
        _bounds(case, quantile, limit, times, window.span)
        for (times, window), limit in ((now, middle * rest), (then, middle))
    )
    return ratio_of(mine, theirs)


def below_one(ratio: Bounds) -> Bounds:
    """1 minus a ratio; upper and lower bounds are exchanged."""
    return replace(
        ratio,
        value=1 - ratio.value,
        low=1 - ratio.high,
        high=1 - ratio.low,
        fail_low=1 - ratio.fail_high,
        fail_high=1 - ratio.fail_low,
    )


def _receipt(case: Case, window: Window, baseline: Baseline, before: Window) -> Receipt:
    """The load receipts of both runs; both must be ok."""
    mine = load_receipt(case.plan, window, latencies=True)
    theirs = load_receipt(baseline.plan, before, latencies=True)
    files = (*mine.files, *theirs.files)
    if mine.ok and not theirs.ok:
        return replace(theirs, why=f"in the baseline {theirs.why}", files=files)
    return replace(mine, files=files)


def _bounds(case: Case, quantile: float, limit: float, times: Times, span: Span) -> Bounds:
    confidence = case.objective.confidence
    bounds = quantile_in_time(times.ms, Timeline.of(times.at_ns, span), quantile, limit, confidence)
    batches = batch_count(times.stall_ns(quantile, span), *span)
    return widened(bounds, times.batched(span, batches), quantile)


def _files(case: Case) -> Iterable[str]:
    yield from (*load_files(case), "baseline/")


SPEC: Final = Spec(
    figure=Figure.IMPROVEMENT,
    judge=improvements,
    limit=LimitRule(dimension="ratio", signed=True, most=1),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=_files,
    needs=lambda _objective: (Need(key="baseline", why="no baseline run was given", of="command", hint=GIVE_ONE),),
)
