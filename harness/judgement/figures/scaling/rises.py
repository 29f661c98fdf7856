"""Whether the replicas of a service rise above the target of its autoscaler, and do not below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.scaling.record import (
    AGAIN,
    FILES,
    HeldLevel,
    autoscalers_receipt,
    concluded,
    given_levels,
    not_given,
    not_shown,
    raised_by_hand,
    said_of,
    scaling_spec,
    scalings,
)
from harness.judgement.measures import Case, Figures, inconclusive
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Outcome, Quantity
from harness.model.scaling import NEAR
from harness.units import NS_PER_S

_ROUNDING: Final = 1e-9
_LEVELS: Final = 2
_ALONE: Final = "leave the autoscaler as it is while the load is given, then run again"


def rises(case: Case) -> Iterable[Measure]:
    """One measure of each level of each service; of every service, also one of each that a route needs and that was given no load.

    A load that could not be given hides no failure of a service that was given one.
    """
    name, levels, why = Figure.SCALED_OUT.value, given_levels(case), not_given(case)
    if why:
        yield inconclusive(case, name, why, AGAIN)
    high = Quantity.parse(case.objective.params["high"]).base
    for level in levels:
        if not said_of(case.evidence, level.workload):
            yield inconclusive(
                case, name, f"no autoscaler of {level.workload} was recorded", AGAIN, scope=_scope(level)
            )
        else:
            yield _above(case, level) if level.level == high else _below(case, level)
    held = Counter(level.workload for level in levels)
    for workload in (workload for workload, count in held.items() if count < _LEVELS):
        scope = {"workload": workload}
        yield inconclusive(case, name, f"one of the two levels of {workload} was not held", AGAIN, scope=scope)
    named = {workload.rpartition("/")[2] for workload in held}
    for service in sorted(_expected(case) - named if not why else ()):
        hint = "add a read of it to `services:` of `probes:` in the target file"
        yield inconclusive(case, name, f"no load was given to {service}", hint, scope={"workload": service})


def _expected(case: Case) -> set[str]:
    """The services of a sentence about every one that the plan knows: those that its routes need."""
    every = {service for needs in case.plan.route_needs.values() for service in needs}
    return set() if "workload" in case.objective.params else every


def _above(case: Case, level: HeldLevel) -> Measure:
    """From the level to the rise; a rise before the level counts from the begin of the load, as its time over the target is unknown.

    A rise at a smaller usage is one at the level, too. One at a greater usage is not: the target may be between the two.
    """
    limit_s, scope = case.scaled.in_unit("s"), _scope(level)
    since_ns = level.reached_ns or level.ended_ns or level.begun_ns
    ups = [one for one in scalings(said_of(case.evidence, level.workload), level.begun_ns) if one.after > one.before]
    first = next((one for one in ups if level.ended_ns is None or one.at_ns <= level.ended_ns + NS_PER_S), None)
    took_s = (first.at_ns - (since_ns if first.at_ns >= since_ns else level.begun_ns)) / NS_PER_S if first else None
    kept_s = ((level.ended_ns or since_ns) - since_ns) / NS_PER_S
    figures = Figures(
        value=took_s,
        scaled_limit=limit_s,
        unit="s",
        n=1,
        method=level.method,
        receipts={"watch": autoscalers_receipt(case.evidence, level.span)},
        files=FILES,
    )
    at = _at(level)
    if first is not None and took_s is not None and took_s < limit_s:
        text = f"{at} the replicas rose from {first.before} to {first.after} after {formatted(took_s, 's')}"
        if why := _no_proof(level) or not_shown(said_of(case.evidence, level.workload), first):
            hint = _ALONE if raised_by_hand(said_of(case.evidence, level.workload), first) else ""
            return concluded(case, Outcome.INCONCLUSIVE, f"{text}, but {why}", figures, hint=hint, **scope)
        return concluded(case, Outcome.PASS, f"{text}, expected {case.expected}", figures, **scope)
    if not level.ok:
        return concluded(case, Outcome.INCONCLUSIVE, f"the load was not as planned: {level.why}", figures, **scope)
    if took_s is not None and first is not None and first.at_ns < since_ns:
        text = f"{at} the replicas rose before the level was reached, {formatted(took_s, 's')} after the load began"
        return concluded(case, Outcome.INCONCLUSIVE, text, figures, **scope)
    if first is None and kept_s < limit_s:
        text = f"{at} was kept for {formatted(kept_s, 's')} only"
        return concluded(case, Outcome.INCONCLUSIVE, text, figures, **scope)
    when = f"rose after {formatted(took_s, 's')}" if took_s is not None else f"did not rise in {formatted(kept_s, 's')}"
    return concluded(case, Outcome.FAIL, f"{at} the replicas {when}, expected {case.expected}", figures, **scope)


def _below(case: Case, level: HeldLevel) -> Measure:
    scope, receipts = _scope(level), {"watch": autoscalers_receipt(case.evidence, level.span)}
    changes = scalings(said_of(case.evidence, level.workload), level.begun_ns, level.ended_ns)
    ups = [one for one in changes if one.after > one.before]
    kept_s = ((level.ended_ns or level.begun_ns) - (level.reached_ns or level.begun_ns)) / NS_PER_S
    figures = Figures(value=float(len(ups)), scaled_limit=0.0, n=1, method=level.method, receipts=receipts, files=FILES)
    if not level.ok:
        return concluded(case, Outcome.INCONCLUSIVE, f"the load was not as planned: {level.why}", figures, **scope)
    if ups:
        text = f"{_at(level)} the replicas rose from {ups[0].before} to {ups[0].after}, expected no rise"
        if why := raised_by_hand(said_of(case.evidence, level.workload), ups[0]):
            return concluded(case, Outcome.INCONCLUSIVE, f"{text}, but {why}", figures, hint=_ALONE, **scope)
        return concluded(case, Outcome.FAIL, text, figures, **scope)
    text = f"{_at(level)}, kept for {formatted(kept_s, 's')}, the replicas did not rise"
    limit_s = case.scaled.in_unit("s")
    if level.reached_ns is None or kept_s < limit_s:
        text = f"{text}; {formatted(limit_s, 's')} of it, as at the higher one, were not recorded"
        return concluded(case, Outcome.INCONCLUSIVE, text, figures, **scope)
    return concluded(case, Outcome.PASS, text, figures, **scope)


def _no_proof(level: HeldLevel) -> str:
    """Why a rise does not show that the replicas rise at the level: it may have needed more usage; empty: it does.

    The mean may be as far above the level as one that is near. One reading is of a short window, and may be twice as far above it.
    """
    if level.highest is None:
        return "the usage was not read"
    allowed = ((level.mean, NEAR), (level.highest, 2 * NEAR))
    beyond = [usage for usage, by in allowed if usage is not None and usage > level.level + by + _ROUNDING]
    if not beyond:
        return ""
    return f"the usage was up to {100 * max(beyond):.0f} %, which shows no rise at {100 * level.level:g} %"


def _at(level: HeldLevel) -> str:
    held = f"{100 * level.mean:.0f} %" if level.mean is not None else f"{100 * level.level:g} %"
    return f"at {held} of the {level.resource} request"


def _scope(level: HeldLevel) -> dict[str, str]:
    return {"workload": level.workload, "resource": level.resource, "at": f"{100 * level.level:g} %"}


SPEC: Final = scaling_spec(
    Figure.SCALED_OUT, rises, limit=LimitRule(dimension="time", ops=ONLY_BELOW), unit="s", timed=True
)
