"""`features/core/kpi.feature:12: name` taken apart; what is left without the line stays when the file is edited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

_SCENARIO: Final = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<name>.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a scenario stands, and what it is called."""

    file: str
    name: str

    @classmethod
    def of(cls, scenario: str) -> Place:
        """Read `file:line: name`; anything else is all name."""
        match = _SCENARIO.fullmatch(scenario)
        return cls(file=match["file"], name=match["name"]) if match else cls(file="", name=scenario)

    @property
    def stable(self) -> str:
        """The scenario without its line."""
        return f"{self.file}: {self.name}" if self.file else self.name

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders and file."""
        return PurePosixPath(self.file).parts

    @property
    def folder(self) -> str:
        """Name of the folder that it stands in: the profile."""
        return self.parts[-2] if len(self.parts) > 1 else ""

    @property
    def feature(self) -> str:
        """Name of the file without its ending."""
        return PurePosixPath(self.file).stem

    @property
    def dotted(self) -> str:
        """`features.core.kpi`, as JUnit names classes."""
        return ".".join((*self.parts[:-1], self.feature)) if self.file else "scenarios"
