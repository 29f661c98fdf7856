"""Leaves out experiments that need something which the target file does not name, from sentences about every experiment of a domain.

A sentence that names the experiment keeps it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from harness.model import Claim, Demand, DemandKind, ExperimentPlan, Objective, Requirement, domain_of
from harness.steps.meaning import KINDS
from harness.targets import Target


def absent_on(target: Target, experiments: Mapping[str, ExperimentPlan]) -> frozenset[str]:
    """The experiments of which the target file lacks a key, written with a dot, such as `database.restore`."""
    return frozenset(
        name for name, one in experiments.items() if any("." in key and not _has(target, key) for key in one.needs)
    )


def without(
    claims: Sequence[Claim], demands: Mapping[str, Demand], absent: Collection[str], requirements: Sequence[Requirement]
) -> tuple[Claim, ...]:
    """The claims without these experiments, whose kinds are then not tried."""
    in_part = {requirement.id: requirement.in_part for requirement in requirements}
    return tuple(_without(claim, demands, absent, in_part.get(claim.requirement, ())) for claim in claims)


def _without(claim: Claim, demands: Mapping[str, Demand], absent: Collection[str], in_part: Collection[str]) -> Claim:
    own = {key for key in claim.demands if demands[key].kind == DemandKind.EXPERIMENT and demands[key].name in absent}
    named = {demands[key].name for key in own if any(demands[key].name in step.text for step in claim.scenario.steps)}
    gone = {demands[key].name for key in own} - named
    if not gone:
        return claim
    return replace(
        claim,
        demands=tuple(key for key in claim.demands if key not in own or demands[key].name in named),
        objectives=tuple(_narrowed(one, gone, in_part) for one in claim.objectives),
    )


def _narrowed(objective: Objective, gone: Collection[str], in_part: Collection[str]) -> Objective:
    scope = objective.scope
    kinds = [kind for kind, what in KINDS["disaster"].kinds.items() if what in gone and _of_disasters(scope.domains)]
    missing = tuple(kind for kind in kinds if not in_part or kind in in_part)
    narrowed = replace(
        scope,
        experiments=tuple(name for name in scope.experiments if name not in gone),
        missing_experiments=(*scope.missing_experiments, *missing),
        left_out=(*scope.left_out, *(kind for kind in kinds if kind not in missing)),
    )
    return replace(objective, scope=narrowed)


def _of_disasters(domains: Collection[str]) -> bool:
    """Whether a sentence speaks of disasters."""
    return any(domain_of(name).disaster for name in domains)


def _has(target: Target, key: str) -> bool:
    def below(found: Any, name: str) -> Any:
        return getattr(found, name, None)

    return bool(reduce(below, key.split("."), target))
