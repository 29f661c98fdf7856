"""What a sentence can mean: traffic and experiments that must run, or an objective that must be met."""

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
    """The experiments that a sentence refers to.

    Attributes:
        names: experiments selected by name.
        domains: fault domains whose experiments are selected.
        kinds: each kind of experiments that must be among them, in words, with its domain or its experiment.
        every: whether all of them must have run; otherwise only those that the scenario ran are selected.
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
        """The experiments of some domains; a domain without an experiment counts as missing."""
        return cls(
            domains=domains, kinds={f"experiments of domain {domain}": domain for domain in domains}, every=every
        )

    def speaks_of(self, name: str, domain: str) -> bool:
        """Whether an experiment with this name and domain is selected."""
        return name in self.names or domain in self.domains

    def among(self, experiments: Mapping[str, str]) -> tuple[str, ...]:
        """The selected of these experiments (name → domain), in their order, the named ones first.

        `every experiment of domain …` leaves out experiments that run only by name; a sentence about the experiments of its scenario does not.
        """
        left_out = {*self.names, *(only_by_name(experiments) if self.every else ())}
        found = [name for name, domain in experiments.items() if domain in self.domains and name not in left_out]
        return (*self.names, *found)

    def missing_among(self, experiments: Mapping[str, str]) -> tuple[str, ...]:
        """The kinds of which none of these experiments is one."""
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
        traffic: name of the traffic that must have run.
        selection: experiments that must have run, or that an objective is about.
        objective: what must hold; its sentence, place and experiments are filled in by the reader.
        told: data that the platform exposes and that must have been read under the traffic or rollout: `metrics`, `pod-reads`; empty: none.
        rollout: name of the rollout that must have run under the traffic.
        report: the report that the Then steps are about: `format`, `report` (its name), `of` (release or commit).
    """

    traffic: str | None = None
    selection: Selection | None = None
    objective: Objective | None = None
    told: str = ""
    rollout: str = ""
    report: Mapping[str, str] = field(default_factory=dict)
