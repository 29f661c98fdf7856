"""Computes the duration of a run, its numbers of samples, and the sentences that it can decide.

It also lists scaled lengths of time, and what a sentence needs that a run of this size cannot decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.drivers.watch import Rates
from harness.figures import spec_of
from harness.judgement.figures import Lack, Offered
from harness.judgement.figures.sufficiency import lacks_of, numbers_of
from harness.judgement.stats.statistics import needed
from harness.model import DemandKind, Figure, Per, Phase
from harness.model.planned.domain import UNKNOWN
from harness.model.records.window import after_faults_name
from harness.run.acts.experiments import longest_s
from harness.run.acts.sharing import expected_s
from harness.run.plan.awaited import account_document, accounted

if TYPE_CHECKING:
    from harness.judgement.figures import Numbers
    from harness.model import Act, Length, Objective, Plan, TrafficPlan

_START_S: Final = 10.0
_REST_S: Final = 16.0
_FILES_S: Final = 2.0
"""Seconds that a run takes in addition to its acts, on an idle machine with two cores; this value for a run that reads files only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prospect:
    """One sentence of the plan.

    Attributes:
        requirement: requirement of the sentence.
        objective: objective that the sentence states.
        times: lengths of time in the sentence, as written and as used.
        numbers: numbers of samples, needed and planned; None if the figure does not depend on a number of samples.
        lacks: why a run of this size cannot decide the sentence; empty if it can.
    """

    requirement: str
    objective: Objective
    times: tuple[Length, ...]
    numbers: Numbers | None
    lacks: tuple[Lack, ...]


def prospects(plan: Plan) -> tuple[Prospect, ...]:
    """Every sentence of the plan, in the order of its claims."""
    return tuple(
        Prospect(
            requirement=claim.requirement,
            objective=objective,
            times=objective.lengths(plan.time_scale),
            numbers=numbers_of(spec_of(objective.figure), objective, offered_to(plan, objective)),
            lacks=(
                *lacks_of(spec_of(objective.figure), objective, offered_to(plan, objective)),
                *_unconfirmed(plan, objective),
            ),
        )
        for claim in plan.claims
        for objective in claim.objectives
    )


def short_rows(sentences: Iterable[Prospect]) -> dict[str, str]:
    """Requirement → evidence that the run lacks to decide it; requirements that this run can decide are left out."""
    found: dict[str, str] = {}
    for said in sentences:
        if said.lacks:
            found.setdefault(said.requirement, said.lacks[0].what)
    return found


def _unconfirmed(plan: Plan, objective: Objective) -> Iterator[Lack]:
    """A lack for each experiment of an objective whose file names no probe that confirms the fault."""
    for name in objective.scope.experiments:
        experiment = plan.experiments.get(name)
        if experiment is not None and experiment.domain == UNKNOWN.name:
            file = Path(experiment.file).name
            yield Lack(
                what=f"a block `harness` in {file} with `confirmed_by`, the name of the probe that confirms the fault"
            )


def offered_to(plan: Plan, objective: Objective) -> Offered:
    """The amount of evidence that the plan collects for an objective."""
    traffic = plan.traffic.get(objective.scope.traffic or "")
    if traffic is None:
        return Offered(requests=0, probes=0, time_scale=plan.time_scale, durability=plan.durability)
    if objective.scope.phase is Phase.SWITCHED and (rollout := plan.rollouts.get(objective.scope.rollout or "")):
        traffic = traffic.with_window(rollout.watched_s)
    by_route = objective.scope.per is Per.ROUTE
    share = min(traffic.routes.values()) if by_route and traffic.routes else 1.0
    return Offered(
        requests=math.floor(traffic.requests * share),
        probes=round(traffic.window_s * health_per_s(plan)),
        journeys=math.floor(traffic.journeys_per_s * traffic.window_s),
        by_route=by_route,
        window_s=traffic.window_s,
        users=traffic.users,
        before_fault_s=_before_fault_s(plan, objective),
        time_scale=plan.time_scale,
        durability=plan.durability,
        rates=traffic.rates,
    )


def health_per_s(plan: Plan) -> float:
    """Health probes of the entry per second in a fault-free window whose uptime a sentence asks for.

    As many as the window needs for a PASS with one failed probe, and at most the default; more if a traffic file asks for more.
    """
    own = max((traffic.health_per_s for traffic in plan.traffic.values()), default=0.0)
    usual = Rates()
    enough = [
        _probes_of(objective) / traffic.window_s
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.UPTIME
        and (traffic := plan.traffic.get(objective.scope.traffic or "")) is not None
        and traffic.window_s
    ]
    most = usual.health_in_window
    return max(own, usual.health, math.ceil(min(most, max(enough, default=most))))


