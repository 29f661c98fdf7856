"""A scenario of a feature file: read once at collection and stored in the plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

REQUIREMENT_COLUMN: Final = "requirement"
_REQUIREMENT: Final = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+")
"""The form of every id in a catalogue; a tag of this form names a requirement."""
_OF_A_PROFILE: Final = "profile-"
"""Prefix of a tag with the name of a profile in which a scenario counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step with rendered values.

    Attributes:
        keyword: `given`, `when` or `then`; And and But have the keyword of the previous step.
        text: sentence of the step.
        at: `file:line` of the step.
    """

    keyword: str
    text: str
    at: str

    @property
    def line(self) -> str:
        """Keyword and text: `When "everyday" traffic has run`."""
        return f"{self.keyword.title()} {self.text}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One scenario, or one row of a Scenario Outline.

    Attributes:
        file: path of the feature, relative to the project or the package.
        line: line of the scenario, or of its row of Examples.
        name: name with rendered values.
        template: name as written, with its `<columns>`.
        tags: tags of scenario, Rule and Feature, without the at sign.
        row: cells of the row, by column; empty without an Outline.
        steps: rendered steps, including those of the Background.
    """

    file: str
    line: int
    name: str
    template: str = ""
    tags: tuple[str, ...] = ()
    row: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def title(self) -> str:
        """The name, for a row with its cells: `size of <service> [ND-ARCH-USER, user-service]`."""
        return f"{self.name} [{', '.join(self.row.values())}]" if self.row else self.name

    @property
    def id(self) -> str:
        """Unique id that does not depend on lines: `features/normaldance/technical-kpis.feature: title`."""
        return f"{self.file}: {self.title}"

    @property
    def at(self) -> str:
        """File and line: `features/normaldance/technical-kpis.feature:12`."""
        return f"{self.file}:{self.line}"

    @property
    def location(self) -> str:
        """File, line and title for people: `features/normaldance/technical-kpis.feature:12: title`."""
        return f"{self.at}: {self.title}"

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirement ids in its column `requirement` and in its tags, each once."""
        named = [self.row[REQUIREMENT_COLUMN]] if REQUIREMENT_COLUMN in self.row else []
        return tuple(dict.fromkeys((*named, *(tag for tag in self.tags if _REQUIREMENT.fullmatch(tag)))))

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles of its tags `profile-NAME`; empty: it counts in every profile.

        In these profiles it replaces scenarios without such a tag.
        """
        return tuple(tag.removeprefix(_OF_A_PROFILE) for tag in self.tags if tag.startswith(_OF_A_PROFILE))

    @property
    def folders(self) -> tuple[str, ...]:
        """The directories of the file from the project down: `features`, `normaldance`."""
        return PurePosixPath(self.file).parts[:-1]

    @property
    def feature(self) -> str:
        """The name of the file without directories and extension: `technical-kpis`."""
        return PurePosixPath(self.file).stem

    def says(self, other: Scenario) -> bool:
        """Whether both scenarios have the same steps."""
        return [step.line for step in self.steps] == [step.line for step in other.steps]
