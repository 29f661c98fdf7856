"""Which requirement is proven by what: scenarios, parts, an ingested file, an attestation, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from harness.catalogue.values import Catalogue
from harness.model import Claim, Form, Requirement


class Means(StrEnum):
    """How a requirement comes by its verdict."""

    SCENARIOS = "scenarios"
    PARTS = "parts"
    FILE = "ingested file"
    ATTESTATION = "attestation"
    NONE = "none"
    """Not assessed until somebody writes a scenario."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementTrace:
    """One requirement and what bears it: `scenarios` as `file:line: title`, `parts` by id."""

    requirement: Requirement
    means: Means
    scenarios: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


def trace(catalogue: Catalogue, claims: Iterable[Claim]) -> tuple[RequirementTrace, ...]:
    """One line for each requirement of the catalogue, in its order; claims of ids it does not hold are left out."""
    scenarios: dict[str, list[str]] = {}
    for claim in claims:
        scenarios.setdefault(claim.requirement, []).append(claim.scenario.location)
    return tuple(
        RequirementTrace(
            requirement=requirement,
            means=_means(requirement, claimed=requirement.id in scenarios),
            scenarios=tuple(scenarios.get(requirement.id, ())),
            parts=requirement.parts,
        )
        for requirement in catalogue.requirements.values()
    )


def _means(requirement: Requirement, *, claimed: bool) -> Means:
    if claimed:
        return Means.SCENARIOS
    by_form = {Form.DERIVED: Means.PARTS, Form.INGESTED: Means.FILE, Form.ATTESTED: Means.ATTESTATION}
    return by_form.get(requirement.form, Means.NONE)