def _probes_of(objective: Objective) -> float:
    """Number of probes that decide an uptime although one of them fails; infinite if no number does."""
    return needed(1, 1 - objective.limit.base, objective.confidence) or math.inf


def grown(plan: Plan) -> dict[str, TrafficPlan]:
    """The traffics of the plan, with windows extended to the length that the sentences need, if the windows may be extended."""
    said, traffic = prospects(plan), dict(plan.traffic)
    for name, size in plan.traffic.items():
        own = [
            one
            for one in said
            if one.objective.scope.traffic == name and one.objective.scope.phase is not Phase.SWITCHED
        ]
        lacks = [lack for each in own for lack in each.lacks]
        needed_s = [lack.window_s for lack in lacks if lack.grows]
        if size.window_grows and max(needed_s, default=0.0) > size.window_s:
            traffic[name] = size.with_window(max(needed_s))
    return traffic


def _before_fault_s(plan: Plan, objective: Objective) -> float:
    """Planned seconds of traffic before the first fault of an objective.

    Infinite if the objective has no fault.
    """
    passed_s = 0.0
    for act in plan.acts:
        if act.traffic != objective.scope.traffic or act.beside:
            continue
        if act.phase is Phase.FAULT and plan.demand[act.demand].name in objective.scope.experiments:
            return passed_s
        passed_s += act.seconds
    return math.inf


def around_s(plan: Plan) -> tuple[float, float]:
    """Seconds before the first act and after the last one."""
    return (_START_S, _REST_S) if plan.live else (0.0, _FILES_S)


def seconds(plan: Plan) -> tuple[float, float]:
    """Expected duration of a run in s, and its longest duration if nothing recovers by itself.

    Both assume that no fault is sent twice.
    """
    own = list(_after_what_passed(act for act in plan.acts if not act.beside))
    around = sum(around_s(plan))
    expected = expected_s(own, lambda act: act.seconds)
    return around + expected, around + expected_s(own, lambda act: _longest_s(plan, act))


def _after_what_passed(acts: Iterable[Act]) -> Iterator[Act]:
    """The acts, each window after the faults with what is left of it: steps since the last fault under its traffic are in it."""
    passed_s = 0.0
    for act in acts:
        if act.traffic and act.name == after_faults_name(act.traffic):
            yield replace(act, seconds=max(act.seconds - passed_s, 0.0))
        else:
            yield act
        passed_s = 0.0 if act.phase is not Phase.STEADY or not act.traffic else passed_s + act.seconds


def _longest_s(plan: Plan, act: Act) -> float:
    demand = plan.demand[act.demand]
    if demand.kind == DemandKind.ROLLOUT:
        return max(act.seconds, plan.rollouts[demand.name].within_s)
    is_fault = demand.kind == DemandKind.EXPERIMENT and act.phase is Phase.FAULT
    return longest_s(plan.experiments[demand.name]) if is_fault else act.seconds


def outlook_document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON data: seconds, acts in order, every sentence with its needs, and requirements that cannot be assessed."""
    expected, longest = seconds(plan)
    sentences = prospects(plan)
    return {
        "release": plan.release,
        "target": plan.target,
        "environment": plan.environment,
        "profile": plan.profile,
        "time_scale": plan.time_scale,
        "traffic_scale": plan.traffic_scale,
        "seconds": {"expected": round(expected, 1), "at_most": round(longest, 1)},
        "acts": [
            {
                "name": act.name,
                "kind": act.kind,
                "phase": act.phase.value,
                "seconds": act.seconds,
                "touches": list(act.touches),
                "after": list(act.after),
                "beside": act.beside,
            }
            for act in plan.acts
        ],
        "sentences": [_sentence(prospect) for prospect in sentences],
        "not_assessable": [
            {"requirement": item.requirement, "why": item.because.text, "hint": item.because.hint}
            for item in plan.not_assessable
        ],
        "account": account_document(accounted(plan, short_rows(sentences))),
        "deselected": list(plan.deselected),
    }


def _sentence(prospect: Prospect) -> dict[str, Any]:
    return {
        "requirement": prospect.requirement,
        "sentence": prospect.objective.sentence,
        "at": prospect.objective.at,
        "times": [asdict(length) for length in prospect.times],
        "samples": None if prospect.numbers is None else _samples(prospect.numbers),
        "can_be_decided": not prospect.lacks,
        "lacks": [asdict(lack) for lack in prospect.lacks],
    }


def _samples(numbers: Numbers) -> dict[str, str]:
    shown = ("needed", "planned", "tolerated", "refuting", "chances")
    return {name: getattr(numbers, name) for name in shown}
