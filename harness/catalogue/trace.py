"""Traces requirements to their scenarios, sentences, and kinds of evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from harness.catalogue.accounting import waits_for
from harness.catalogue.values import Catalogue
from harness.model import Claim, Requirement, Step

_NO_ERRORS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioTrace:
    """One scenario of a requirement.

    Attributes:
        at: place of the scenario, as `file:line`.
        title: title of the scenario.
        sentences: Then steps of the scenario, with their places.
        demands: demands of the sentences, such as `traffic everyday` and `experiment pod-loss traffic=everyday`.
    """

    at: str
    title: str
    sentences: tuple[Step, ...]
    demands: tuple[str, ...]

    @property
    def evidence(self) -> tuple[str, ...]:
        """The kinds of the demands, without duplicates, such as `traffic` and `experiment`."""
        return tuple(dict.fromkeys(demand.split(" ", 1)[0] for demand in self.demands))


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementTrace:
    """One requirement with its scenarios.

    Attributes:
        requirement: requirement of the catalogue.
        scenarios: scenarios that claim the requirement.
        parts: ids of the requirements from which it is derived.
        why: reason why no scenario decides the requirement; empty if a scenario does.
    """

    requirement: Requirement
    scenarios: tuple[ScenarioTrace, ...] = ()
    parts: tuple[str, ...] = ()
    why: str = ""


def trace(
    catalogue: Catalogue, claims: Iterable[Claim], errors: Mapping[str, str] = _NO_ERRORS
) -> tuple[RequirementTrace, ...]:
    """One trace for each requirement of the catalogue, in order; claims of unknown ids are left out.

    Args:
        catalogue: catalogue of requirements.
        claims: claims of all scenarios that can be read.
        errors: requirement id → error of the scenario that names it and cannot be read.
    """
    scenarios: dict[str, list[ScenarioTrace]] = {}
    for claim in claims:
        scenarios.setdefault(claim.requirement, []).append(_scenario(claim))
    return tuple(
        RequirementTrace(
            requirement=row,
            scenarios=tuple(scenarios.get(row.id, ())),
            parts=row.parts,
            why="" if row.id in scenarios else errors.get(row.id) or waits_for(row) or "no scenario claims it",
        )
        for row in catalogue.requirements.values()
    )


def _scenario(claim: Claim) -> ScenarioTrace:
    then = tuple(step for step in claim.scenario.steps if step.keyword == "then")
    return ScenarioTrace(at=claim.scenario.at, title=claim.scenario.title, sentences=then, demands=claim.demands)
