"""Checks that every requirement has a scenario, or names the missing components of a platform that it needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.catalogue.lint import Problem
from harness.catalogue.values import Catalogue, feature_file
from harness.model import Form, Requirement, Scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class FormTally:
    """Counts of the requirements of one form.

    Attributes:
        form: measured, derived, ingested or attested.
        rows: number of requirements.
        claimed: number of requirements with a scenario.
        waiting: number of requirements without a scenario that name a missing component.
        without: ids of requirements with neither.
    """

    form: Form
    rows: int
    claimed: int
    waiting: int
    without: tuple[str, ...]

    @property
    def accounted(self) -> int:
        """Number of requirements that have a scenario or name a missing component."""
        return self.claimed + self.waiting


def tallies(catalogue: Catalogue, claimed: Collection[str]) -> tuple[FormTally, ...]:
    """A tally for each form, the measured first; `claimed` are the ids that have a scenario."""
    return tuple(_tally(form, catalogue, claimed) for form in Form)


def _tally(form: Form, catalogue: Catalogue, claimed: Collection[str]) -> FormTally:
    rows = [row for row in catalogue.requirements.values() if row.form is form]
    return FormTally(
        form=form,
        rows=len(rows),
        claimed=sum(row.id in claimed for row in rows),
        waiting=sum(row.id not in claimed and bool(row.needs) for row in rows),
        without=tuple(row.id for row in rows if row.id not in claimed and not row.needs),
    )


def claiming_files(catalogue: Catalogue, scenarios: Iterable[Scenario]) -> dict[str, set[str]]:
    """Profile → the feature files that claim its requirements."""
    found: dict[str, set[str]] = {}
    for scenario in scenarios:
        for requirement in scenario.requirements:
            if requirement in catalogue.requirements:
                found.setdefault(catalogue.requirements[requirement].profile, set()).add(scenario.file)
    return found


def unaccounted(
    catalogue: Catalogue, claimed: Collection[str], files: Mapping[str, Collection[str]] = MappingProxyType({})
) -> tuple[Problem, ...]:
    """A problem for each requirement with neither a scenario nor a missing component; `files` comes from `claiming_files`."""
    return tuple(
        Problem(
            at=catalogue.where(row.id),
            what=f"{row.id} has no scenario, and `needs` names no missing component",
            hint=f"write a scenario tagged @{row.id} into {feature_file(row, files.get(row.profile, ()))}, "
            "or name the missing component under `needs`",
        )
        for row in catalogue.requirements.values()
        if row.id not in claimed and not row.needs
    )


def waits_for(requirement: Requirement) -> str:
    """``missing component `bus` (event bus and its consumers)``; empty for a requirement without `needs`."""
    if not requirement.needs:
        return ""
    *others, last = [f"`{part.name}` ({part.title})" for part in requirement.needs]
    return f"missing components {', '.join(others)} and {last}" if others else f"missing component {last}"
