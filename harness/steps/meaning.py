"""The meaning of a sentence: traffic and experiments that must run, or an objective that must be met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.model import DOMAINS, Objective, only_by_name

MEMBERS_LOSS: Final = "database-members-loss"
"""The experiment that kills all database members at the same time, one of the three disasters."""


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
        kinds: kind of experiments that must be included, in words → its domain or experiment.
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
        """The selected names among these experiments (name → domain), in order; experiments selected by name come first.

        `every experiment of domain …` leaves out experiments that run only by name.
        """
        left_out = {*self.names, *(only_by_name(experiments) if self.every else ())}
        found = [name for name, domain in experiments.items() if domain in self.domains and name not in left_out]
        return (*self.names, *found)

    def missing_among(self, experiments: Mapping[str, str]) -> tuple[str, ...]:
        """The kinds without an experiment among these."""
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
    """The meaning of one sentence.

    Attributes:
        traffic: name of the traffic that must have run.
        selection: experiments that must have run, or that an objective is about.
        objective: condition that must be met; sentence, place and experiments are filled in later.
        also: check that the sentence asks for as well. parts: names of the objective and of this check, of which a profile may gate on one.
        told: data that the platform exposes and that must have been read under the traffic or rollout: `metrics`, `pod-reads`; empty: none.
        rollout: name of the rollout that must have run under the traffic.
        report: report that the Then steps are about: `format`, `report` (its name), `of` (release or commit).
    """

    traffic: str | None = None
    selection: Selection | None = None
    objective: Objective | None = None
    also: Objective | None = None
    parts: tuple[str, ...] = ()
    told: str = ""
    rollout: str = ""
    report: Mapping[str, str] = field(default_factory=dict)
