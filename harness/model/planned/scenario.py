"""A scenario of a feature file: read once at collection, carried in the plan, and asked by everybody after that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

REQUIREMENT_COLUMN: Final = "requirement"
_REQUIREMENT: Final = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+")
"""The form of every id in a catalogue; a tag of this form names a requirement, any other tag does not."""
_OF_A_PROFILE: Final = "profile-"
"""What a tag begins with that names the profile in which a scenario counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step as rendered.

    Attributes:
        keyword: `given`, `when` or `then`; And and But are the one before.
        text: the sentence.
        at: `file:line`.
    """

    keyword: str
    text: str
    at: str

    @property
    def line(self) -> str:
        """`When "everyday" traffic has run`."""
        return f"{self.keyword.title()} {self.text}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One scenario, or one row of an Outline.

    Attributes:
        file: of the feature, relative to the project or to what the package brings.
        line: of the scenario, or of its row of Examples.
        name: as rendered. template: as written, with its `<columns>`.
        tags: its own, its Rule's and its Feature's, without the at sign.
        row: the row's cells by column; empty where there is no Outline.
        steps: with the Background's, rendered.
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
        """The name; of a row with its cells, which tell it from the others: `size of <service> [ND-ARCH-USER, user-service]`."""
        return f"{self.name} [{', '.join(self.row.values())}]" if self.row else self.name

    @property
    def id(self) -> str:
        """`features/normaldance/technical-kpis.feature: title`: unique in a project, and the same when lines move."""
        return f"{self.file}: {self.title}"

    @property
    def at(self) -> str:
        """`features/normaldance/technical-kpis.feature:12`."""
        return f"{self.file}:{self.line}"

    @property
    def location(self) -> str:
        """`features/normaldance/technical-kpis.feature:12: title`, for people."""
        return f"{self.at}: {self.title}"

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirement ids that it names, each once: by its column `requirement`, and by tags that have the form of an id."""
        named = [self.row[REQUIREMENT_COLUMN]] if REQUIREMENT_COLUMN in self.row else []
        return tuple(dict.fromkeys((*named, *(tag for tag in self.tags if _REQUIREMENT.fullmatch(tag)))))

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles in which alone it counts, there in place of those without: by tags as `profile-rollout`; empty: in every one."""
        return tuple(tag.removeprefix(_OF_A_PROFILE) for tag in self.tags if tag.startswith(_OF_A_PROFILE))

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the file, from the project down: `features`, `normaldance`."""
        return PurePosixPath(self.file).parts[:-1]

    @property
    def feature(self) -> str:
        """The file without folders and ending: `technical-kpis`."""
        return PurePosixPath(self.file).stem

    def says(self, other: Scenario) -> bool:
        """Whether both have the same steps, wherever they are."""
        return [step.line for step in self.steps] == [step.line for step in other.steps]
