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
        at: `file:line`. title: of the scenario.
        sentences: its Then steps, which are judged; each knows its `file:line`.
        demands: what is done for them: `traffic everyday`, `experiment pod-loss traffic=everyday`.
    """

    at: str
    title: str
    sentences: tuple[Step, ...]
    demands: tuple[str, ...]

    @property
    def evidence(self) -> tuple[str, ...]:
        """The kinds of the demands, without duplicates: `traffic`, `experiment`."""
        return tuple(dict.fromkeys(demand.split(" ", 1)[0] for demand in self.demands))


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementTrace:
    """One requirement with its scenarios.

    Attributes:
        requirement: of the catalogue.
        scenarios: that claim it.
        parts: ids that it is derived from.
        why: why nothing decides it; empty if a scenario does.
    """

    requirement: Requirement
    scenarios: tuple[ScenarioTrace, ...] = ()
    parts: tuple[str, ...] = ()
    why: str = ""


def trace(
    catalogue: Catalogue, claims: Iterable[Claim], errors: Mapping[str, str] = _NO_ERRORS
) -> tuple[RequirementTrace, ...]:
    """One trace for each requirement of the catalogue, in its order; claims of ids that it does not hold are left out.

    Args:
        catalogue: the requirements.
        claims: of every scenario that can be read.
        errors: what is wrong with the scenarios that cannot be read, by the id that they name.
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
