"""Release comparison: a canary against the stable release in the same window."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import MORE_TRAFFIC, failed, steady_window
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.figures.trends.timed import answered_well, counted, longest_stall_ns
from harness.judgement.measures import Case, bounded, held, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.watch import Span
from harness.judgement.stats.batches import BatchedSample, batch_count, batch_of
from harness.judgement.stats.comparisons import quantile_ratio, share_difference
from harness.judgement.stats.sequential import confidences
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.judgement.wording import formatted
from harness.model import SAMPLES, Figure, LimitRule, Measure, Outcome, Phase, ReasonKind, Table


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """The requests that two releases served in a span of time.

    Attributes:
        first, second: requests that the first and the second release answered.
        nameless: failures that name no release, such as requests to a dead pod.
        span: start and end, in ns.
    """

    first: Table
    second: Table
    nameless: Table
    span: Span

    def until(self, end_ns: int) -> _Pair:
        """The requests until that time."""
        start_ns = self.span[0]
        tables = (table.between("intended_ns", start_ns, end_ns) for table in (self.first, self.second, self.nameless))
        first, second, nameless = tables
        return _Pair(first=first, second=second, nameless=nameless, span=(start_ns, end_ns))

    def charged(self) -> _Pair:
        """The pair with the nameless failures counted for the first release."""
        return replace(self, first=Table.merged(SAMPLES, [self.first, self.nameless]))


_Compare = Callable[[_Pair, float, float], Bounds]
"""Compares two releases at two confidences: one for the bounds, one for a FAIL."""


def error_differences(case: Case) -> Iterable[Measure]:
    """Difference of the error rates of two releases."""

    def compare(pair: _Pair, confidence: float, fail_confidence: float) -> Bounds:
        bad = [failed(table) for table in (pair.first, pair.second)]
        at = [table.ints["intended_ns"] for table in (pair.first, pair.second)]
        stall_ns = max(longest_stall_ns(*each, pair.span) for each in zip(at, bad, strict=True))
        batches = batch_count(stall_ns, *pair.span)
        timed = [
            BatchedSample(values=of.astype(float), batch=batch_of(when, *pair.span, batches), batches=batches)
            for when, of in zip(at, bad, strict=True)
        ]
        tallies = [sample.tally(of) for sample, of in zip(timed, bad, strict=True)]
        return share_difference(tallies[0], tallies[1], confidence, fail_confidence)

    def describe(pair: _Pair) -> str:
        numbers = [f"{int(failed(table).sum())} of {len(table)}" for table in (pair.first, pair.second)]
        return f"{numbers[0]} requests failed, {numbers[1]} in the other release"

    yield from _measures(case, "error rate", compare, describe, latencies=False)


def slowdowns(case: Case) -> Iterable[Measure]:
    """Relative increase of a response-time quantile from one release to another."""
    quantile = case.quantile
    limit = case.scaled.in_unit("ratio")

    def compare(pair: _Pair, confidence: float, fail_confidence: float) -> Bounds:
        stable = answered_well(pair.second)
        canary = counted(pair.first, stable.quantile(quantile) * (1 + limit))
        stall_ns = max(times.stall_ns(quantile, pair.span) for times in (canary, stable))
        batches = batch_count(stall_ns, *pair.span)
        mine, theirs = canary.batched(pair.span, batches), stable.batched(pair.span, batches)
        return quantile_ratio(mine, theirs, quantile, confidence, fail_confidence).rescaled(plus=-1)

    def describe(pair: _Pair) -> str:
        values = [formatted(answered_well(table).quantile(quantile), "ms") for table in (pair.first, pair.second)]
        return f"{values[0]}, {values[1]} in the other release"

    yield from _measures(case, f"response time p{quantile * 100:g}", compare, describe, latencies=True)


def _measures(
    case: Case, figure: str, compare: _Compare, describe: Callable[[_Pair], str], *, latencies: bool
) -> Iterable[Measure]:
    """One measure: the first analysis that decides, or else the last one."""
    params = case.objective.params
    release, other, analyses = params["release"], params["other_release"], int(params.get("analyses", "1"))
    name = f"{figure} above release {other}"
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    served = window.samples.words["release"]
    scope = {"traffic": window.traffic, "phase": case.objective.scope.phase.value, "release": release}
    absent = [each for each in (release, other) if each not in served.present]
    if absent:
        why = f"no answer named release {absent[0]}; the answers named {', '.join(served.present) or 'no release'}"
        hint = "let both releases serve in the window and name themselves in the header x-release of their answers, then run again"
        yield inconclusive(case, name, why, hint, scope=scope)
        return
    pair = _Pair(
        first=window.samples.where(served.equals(release)),
        second=window.samples.where(served.equals(other)),
        nameless=window.samples.where(served.missing & failed(window.samples)),
        span=window.span,
    )
    analysis = _first_decisive(case, pair, compare, analyses)
    details = [describe(analysis.pair)]
    if len(analysis.pair.nameless):
        count = len(analysis.pair.nameless)
        details.append(f"{count} failures named no release and count against {release} for a PASS")
    if analyses > 1:
        details.append(f"analysis {analysis.number} of {analyses}, which share one error budget")
    if math.isinf(analysis.bounds.low) and math.isinf(analysis.bounds.high):
        yield inconclusive(
            case, name, "; ".join([analysis.bounds.why, *details]), MORE_TRAFFIC, kind=ReasonKind.TOO_FEW, scope=scope
        )
        return
    yield bounded(
        case,
        name,
        analysis.bounds,
        unit="ratio",
        subject=f"{figure} of release {release} in excess of release {other}",
        scope=scope,
        receipts={"load": load_receipt(case.plan, window, latencies=latencies)},
        fail_needs=("load",) if latencies else (),
        detail="; ".join(details),
        files=window.files,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Analysis:
    number: int
    pair: _Pair
    bounds: Bounds
    outcome: Outcome


def _first_decisive(case: Case, pair: _Pair, compare: _Compare, analyses: int) -> _Analysis:
    """The first analysis that passes or fails, or else the last.

    Each analysis uses all data up to its time and has its share of the error budget.
    """
    shares = [number / analyses for number in range(1, analyses + 1)]
    sure, fail = confidences(shares, case.objective.confidence), confidences(shares, FAIL_CONFIDENCE)
    start_ns, end_ns = pair.span
    every = (
        _analysis(
            case,
            pair.until(start_ns + (end_ns - start_ns) * number // analyses),
            compare,
            number,
            sure[number - 1],
            fail[number - 1],
        )
        for number in range(1, analyses + 1)
    )
    return next(
        analysis for analysis in every if analysis.outcome is not Outcome.INCONCLUSIVE or analysis.number == analyses
    )


def _analysis(case: Case, pair: _Pair, compare: _Compare, number: int, *sure: float) -> _Analysis:
    """Compare two releases, with the nameless failures counted for the first release if that makes it worse."""
    bounds = compare(pair, *sure)
    if len(pair.nameless):
        charged = compare(pair.charged(), *sure)
        bounds = replace(
            bounds, high=max(bounds.high, charged.high), fail_high=max(bounds.fail_high, charged.fail_high)
        )
    outcome = held(case.objective.op, bounds, case.scaled.in_unit("ratio"))
    return _Analysis(number=number, pair=pair, bounds=bounds, outcome=outcome)


MORE_ERRORS: Final = Spec(
    figure=Figure.MORE_ERRORS,
    judge=error_differences,
    limit=LimitRule(dimension="ratio", signed=True, most=1),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    clocked=True,
)

SLOWDOWN: Final = Spec(
    figure=Figure.SLOWDOWN,
    judge=slowdowns,
    limit=LimitRule(dimension="ratio", signed=True),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    clocked=True,
)
