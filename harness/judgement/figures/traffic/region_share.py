"""Region share: number of answers that one region served, divided by the number of all answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.judgement.figures.fault_free import (
    GuardedWindow,
    GuardRule,
    all_files,
    fault_free_windows,
    over_windows,
    with_guards,
)
from harness.judgement.figures.files import load_files
from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.figures.traffic.balancing import balanced_tally
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.stats.batches import share_by_batches
from harness.judgement.stats.statistics import Bounds, needed_within
from harness.model import Figure, LimitRule, Measure, Op, Phase, Table, Window


def region_shares(case: Case) -> Iterable[Measure]:
    """The region's share of answers over all fault-free windows; each window and route is guarded."""
    name, objective = "share of answers", case.objective
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return
    region, limit = objective.scope.subject, case.scaled.in_unit("ratio")
    tolerance = objective.tolerance.in_unit("ratio") if objective.tolerance else None
    answers = [window.samples.where(window.samples.ints["status"] > 0) for window in windows]
    if not any(rows.words["served_region"].present for rows in answers):
        hint = "let the platform name the serving region in the header x-served-region of its answers, then run again"
        yield inconclusive(
            case, name, "no answer named its serving region (header x-served-region)", hint, scope={"region": region}
        )
        return
    parts = [_part(rows, window, region) for rows, window in zip(answers, windows, strict=True)]
    bounds = _bounds(parts, objective.confidence)
    margin = (tolerance or 0.0) - abs(bounds.value - limit)
    found = bounded(
        case,
        name,
        bounds,
        unit="ratio",
        subject=f"{name} of region {region}",
        n_needed=needed_within(bounds.value, margin, objective.confidence),
        scope={"traffic": windows[0].traffic, "phase": objective.scope.phase.value, "region": region},
        receipts={"load": joined_load_receipt(case.plan, windows, latencies=False)},
        detail=over_windows(windows),
        files=all_files(windows),
    )
    rule = GuardRule(limit=limit, op=objective.op, tolerance=tolerance or 0.0, bounds=_bounds)
    yield from with_guards(case, f"{name} of region {region}", [found], lambda: parts, rule)


def _bounds(parts: Sequence[GuardedWindow], confidence: float) -> Bounds:
    """Bounds by time batches, as a load balancer may send a hundred requests in a row to one region."""
    return share_by_batches(balanced_tally(parts), confidence)


def _part(answers: Table, window: Window, region: str) -> GuardedWindow:
    """The answers of a window; answers of the region are marked."""
    return GuardedWindow(
        window=window.name,
        span=window.span,
        at_ns=answers.ints["intended_ns"],
        bad=answers.words["served_region"].equals(region),
    )


SPEC: Final = Spec(
    figure=Figure.REGION_SHARE,
    judge=region_shares,
    timed=True,
    limit=LimitRule(dimension="ratio", most=1),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    needs=lambda _objective: (Need(key="regions", why="the share of answers is counted by region"),),
    sentences=(
        FigureSentence(
            name="region-share",
            text="the share of answers of region <region> is <limit:ratio> ± <tolerance:points>[ in the steady state]",
            example="the share of answers of region us-east-1 is 60 % ± 5 points in the steady state",
            about="Answers that one region served over all answers.",
            op=Op.WITHIN,
            subject="<region>",
        ),
    ),
)
