"""Improvement: reduction of the response times relative to the baseline, an earlier run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import MORE_TRAFFIC, steady_window
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.figures.trends.quantile_ratios import ratio_of_quantiles
from harness.judgement.figures.trends.timed import answered_well, counted
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.closed_load import weakest
from harness.judgement.receipts.load import load_receipt
from harness.judgement.stats.statistics import Bounds
from harness.judgement.wording import formatted
from harness.model import Baseline, Figure, LimitRule, Measure, Phase, Plan, ReasonKind, Receipt, TrafficPlan, Window

LEAST_LEFT: Final = 1e-9
"""Smallest ratio of a limit: an improvement of 100 % is a valid limit that no run can reach."""

_LONGEST: Final = 200
"""Largest number of characters of a value in a message."""

GIVE_ONE: Final = "name an earlier run of the same target and traffic with `--baseline RUN`"
NEEDS_BASELINE: Final = (Need(key="baseline", why="no baseline run was given", of="command", hint=GIVE_ONE),)


def unlike(plan: Plan, baseline: Plan, traffic: Iterable[str]) -> str:
    """Why a run cannot be the baseline of another: different target, time scale or traffic.

    Empty if it can.
    """
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
            ("the rate over time", mine.rates, theirs.rates),
            ("arrivals of the trace", mine.trace_ns, theirs.trace_ns),
            ("the entry", mine.entry, theirs.entry),
            ("users", _users(mine), _users(theirs)),
        ):
            pairs.append((f"{words} of {name!r} traffic", of_mine, of_theirs))
    found = next(((what, mine, theirs) for what, mine, theirs in pairs if mine != theirs), None)
    return "" if found is None else f"{found[0]}: {_shown(found[1])} in this run, {_shown(found[2])} in the baseline"


def _users(traffic: TrafficPlan) -> tuple[float, float] | None:
    """Users of a closed model and the pause between their journeys; in an open model both follow from the arrivals."""
    return (traffic.users, traffic.think_s) if traffic.model == "closed" else None


def _shown(value: object) -> str:
    """A value in a message, shortened if it is long."""
    text = str(value) or "none"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def windows_compared(case: Case, name: str) -> tuple[Window, Baseline] | Measure:
    """The window of this run and the baseline with the same traffic, or a measure with the reason why there is none."""
    window, baseline = steady_window(case, name), case.evidence.baseline
    if isinstance(window, Measure):
        return window
    if baseline is None:
        return inconclusive(case, name, "no baseline run was given", GIVE_ONE)
    if why := unlike(case.plan, baseline.plan, [window.traffic]):
        return inconclusive(
            case, name, f"the baseline {baseline.plan.run} cannot be compared with this run: {why}", GIVE_ONE
        )
    if window.traffic not in baseline.windows:
        why = f"the baseline {baseline.plan.run} has no fault-free window of the traffic {window.traffic}"
        return inconclusive(case, name, why, GIVE_ONE)
    return window, baseline


def improvements(case: Case) -> Iterable[Measure]:
    """One measure: 1 minus the ratio of this run's quantile to the quantile of the baseline."""
    name = f"improvement of the response time p{case.quantile * 100:g}"
    compared = windows_compared(case, name)
    yield compared if isinstance(compared, Measure) else _improvement(case, name, case.quantile, *compared)


def _improvement(case: Case, name: str, quantile: float, window: Window, baseline: Baseline) -> Measure:
    before = baseline.windows[window.traffic]
    rest = max(1 - case.scaled.in_unit("ratio"), LEAST_LEFT)
    then = answered_well(before.samples)
    now = counted(window.samples, then.quantile(quantile) * rest)
    ratio = ratio_of_quantiles(quantile, rest, (now, window.span), (then, before.span), case.objective.confidence)
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
        unit="ratio",
        subject=name,
        scope=scope,
        receipts={"load": both_load_receipts(case, window, baseline)},
        fail_needs=("load",),
        detail=f"{values[0]} in this run, {values[1]} in the baseline {baseline.plan.run} with release {baseline.plan.release}",
        files=(*window.files, *before.files),
    )


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


def both_load_receipts(case: Case, window: Window, baseline: Baseline) -> Receipt:
    """The load receipts of this run and of the baseline; both must be ok."""
    before = baseline.windows[window.traffic]
    mine = load_receipt(case.plan, window, latencies=True)
    theirs = load_receipt(baseline.plan, before, latencies=True)
    files = (*mine.files, *theirs.files)
    if weakest([mine, theirs]):
        return replace(theirs, why=f"in the baseline {theirs.why}", files=files)
    return replace(mine, files=files)


def baseline_files(case: Case) -> Iterable[str]:
    """Path prefixes of the files of both runs."""
    yield from (*load_files(case), "baseline/")


SPEC: Final = Spec(
    figure=Figure.IMPROVEMENT,
    judge=improvements,
    timed=True,
    limit=LimitRule(dimension="ratio", signed=True, most=1),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=baseline_files,
    needs=lambda _objective: NEEDS_BASELINE,
)
