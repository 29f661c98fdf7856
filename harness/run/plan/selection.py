"""Selects the scenarios that a session judges: scenarios of the chosen profiles that `--only` lets through."""

from __future__ import annotations

import re
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Final

from harness.errors import HarnessError
from harness.files import bundled
from harness.run.project import feature_files, nothing_claimed
from harness.steps import read_feature, requirement_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.catalogue import Catalogue
    from harness.model import Plan, Requirement, Scenario
    from harness.run.settings import Settings


_ID: Final = re.compile(r"[\w-]+")
"""A word that may be the id of a requirement: `DA-APP-P95` is not `APP-P95`."""


class ScenarioSelection:
    """The scenarios of the project that the options of a session choose.

    Args:
        settings: options of the session.
        catalogue: requirements that scenarios claim.
        replay: whether a stored run is judged, of any profile.
        recorded: plan of the stored run, whose requirements choose the scenarios; None: they are not known.
    """

    def __init__(
        self, settings: Settings, catalogue: Catalogue, *, replay: bool = False, recorded: Plan | None = None
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._replay = replay
        self._recorded = recorded
        self._profiles = settings.profiles if recorded is None else tuple(recorded.profile.split("+"))

    @cached_property
    def rows(self) -> tuple[Requirement, ...]:
        """The requirements of the chosen profiles."""
        return self._catalogue.profile(self._settings.profiles)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The feature files that a session reads: all files of the project, and files of the package that name a chosen requirement."""
        found = feature_files(self._settings.project)
        if self._replay:  # of any profile
            return found
        package = bundled("features")
        kept = tuple(file for file in found if not file.is_relative_to(package) or self._names_a_row(file))
        return kept or found  # without a file pytest would collect what it finds by itself

    def _names_a_row(self, file: Path) -> bool:
        """Whether a feature file has the id of a requirement of the chosen profiles, in a tag or a table; lint reports mistakes in it later."""
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return True
        return not self._ids.isdisjoint(_ID.findall(text))

    def lets_through(self, scenario: Scenario) -> bool:
        """Whether `--only` lets the scenario through."""
        if not self._settings.only:
            return True
        requirement = requirement_of(scenario, self._catalogue)
        return any(fnmatchcase(requirement, pattern) for pattern in self._settings.only)

    def is_chosen(self, scenario: Scenario) -> bool:
        """Whether the requirement of a scenario is in the chosen profiles, or in those of the stored run.

        Scenarios of other profiles do not count as filtered out.
        """
        if self._replay and (self._recorded is None or scenario.id in self._claimed):
            return True
        return requirement_of(scenario, self._catalogue) in self._ids and self._counts(scenario)

    def uncollected(self, collected: Iterable[Scenario]) -> list[str]:
        """The locations of the chosen scenarios that were not collected, for example because of a path on the command line.

        Raises:
            HarnessError: a feature file cannot be read.
        """
        if self._replay:
            return []
        seen = {scenario.id for scenario in collected}
        return [
            scenario.location
            for scenario in self._all()
            if scenario.id not in seen and not self._ids.isdisjoint(scenario.requirements) and self._counts(scenario)
        ]

    def unclaimed(self) -> str:
        """The message if no scenario claims a requirement of the chosen profiles; empty if one does."""
        if self._replay or any(self.is_chosen(scenario) for scenario in self._all()):
            return ""
        return nothing_claimed(self._settings.project, self.rows)

    def _all(self) -> Iterator[Scenario]:
        """Every scenario of the project that claims a requirement."""
        root = self._settings.project.root
        return (scenario for file in self.files for scenario in read_feature(file, root))

    @cached_property
    def _ids(self) -> frozenset[str]:
        """The ids of the requirements of the chosen profiles, or of the stored run."""
        found = self.rows if self._recorded is None else self._recorded.requirements
        return frozenset(requirement.id for requirement in found)

    @cached_property
    def _claimed(self) -> frozenset[str]:
        """The ids of the scenarios of the stored run."""
        return frozenset(claim.scenario.id for claim in self._recorded.claims) if self._recorded else frozenset()

    def _counts(self, scenario: Scenario) -> bool:
        """Whether a chosen profile uses this scenario; its own scenarios, tagged `@profile-NAME`, replace the others of a requirement."""
        known, mine = self._catalogue.profiles, set(scenario.requirements)
        own = {name for name in self._profiles if not mine.isdisjoint(known.get(name, ()))}
        if scenario.profiles:
            return not own.isdisjoint(scenario.profiles)
        return not own <= self._elsewhere.get(next(iter(mine)), frozenset())

    @cached_property
    def _elsewhere(self) -> Mapping[str, frozenset[str]]:
        """Requirement → the profiles that have their own scenarios for it."""
        root, found = self._settings.project.root, dict[str, frozenset[str]]()
        for file in self.files:
            with suppress(HarnessError):  # of a file that is not collected; the problems of the others are reported
                for scenario in read_feature(file, root):
                    for requirement in scenario.requirements if scenario.profiles else ():
                        found[requirement] = found.get(requirement, frozenset()) | {*scenario.profiles}
        return found
