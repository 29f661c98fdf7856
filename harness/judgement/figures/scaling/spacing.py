"""How far apart an autoscaler's scale-ups are in a spike, and when after it the first scale-down comes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from harness.judgement.figures.scaling.record import (
    AGAIN,
    FILES,
    HeldLevel,
    autoscalers_receipt,
    concluded,
    held_levels,
    said_of,
    scaling_spec,
    scalings,
)
from harness.judgement.measures import Case, Figures, formatted, inconclusive
from harness.judgement.receipts.watch import Span
from harness.model import Figure, LimitRule, Measure, Op, Outcome
from harness.model.schedule import NS_PER_S

RESOLUTION_S: Final = 0.05
"""A change of the replicas is known so closely: it is pushed, and a controller that waits for exactly the limit is not too soon."""
_SINCE_SPIKE: Final = "a spike to 1.5 times the request"


def apart(case: Case) -> Iterable[Measure]:
    """The shortest time between two scale-ups of each spike."""
    for level in _spikes(case):
        if isinstance(level, Measure):
            yield level
            continue
        changes = scalings(said_of(case.evidence, level.workload), level.begun_ns, level.ended_ns)
        ups = [one for one in changes if one.after > one.before]
        gaps = [(two.at_ns - one.at_ns) / NS_PER_S for one, two in pairwise(ups)]
        figures = _figures(case, level, min(gaps, default=None), len(ups), span=level.span)
        if not gaps:
            text = f"{len(ups)} scale-up in {_SINCE_SPIKE}: there are no two to compare"
            yield concluded(case, Outcome.INCONCLUSIVE, text, figures, workload=level.workload)
            continue
        outcome = Outcome.PASS if min(gaps) + RESOLUTION_S >= case.scaled.in_unit("s") else Outcome.FAIL
        steps = ", ".join(f"{one.before} to {one.after}" for one in ups)
        text = f"{len(ups)} scale-ups ({steps}) at least {formatted(min(gaps), 's')} apart, expected {case.expected}"
        yield concluded(case, outcome, text, figures, workload=level.workload)


def scaled_in(case: Case) -> Iterable[Measure]:
    """How long after the end of each spike its replicas first fall."""
    for level in _spikes(case):
        if isinstance(level, Measure):
            yield level
            continue
        ended_ns = level.ended_ns or level.begun_ns
        downs = [o for o in scalings(said_of(case.evidence, level.workload), level.begun_ns) if o.after < o.before]
        first = downs[0] if downs else None
        took_s = (first.at_ns - ended_ns) / NS_PER_S if first else None
        span = (level.begun_ns, first.at_ns if first else level.span[1])
        figures = _figures(case, level, took_s, len(downs), span=span)
        if first is None or took_s is None or level.ended_ns is None:
            text = f"no scale-down was recorded after {_SINCE_SPIKE}"
            yield concluded(case, Outcome.INCONCLUSIVE, text, figures, workload=level.workload)
            continue
        outcome = Outcome.PASS if took_s + RESOLUTION_S >= case.scaled.in_unit("s") else Outcome.FAIL
        when = f"{formatted(abs(took_s), 's')} {'after the load' if took_s >= 0 else 'before the load had ended'}"
        text = f"the replicas fell from {first.before} to {first.after} {when}, expected {case.expected}"
        yield concluded(case, outcome, text, figures, workload=level.workload)


def _spikes(case: Case) -> Iterable[HeldLevel | Measure]:
    levels = held_levels(case)
    if isinstance(levels, str):
        return [inconclusive(case, case.objective.figure.value, levels, AGAIN)]
    return levels


def _figures(case: Case, level: HeldLevel, value: float | None, n: int, *, span: Span) -> Figures:
    return Figures(
        value=value,
        scaled_limit=case.scaled.in_unit("s"),
        unit="s",
        n=n,
        resolution=RESOLUTION_S,
        method=level.method,
        receipts={"watch": autoscalers_receipt(case.evidence, span)},
        files=FILES,
    )


_AT_LEAST: Final = LimitRule(dimension="time", ops=frozenset({Op.AT_LEAST}))
APART: Final = scaling_spec(Figure.SCALINGS_APART, apart, limit=_AT_LEAST, unit="s")
SCALED_IN: Final = scaling_spec(Figure.SCALED_IN, scaled_in, limit=_AT_LEAST, unit="s")
