"""How far apart an autoscaler's scale-ups are in a spike, and when after it the first scale-down comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from harness.judgement.figures.scaling.record import (
    AGAIN,
    FILES,
    HeldLevel,
    autoscalers_receipt,
    concluded,
    followed_until_ns,
    held_levels,
    said_of,
    scaling_spec,
    scalings,
)
from harness.judgement.figures.scaling.scaled import replicas_at
from harness.judgement.measures import Case, Figures, inconclusive
from harness.judgement.receipts.watch import Span
from harness.judgement.wording import formatted
from harness.model import Figure, LimitRule, Measure, Op, Outcome
from harness.model.observations import AutoscalerSeen
from harness.units import NS_PER_S

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
    levels = list(_spikes(case))
    for level in levels:
        if isinstance(level, Measure):
            yield level
            continue
        later = [o.begun_ns for o in levels if isinstance(o, HeldLevel) and o.workload == level.workload]
        until_ns = min([at_ns for at_ns in later if at_ns > level.begun_ns], default=followed_until_ns(case.evidence))
        said = said_of(case.evidence, level.workload)
        downs = [o for o in scalings(said, level.begun_ns, max(until_ns, level.begun_ns)) if o.after < o.before]
        if not downs or level.ended_ns is None:
            yield _never_fell(case, level, said, until_ns)
            continue
        first, took_s = downs[0], (downs[0].at_ns - level.ended_ns) / NS_PER_S
        figures = _figures(case, level, took_s, len(downs), span=(level.begun_ns, first.at_ns))
        outcome = Outcome.PASS if took_s + RESOLUTION_S >= case.scaled.in_unit("s") else Outcome.FAIL
        when = f"{formatted(abs(took_s), 's')} {'after the load' if took_s >= 0 else 'before the load had ended'}"
        text = f"the replicas fell from {first.before} to {first.after} {when}, expected {case.expected}"
        yield concluded(case, outcome, text, figures, workload=level.workload)


def _never_fell(case: Case, level: HeldLevel, said: Sequence[AutoscalerSeen], until_ns: int) -> Measure:
    """The measure of a spike without a scale-down: one sooner than the limit would have been seen, if there was one to come."""
    least = max((one.least for one in said), default=0)
    could = level.ended_ns is not None and replicas_at(said, level.ended_ns) > least
    watched_s = max(until_ns - (level.ended_ns or until_ns), 0) / NS_PER_S
    figures = _figures(case, level, None, 0, span=(level.begun_ns, max(until_ns, level.begun_ns)))
    if could and watched_s >= case.scaled.in_unit("s"):
        text = f"no scale-down came in {formatted(watched_s, 's')} after {_SINCE_SPIKE}, expected {case.expected}"
        return concluded(case, Outcome.PASS, text, replace(figures, low=watched_s), workload=level.workload)
    text, hint = f"no scale-down was recorded after {_SINCE_SPIKE}", ""
    if could:
        hint = f"let the run go on for {case.scaled} after the load, then run again"
        text += f", in the {formatted(watched_s, 's')} that were watched"
    elif level.ended_ns is not None:
        text += f": it was over with {least} replicas, the fewest that are allowed"
    return concluded(case, Outcome.INCONCLUSIVE, text, figures, hint=hint, workload=level.workload)


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
APART: Final = scaling_spec(Figure.SCALINGS_APART, apart, limit=_AT_LEAST, unit="s", clocked=True)
SCALED_IN: Final = scaling_spec(Figure.SCALED_IN, scaled_in, limit=_AT_LEAST, unit="s", clocked=True)
