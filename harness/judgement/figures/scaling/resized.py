"""How much more a pod serves with twice its CPU limit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final

from scipy.special import ndtri

from harness.judgement.figures.scaling.record import AGAIN, FILES
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, bounded, held, inconclusive
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model import Figure, LimitRule, Measure, Op, Phase, Receipt
from harness.model.observations import LoadFailed, Served, every

BUSY: Final = 0.9
"""Of a core that the asking itself took: from here on it may be what was slow."""
FAILED: Final = 0.01
"""More requests than this share that failed tell no throughput."""
_FILE: Final = FILES[1]


def resized(case: Case) -> Iterable[Measure]:
    """One measure: answers a second with twice the limit, over those with the limit."""
    name, turns = Figure.RESIZED.value, _turns(case)
    if isinstance(turns, str):
        yield inconclusive(case, name, turns, AGAIN)
        return
    low, high = min(one.limit for one in turns), max(one.limit for one in turns)
    first, second = ([one for one in turns if one.limit == limit] for limit in (low, high))
    bounds = _ratio(first, second, case.objective.confidence)
    at, twice = (sum(one.answers for one in each) / sum(one.seconds for one in each) for each in (first, second))
    open_ = turns[0].in_flight
    yield bounded(
        case,
        name,
        bounds,
        held(Op.AT_LEAST, bounds, case.objective.limit.value),
        unit="",
        subject=f"throughput of {turns[0].subject} at {high:g} CPU over that at {low:g} ({twice:.4g} over {at:.4g} answers/s, {open_} requests open)",
        n_needed=None,
        scope={"workload": turns[0].subject},
        receipts={"load": _receipt(turns)},
        fail_needs=("load",),
        files=(_FILE,),
        counted="answers",
    )


def _turns(case: Case) -> list[Served] | str:
    """The turns of the demand, or why there are none to compare."""
    keys = [key for key in case.claim.demands if _asked(case, key)]
    mine = [o for o in case.evidence.observations if o.fields.get("demand") in keys or o.subject in keys]
    if (failed := next(every(LoadFailed, mine), None)) is not None:
        return f"nothing was served: {failed.why}"
    turns = list(every(Served, mine))
    if len({one.limit for one in turns}) < 2:
        return "no turn at the limit and at twice that was recorded"
    return turns


def _asked(case: Case, key: str) -> bool:
    demand = case.plan.demand.get(key)
    return demand is not None and (demand.kind, demand.name) == (case.objective.demand, case.objective.check)


def _ratio(first: Sequence[Served], second: Sequence[Served], confidence: float) -> Bounds:
    """The ratio of the rates: answers as if each came by chance, and no closer than any two turns are."""
    rates = [[one.answers / one.seconds for one in each] for each in (first, second)]
    n = [sum(one.answers for one in each) for each in (first, second)]
    if not all(n) or not all(all(each) for each in rates):
        return Bounds(
            value=0.0, low=0.0, high=0.0, confidence=confidence, n=sum(n), method=_METHOD, fail_low=0.0, fail_high=0.0
        )
    value = (n[1] / sum(one.seconds for one in second)) / (n[0] / sum(one.seconds for one in first))
    each = [twice / once for once, twice in product(*rates)]
    wide, wider = (
        math.exp(float(ndtri(sure)) * math.hypot(*(1 / math.sqrt(k) for k in n)))
        for sure in (confidence, FAIL_CONFIDENCE)
    )
    return Bounds(
        value=value,
        low=min(value / wide, *each),
        high=max(value * wide, *each),
        fail_low=min(value / wider, *each),
        fail_high=max(value * wider, *each),
        confidence=confidence,
        n=sum(n),
        method=_METHOD,
    )


def _receipt(turns: Sequence[Served]) -> Receipt:
    """Whether the pods were what was asked, and nothing but them was slow."""
    busy = max(one.busy for one in turns)
    failed, asked = sum(one.failed for one in turns), sum(one.answers + one.failed for one in turns)
    if busy >= BUSY:
        return Receipt(
            ok=False,
            why=f"asking took {busy:.0%} of a core, at most {BUSY:.0%} leaves the pods to be slow",
            files=(_FILE,),
        )
    if failed > FAILED * asked:
        return Receipt(ok=False, why=f"{failed} of {asked} requests failed", files=(_FILE,))
    return Receipt(
        ok=True, why=f"{failed} of {asked} requests failed, asking took {busy:.0%} of a core", files=(_FILE,)
    )


_METHOD: Final = (
    "copies of one pod, asked in turn; closed model; answers as if each came by chance, no closer than any two turns"
)

SPEC: Final = Spec(
    figure=Figure.RESIZED,
    judge=resized,
    limit=LimitRule(dimension="count", ops=frozenset({Op.AT_LEAST})),
    unit="",
    basis=Basis.CHECK,
    phases=frozenset({Phase.RUN}),
    evidence=lambda _case: (_FILE,),
    needs=lambda _objective: (Need(key="kubernetes", why="copies of a pod are made through the Kubernetes API"),),
    timed=True,
)
