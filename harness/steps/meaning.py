"""What a sentence can mean: traffic and experiments that are asked for, or an objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.model import DOMAINS, Objective, only_by_name

MEMBERS_LOSS: Final = "database-members-loss"
"""The experiment that takes all database members at once, one of the three disasters."""


class Keyword(StrEnum):
    """The place of a sentence in a scenario."""

    GIVEN = "given"
    WHEN = "when"
    THEN = "then"


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Experiments that a sentence speaks of.

    Attributes:
        names: by name.
        domains: of these fault domains.
        kinds: what must be among them, for people, with the domain or the experiment that is it.
        every: whether it speaks of all of them; else of those of them that the scenario ran.
    """

    names: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    kinds: Mapping[str, str]
    every: bool

    @classmethod
    def of_name(cls, name: str) -> Selection:
        """One experiment by name."""
        return cls(names=(name,), kinds={}, every=True)

    @classmethod
    def of_domains(cls, domains: tuple[str, ...], *, every: bool = True) -> Selection:
        """The experiments of some domains; a domain that has none is missing."""
        return cls(
            domains=domains, kinds={f"experiments of domain {domain}": domain for domain in domains}, every=every
        )

    def speaks_of(self, name: str, domain: str) -> bool:
        """Whether an experiment of that name and domain is among those that it speaks of."""
        return name in self.names or domain in self.domains

    def among(self, experiments: Mapping[str, str]) -> tuple[str, ...]:
        """The selected of these experiments (name → domain), in their order, the named ones first.

        `every experiment of domain …` leaves out those that run only by name; what speaks of the experiments that a scenario ran does not.
        """
        left_out = {*self.names, *(only_by_name(experiments) if self.every else ())}
        found = [name for name, domain in experiments.items() if domain in self.domains and name not in left_out]
        return (*self.names, *found)

    def missing_among(self, experiments: Mapping[str, str]) -> tuple[str, ...]:
        """The kinds that none of these experiments is."""
        apart = only_by_name(experiments) if self.every else frozenset()
        there = {*experiments, *(domain for name, domain in experiments.items() if name not in apart)}
        return tuple(kind for kind, name in self.kinds.items() if name not in there)


KINDS: Final[Mapping[str, Selection]] = {
    "single-fault": Selection.of_domains(tuple(name for name, one in DOMAINS.items() if one.single_fault)),
    "disaster": Selection(
        domains=tuple(name for name, one in DOMAINS.items() if one.disaster),
        kinds={
            "loss of the primary": "database",
            "loss of a region": "region",
            "loss of all database members": MEMBERS_LOSS,
        },
        every=True,
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What one sentence says.

    Attributes:
        traffic: that must have run.
        selection: experiments that must have run, or that an objective speaks of.
        objective: what must hold; its sentence, place and experiments are filled in by the reader.
        told: what the platform says of itself that must have been read under the traffic, or during the rollout: `metrics`, `pod-reads`; empty: nothing.
        rollout: that must have run under the traffic, by name.
        report: the report that the Then steps speak of: `format`, `report` (its name), `of` (release or commit).
    """

    traffic: str | None = None
    selection: Selection | None = None
    objective: Objective | None = None
    told: str = ""
    rollout: str = ""
    report: Mapping[str, str] = field(default_factory=dict)
