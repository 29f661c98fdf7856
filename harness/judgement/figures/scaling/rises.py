"""The replicas of a service rise if its load is above the target of its autoscaler, and do not rise if the load is below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from harness.judgement.figures.scaling.record import (
    AGAIN,
    FILES,
    HeldLevel,
    autoscalers_receipt,
    given_levels,
    levels_elsewhere,
    not_given,
    not_shown,
    raised_by_hand,
    said_of,
    scaling_spec,
    scalings,
)
from harness.judgement.measures import Case, inconclusive
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.shapes.until import Effect, until
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Quantity, ReasonKind
from harness.model.observations import AutoscalerSeen
from harness.model.planned.scaling import NEAR
from harness.units import NS_PER_S

_ROUNDING: Final = 1e-9
_LEVELS: Final = 2
_NO_LOAD: Final = (
    "loads are applied in the primary region: give the service an autoscaler there, or add a read of it to `services:` of `probes:` "
    "in the target file; history/scale.ndjson has the loads that failed"
)
_ALONE: Final = "do not change the autoscaler while the load is applied, then run again"


def rises(case: Case) -> Iterable[Measure]:
    """One measure per load level of each service.

    For a sentence about every service also the levels of services that other sentences name, and one measure per service without a load.
    A load that could not be applied hides no failure of another service.
    """
    name, levels, why = Figure.SCALED_OUT.value, (*given_levels(case), *levels_elsewhere(case)), not_given(case)
    if why:
        yield inconclusive(case, name, why, AGAIN)
    high = Quantity.parse(case.objective.params["high"]).base
    for level in levels:
        if not said_of(case.evidence, level.workload):
            yield inconclusive(
                case, name, f"the run has no record of an autoscaler of {level.workload}", AGAIN, scope=_scope(level)
            )
        else:
            yield _above(case, level) if level.level == high else _below(case, level)
    held = Counter(level.workload for level in levels)
    for workload in (workload for workload, count in held.items() if count < _LEVELS):
        scope = {"workload": workload}
        yield inconclusive(case, name, f"only one of the two load levels of {workload} was applied", AGAIN, scope=scope)
    yield from _with_other_aims(case, held)
    named = {workload.rpartition("/")[2] for workload in held}
    for service in sorted(_expected(case) - named):
        yield inconclusive(
            case, name, f"no load was applied to {service}, expected two levels", _NO_LOAD, scope={"workload": service}
        )


def _expected(case: Case) -> set[str]:
    """The services that must receive a load: for a sentence about every service, all with an autoscaler in any region, and all that a route uses; else none."""
    used = {service for needs in case.plan.route_needs.values() for service in needs}
    scaled = {one.target for one in case.evidence.every(AutoscalerSeen)}
    return set() if "workload" in case.objective.params else used | scaled


def _with_other_aims(case: Case, held: Mapping[str, int]) -> Iterable[Measure]:
    """For a sentence about every service, one measure per autoscaler of another region that scales a service which was loaded to another usage."""
    if "workload" in case.objective.params or not held:
        return
    resource = case.objective.params["resource"]
    aims = {
        (one.subject.rpartition("/")[0], one.target): one.aims.get(resource)
        for one in case.evidence.every(AutoscalerSeen)
    }
    for workload in held:
        here, _, service = workload.rpartition("/")
        for (there, target), aim in sorted(aims.items()):
            if target == service and aim != aims.get((here, service)):
                said = f"{_aim(aim)}, and that of {workload}, which was loaded, to {_aim(aims.get((here, service)))}"
                yield inconclusive(
                    case,
                    Figure.SCALED_OUT.value,
                    f"the autoscaler of {there}/{service} scales to {said}",
                    "let the autoscalers of a service scale to the same usage in every region, then run again",
                    scope={"workload": f"{there}/{service}"},
                )


def _aim(percent: object) -> str:
    return "no usage of the resource" if percent is None else f"{percent} % of the request"


def _above(case: Case, level: HeldLevel) -> Measure:
    """The measure of the time from the level to the rise.

    A rise before the level counts from the beginning of the load, as the time at which the usage passed the target is unknown. A rise at a smaller
    usage also proves a rise at the level. A rise at a greater usage does not, since the target may be between the two.
    """
    said, since_ns = said_of(case.evidence, level.workload), level.reached_ns or level.ended_ns or level.begun_ns
    ups = [one for one in scalings(said, level.begun_ns) if one.after > one.before]
    first = next((one for one in ups if level.ended_ns is None or one.at_ns <= level.ended_ns + NS_PER_S), None)
    sooner = first is not None and first.at_ns < since_ns
    excuse = f"the load was not applied as planned: {level.why}" if not level.ok else ""
    found = Effect(
        high=None if first is None else (first.at_ns - (level.begun_ns if sooner else since_ns)) / NS_PER_S,
        watched=((level.ended_ns or since_ns) - since_ns) / NS_PER_S,
        names={"at": _at(level), "before": first.before if first else 0, "after": first.after if first else 0},
        scope=_scope(level),
        receipts={"watch": autoscalers_receipt(case.evidence, level.span)},
        needs=("watch",),
        method=level.method,
        files=FILES,
        n=1,
        doubt=_no_proof(level) or not_shown(said, first) if first else "",
        excuse=excuse or ("the replicas rose before the level was reached" if sooner else ""),
        hint=_ALONE if first and raised_by_hand(said, first) else AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return until(case, found)


def _below(case: Case, level: HeldLevel) -> Measure:
    said, since_ns, limit_s = said_of(case.evidence, level.workload), level.reached_ns, case.scaled.in_unit("s")
    ups = [one for one in scalings(said, level.begun_ns, level.ended_ns) if one.after > one.before]
    kept_s = ((level.ended_ns or level.begun_ns) - (since_ns or level.begun_ns)) / NS_PER_S
    text = f"{_at(level)}, kept for {formatted(kept_s, 's')}, the replicas did not rise, expected no rise"
    if ups:
        text = f"{_at(level)} the replicas rose from {ups[0].before} to {ups[0].after}, expected no rise"
    brief = f"this level was kept for less than {formatted(limit_s, 's')}, the time at the higher level"
    by_hand = raised_by_hand(said, ups[0]) if ups else ""
    load = Gap(f"the load was not applied as planned: {level.why}" if not level.ok else "", AGAIN, alone=True)
    found = Things(
        bad=len(ups),
        n=1,
        text=text,
        scope=_scope(level),
        receipts={"watch": autoscalers_receipt(case.evidence, level.span)},
        needs=("watch",),
        gaps=(load, Gap(brief if since_ns is None or kept_s < limit_s else "", AGAIN)),
        excuse=load if load.why else Gap(by_hand, _ALONE),
        method=level.method,
        files=FILES,
    )
    return every_one(case, found)


def _no_proof(level: HeldLevel) -> str:
    """Why a rise does not prove that the replicas rise at the level: it may have needed more usage; empty: it is a proof.

    The mean may be above the level by the tolerance `NEAR`. A single reading covers a short window, so it may be above by twice that.
    """
    if level.highest is None:
        return "the usage during the load was not read"
    allowed = ((level.mean, NEAR), (level.highest, 2 * NEAR))
    beyond = [usage for usage, by in allowed if usage is not None and usage > level.level + by + _ROUNDING]
    if not beyond:
        return ""
    return f"the usage was up to {100 * max(beyond):.0f} %, which does not prove a rise at {100 * level.level:g} %"


def _at(level: HeldLevel) -> str:
    held = f"{100 * level.mean:.0f} %" if level.mean is not None else f"{100 * level.level:g} %"
    return f"at {held} of the {level.resource} request"


def _scope(level: HeldLevel) -> dict[str, str]:
    return {"workload": level.workload, "resource": level.resource, "at": f"{100 * level.level:g} %"}


SPEC: Final = scaling_spec(
    Figure.SCALED_OUT, rises, limit=LimitRule(dimension="time", ops=ONLY_BELOW), unit="s", timed=True
)
