"""Share of answers: how many answers one region served, over all answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import in_time, steady_window
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, bounded, held, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.statistics import needed_within
from harness.model import Figure, LimitRule, Measure, Phase


def region_shares(case: Case) -> Iterable[Measure]:
    """Answers that one region served over all answers."""
    name, objective = "share of answers", case.objective
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    answers = window.samples.where(window.samples.ints["status"] > 0)
    served = answers.words["served_region"]
    region, limit = objective.scope.subject, case.scaled.in_unit("ratio")
    tolerance = objective.tolerance.in_unit("ratio") if objective.tolerance else None
    if not served.present:
        fix = "let the platform name the region that served in the header x-served-region"
        yield inconclusive(case, name, "no answer named the region that served it", fix, scope={"region": region})
        return
    bounds = share_in_time(in_time(answers, "intended_ns", window).slots(served.equals(region)), objective.confidence)
    margin = (tolerance or 0.0) - abs(bounds.value - limit)
    yield bounded(
        case,
        name,
        bounds,
        held(objective.op, bounds, limit, tolerance),
        unit="ratio",
        subject=f"{name} of region {region}",
        n_needed=needed_within(bounds.value, margin, objective.confidence),
        scope={"traffic": window.traffic, "phase": objective.scope.phase.value, "region": region},
        receipts={"load": load_receipt(case.plan, window, latencies=False)},
        files=window.files,
    )


SPEC: Final = Spec(
    figure=Figure.REGION_SHARE,
    judge=region_shares,
    limit=LimitRule(dimension="ratio", most=1),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    needs=lambda _objective: (Need(key="regions", why="shares are counted by region"),),
)
