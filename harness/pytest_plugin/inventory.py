"""What the profile's features hold against what was collected: a path on the command line is a filter too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.pytest_plugin.features import place
from harness.steps import read_feature

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.pytest_plugin.features import Written

_Key = tuple[str, tuple[tuple[str, str], ...]]
"""`file:line` of a scenario, and the row of its Examples."""


def left_out(collected: Iterable[Written], folders: Iterable[Path], root: Path) -> list[str]:
    """The scenarios below the folders that were never collected, as `file:line: name`."""
    seen = {(scenario.at, tuple(sorted(scenario.example.items()))) for scenario in collected}
    return [
        f"{at}: {name}"
        for folder in folders
        for file in sorted(folder.rglob("*.feature"))
        for (at, row), name in _scenarios(file, root)
        if (at, row) not in seen
    ]


def _scenarios(file: Path, root: Path) -> Iterable[tuple[_Key, str]]:
    for scenario in read_feature(file):
        line = scenario.outline_at.rpartition(":")[2]
        yield (f"{place(file, root)}:{line}", tuple(sorted(scenario.row.items()))), scenario.name
