"""Throughput of a workload with more CPU, relative to its throughput with less: a pod with twice its limit, or more pods."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from harness.judgement.figures.scaling.record import AGAIN, FILES
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.special import ndtri, stdtrit
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model import Figure, LimitRule, Measure, Op, Phase, Receipt
from harness.model.observations import LoadFailed, Served, every

BUSY: Final = 0.9
"""Share of a core that sending the requests may take; above it the client itself may have been slow."""
FAILED: Final = 0.01
"""Largest share of failed requests with which the throughput is valid."""
OVER: Final = 1.1
"""CPU use of a copy divided by its limit, above which the limit was not enforced; an enforced limit may be exceeded by 4 % in a window."""
_SETS: Final = 2
_FEWEST: Final = 2
_FILE: Final = FILES[1]


def resized(case: Case) -> Iterable[Measure]:
    """One measure: answers per second with more CPU, divided by answers per second with less."""
    name, turns = Figure.RESIZED.value, _turns(case)
    if isinstance(turns, str):
        yield inconclusive(case, name, turns, AGAIN)
        return
    low, high = min(map(_cores, turns)), max(map(_cores, turns))
    first, second = ([one for one in turns if _cores(one) == cores] for cores in (low, high))
    bounds = _ratio(first, second, case.objective.confidence)
    at, more = (sum(one.answers for one in each) / sum(one.seconds for one in each) for each in (first, second))
    yield bounded(
        case,
        name,
        bounds,
        unit="",
        subject=(
            f"throughput of {turns[0].subject} at {_size(second)} divided by its throughput at {_size(first)} "
            f"({more:.4g} and {at:.4g} answers/s, with {turns[0].in_flight} requests in progress per copy)"
        ),
        scope={"workload": turns[0].subject},
        receipts={"load": _receipt(first, second)},
        fail_needs=("load",),
        files=(_FILE,),
        counted="answers",
    )


def _cores(turn: Served) -> float:
    """CPU cores that the copies of a turn may use together."""
    return turn.copies * turn.limit


def _size(turns: Sequence[Served]) -> str:
    """`1 CPU`, `4 copies of 0.5 CPU`."""
    copies = turns[0].copies
    return f"{copies} copies of {turns[0].limit:g} CPU" if copies > 1 else f"{turns[0].limit:g} CPU"


def _turns(case: Case) -> list[Served] | str:
    """The turns of the demand, or a text why there are not enough turns to compare."""
    keys = [key for key in case.claim.demands if _asked(case, key)]
    mine = [o for o in case.evidence.observations if o.fields.get("demand") in keys or o.subject in keys]
    if (failed := next(every(LoadFailed, mine), None)) is not None:
        return f"the throughput was not measured: {failed.why}"
    turns = list(every(Served, mine))
    turns_of = Counter(map(_cores, turns))
    if len(turns_of) < _SETS or min(turns_of.values()) < _FEWEST:
        return f"fewer than {_FEWEST} turns with less CPU, or fewer than {_FEWEST} with more CPU, were recorded"
    return turns


def _asked(case: Case, key: str) -> bool:
    demand = case.plan.demand.get(key)
    return demand is not None and (demand.kind, demand.name) == (case.objective.demand, case.objective.check)


def _ratio(first: Sequence[Served], second: Sequence[Served], confidence: float) -> Bounds:
    """The ratio of the rates with the wider of two bounds: for independent answers, and from the spread of the turns of each set.

    The second bound is Student's t of the logarithms of the rates, with the pooled spread of both sets.
    """
    turns = [*first, *second]
    n = [sum(one.answers for one in each) for each in (first, second)]
    if not all(one.answers for one in turns):
        return Bounds(
            value=0.0, low=0.0, high=0.0, confidence=confidence, n=sum(n), method=_METHOD, fail_low=0.0, fail_high=0.0
        )
    value = (n[1] / sum(one.seconds for one in second)) / (n[0] / sum(one.seconds for one in first))
    by_chance = math.hypot(*(1 / math.sqrt(k) for k in n))
    rates = [[math.log(one.answers / one.seconds) for one in each] for each in (first, second)]
    freedom = len(turns) - len(rates)
    squares = sum((rate - sum(each) / len(each)) ** 2 for each in rates for rate in each)
    spread = math.sqrt(squares / freedom * sum(1 / len(each) for each in rates))
    wide, wider = (
        math.exp(max(ndtri(sure) * by_chance, stdtrit(freedom, sure) * spread))
        for sure in (confidence, FAIL_CONFIDENCE)
    )
    return Bounds(
        value=value,
        low=value / wide,
        high=value * wide,
        fail_low=value / wider,
        fail_high=value * wider,
        confidence=confidence,
        n=sum(n),
        method=_METHOD,
    )


def _receipt(*sets: Sequence[Served]) -> Receipt:
    """Whether only the pods were slow and each copy was limited to its CPU; a copy without a limit takes CPU from the other copies."""
    turns = [one for each in sets for one in each]
    busy = max(one.busy for one in turns)
    failed, asked = sum(one.failed for one in turns), sum(one.answers + one.failed for one in turns)
    used = [cores / one.limit for one in turns for cores in one.used]
    if busy >= BUSY:
        why = f"sending the requests took {busy:.0%} of a core, expected less than {BUSY:.0%}, so the client itself may have been slow"
    elif failed > FAILED * asked:
        why = f"{failed} of {asked} requests failed, expected at most {FAILED:.0%}"
    elif not all(any(len(one.used) == one.copies for one in each) for each in sets):
        why = "the CPU use of each copy was not read in any turn of one size"
    elif max(used) > OVER:
        why = f"a copy used {max(used):.0%} of its CPU limit, so the limit was not enforced"
    else:
        why = (
            f"{failed} of {asked} requests failed, sending them took {busy:.0%} of a core, "
            f"copies used {min(used):.0%} to {max(used):.0%} of their CPU limits"
        )
        return Receipt(ok=True, why=why, files=(_FILE,))
    return Receipt(ok=False, why=why, files=(_FILE,))


def _moments(case: Case, _found: Measure) -> Sequence[tuple[int, int]]:
    """The time from the first turn to the last."""
    turns = _turns(case)
    if isinstance(turns, str):
        return []
    return [(one.since_ns, one.recorded_ns) for one in turns[:1] if one.since_ns is not None]


_METHOD: Final = "copies of a pod, requested in turn; closed model; the wider of two bounds: for independent answers, and from the spread of the turns (t)"

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
    moments=_moments,
)
