"""Scale-ups and scale-downs around a spike: the time between two scale-ups, and the time from the spike to the first scale-down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from harness.judgement.figures.scaling.record import (
    AGAIN,
    FILES,
    HeldLevel,
    autoscalers_receipt,
    followed_until_ns,
    held_levels,
    said_of,
    scaling_spec,
    scalings,
)
from harness.judgement.figures.scaling.scaled import replicas_at
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.watch import Span
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.wording import formatted
from harness.model import Figure, LimitRule, Measure, Op, ReasonKind
from harness.model.observations import AutoscalerSeen
from harness.units import NS_PER_S

RESOLUTION_S: Final = 0.05
"""Uncertainty of the time of a change of replicas, in s. Changes are reported as they happen; a controller that waits exactly for the limit passes."""
_SYNC_S: Final = 15.0
"""Default time between two readings of an autoscaler (`--horizontal-pod-autoscaler-sync-period`): it cannot know earlier that a load has ended."""
_SYNC_SHARE: Final = 0.2
"""Greatest share of the limit that this is, where times are scaled."""
_SINCE_SPIKE: Final = "a spike to 1.5 times the request"


def apart(case: Case) -> Iterable[Measure]:
    """One measure per spike: the shortest time between two scale-ups."""
    for level in _spikes(case):
        if isinstance(level, Measure):
            yield level
            continue
        changes = scalings(said_of(case.evidence, level.workload), level.begun_ns, level.ended_ns)
        ups = [one for one in changes if one.after > one.before]
        gaps = [(two.at_ns - one.at_ns) / NS_PER_S for one, two in pairwise(ups)]
        steps = ", ".join(f"{one.before} to {one.after}" for one in ups)
        text = f"{len(ups)} scale-up in {_SINCE_SPIKE}"
        if gaps:
            text = f"{len(ups)} scale-ups ({steps}) at least {formatted(min(gaps), 's')} apart"
        alone = "" if gaps else "the spike caused fewer than two scale-ups"
        yield _sooner(case, level, min(gaps, default=None), level.span, n=len(ups), text=text, unknown=alone)


def scaled_in(case: Case) -> Iterable[Measure]:
    """One measure per spike: the time from its end, as the autoscaler could know it, to the first scale-down."""
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
        first, took_s = downs[0], (downs[0].at_ns - _known_ns(case, said, level, level.ended_ns)) / NS_PER_S
        when = f"{formatted(abs(took_s), 's')} {'after the load' if took_s >= 0 else 'before the load ended'}"
        text = f"the replicas fell from {first.before} to {first.after} {when}"
        yield _sooner(case, level, took_s, (level.begun_ns, first.at_ns), n=len(downs), text=text)


def _known_ns(case: Case, said: Sequence[AutoscalerSeen], level: HeldLevel, ended_ns: int) -> int:
    """The last time before the end of a load at which the autoscaler told a usage above its aim; one reading before the end at most."""
    over_ns = [one.when_ns for one in said if one.when_ns <= ended_ns and _is_over(one, level.resource)]
    sync_s = min(_SYNC_S, _SYNC_SHARE * case.scaled.in_unit("s"))
    return max(max(over_ns, default=ended_ns), ended_ns - round(sync_s * NS_PER_S))


def _is_over(said: AutoscalerSeen, resource: str) -> bool:
    usage, aim = said.usage.get(resource), said.aims.get(resource)
    return isinstance(usage, int | float) and isinstance(aim, int | float) and usage > aim


def _never_fell(case: Case, level: HeldLevel, said: Sequence[AutoscalerSeen], until_ns: int) -> Measure:
    """The measure of a spike without a scale-down; a scale-down before the limit would have been observed, if there were replicas to remove."""
    least = max((one.least for one in said), default=0)
    ended_ns = level.ended_ns
    could = ended_ns is not None and replicas_at(said, ended_ns) > least
    watched_s = max(until_ns - (ended_ns or until_ns), 0) / NS_PER_S
    over = f"the load ended with {least} replicas, the minimum of the autoscaler"
    return _sooner(
        case,
        level,
        None,
        (level.begun_ns, max(until_ns, level.begun_ns)),
        n=0,
        text=f"no scale-down occurred in the {formatted(watched_s, 's')} of observation after {_SINCE_SPIKE}",
        unknown="" if could else over if ended_ns is not None else "the end of the load was not recorded",
        watched_s=watched_s,
        hint=f"let the run continue for {case.scaled} after the load, then run again" if could else AGAIN,
    )


def _sooner(
    case: Case,
    level: HeldLevel,
    took_s: float | None,
    span: Span,
    *,
    n: int,
    text: str,
    unknown: str = "",
    watched_s: float = 0.0,
    hint: str = AGAIN,
) -> Measure:
    """The measure of a time that must be at least the limit; with `took_s` None the time lasted at least as long as it was watched."""
    found = Amount(
        low=watched_s if took_s is None else took_s - RESOLUTION_S,
        high=math.inf if took_s is None else took_s + RESOLUTION_S,
        lenient=took_s is not None,
        value=took_s,
        text=text,
        unit="s",
        scope={"workload": level.workload},
        receipts={"watch": autoscalers_receipt(case.evidence, span)},
        needs=("watch",),
        method=level.method,
        files=FILES,
        n=n,
        resolution=RESOLUTION_S,
        shows=took_s is None and not unknown,
        unknown=unknown,
        hint=hint,
        kind=ReasonKind.NO_RECORD,
    )
    return amount(case, found)


def _spikes(case: Case) -> Iterable[HeldLevel | Measure]:
    levels = held_levels(case)
    if isinstance(levels, str):
        return [inconclusive(case, case.objective.figure.value, levels, AGAIN)]
    return levels


_AT_LEAST: Final = LimitRule(dimension="time", ops=frozenset({Op.AT_LEAST}))
APART: Final = scaling_spec(Figure.SCALINGS_APART, apart, limit=_AT_LEAST, unit="s", clocked=True)
SCALED_IN: Final = scaling_spec(Figure.SCALED_IN, scaled_in, limit=_AT_LEAST, unit="s", clocked=True)
