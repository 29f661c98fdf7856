"""What the feature files hold and what was collected: a path on the command line is a filter too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.pytest_plugin.features import place
from harness.steps import read_feature

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from harness.pytest_plugin.features import Written
    from harness.steps import Scenario


def left_out(collected: Iterable[Written], files: Iterable[Path], root: Path) -> Iterator[tuple[str, Scenario]]:
    """The scenarios of the files that were never collected, each with its `file:line`."""
    seen = {(scenario.at, tuple(sorted(scenario.example.items()))) for scenario in collected}
    for file in files:
        for scenario in read_feature(file):
            at = f"{place(file, root)}:{scenario.outline_at.rpartition(':')[2]}"
            if (at, tuple(sorted(scenario.row.items()))) not in seen:
                yield at, scenario
