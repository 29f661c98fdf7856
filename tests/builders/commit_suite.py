"""The tests of a commit: all but those that `tests/nightly.txt` names, which prove nothing that the others do not.

`--commit` leaves the named ones out; without it every test is collected. A line of the file is a node id: of a case, or of a function with
all its cases. A test that is in no line belongs to the commit suite, so a new one joins at once. `scripts/choose` writes the file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
NIGHTLY: Final = ROOT / "tests" / "nightly.txt"
_FUNCTION: Final = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


class CommitSuite:
    """Leaves out what the night runs; files whose tests are all left out are not even imported."""

    def __init__(self, lines: list[str], root: Path = ROOT) -> None:
        """lines: of `nightly.txt`, below root."""
        self._cases = {line for line in lines if "[" in line}
        self._functions: dict[Path, set[str]] = defaultdict(set)
        for line in lines:
            if line not in self._cases:
                file, _, function = line.partition("::")
                self._functions[root / file].add(function)

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """A file each of whose functions is left out."""
        left = self._functions.get(collection_path)
        if left and left.issuperset(_FUNCTION.findall(collection_path.read_text(encoding="utf-8"))):
            return True
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Module | pytest.Class, name: str) -> list[Any] | None:
        """A function that is left out is not multiplied into its cases."""
        return [] if name in self._functions.get(collector.path, ()) else None

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Cases that are left out."""
        left = [item for item in items if item.nodeid in self._cases]
        if left:
            config.hook.pytest_deselected(items=left)
            items[:] = [item for item in items if item.nodeid not in self._cases]


def add_options(parser: pytest.Parser) -> None:
    """`--commit`."""
    parser.addoption("--commit", action="store_true", help="leave out the tests that tests/nightly.txt names")


def configure(config: pytest.Config) -> None:
    """Only where it is asked for."""
    if config.getoption("--commit"):
        config.pluginmanager.register(CommitSuite(nightly()))


def nightly() -> list[str]:
    """The lines of `nightly.txt` that name tests."""
    lines = NIGHTLY.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
