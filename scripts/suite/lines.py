"""Which test ran which line, of a traced run of the suite (traced.py)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import coverage


class Lines:
    """Which tests ran which line of which file; `""` stands for what an import ran."""

    def __init__(self, places: Iterable[Path], root: Path) -> None:
        """Open the data of every process; root: the checkout that was traced."""
        self._root = root.resolve()
        self._data = list[coverage.CoverageData]()
        for place in places:
            for file in sorted(place.glob("*.coverage")):
                data = coverage.CoverageData(str(file))
                data.read()
                self._data.append(data)

    def files(self) -> list[str]:
        """The files that were traced, below the checkout."""
        return sorted(
            {
                str(Path(file).relative_to(self._root))
                for data in self._data
                for file in data.measured_files()
                if Path(file).is_relative_to(self._root)
            }
        )

    def of(self, file: str) -> Mapping[int, set[str]]:
        """Tests by line of a file."""
        found = defaultdict[int, set[str]](set)
        for data in self._data:
            for line, names in data.contexts_by_lineno(str(self._root / file)).items():
                found[line].update(names)
        return found
