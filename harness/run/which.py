"""The run that a command names: its directory, its name, its age, and whether there are newer runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from harness import clock
from harness.run.project import find_project

LATEST: Final = Path("latest")
"""Name of the link to the run that ended last."""
_STAMP: Final = re.compile(r"(\d{8}T\d{6})Z-.*")
_FORM: Final = "%Y%m%dT%H%M%S"
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def runs_directory() -> Path:
    """Where the runs of the project are kept that the working directory is in: `reports/runs` below its root.

    Raises:
        ConfigurationError: its `[tool.harness]` is wrong.
    """
    return find_project(Path.cwd()).root / "reports" / "runs"


def run_path(run: Path, runs: Path | None = None) -> Path:
    """The directory of a run that a command line names by its path, or by its name below the directory of the runs.

    A run that is in neither place keeps the path as it was given: whoever opens it says that there is none.

    Args:
        run: path or name.
        runs: directory of the runs; None: the project's.

    Raises:
        ConfigurationError: it is no path, and the project's `[tool.harness]` is wrong.
    """
    if _is_directory(run):
        return run
    below = (runs_directory() if runs is None else runs) / run
    return below if _is_directory(below) else run


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # as of a name that is too long
        return False


def which_run(run: Path) -> str:
    """`the run 20261121T093752Z-shop-1.0.0, 12 min ago; 2 newer runs are beside it`.

    Args:
        run: its directory, resolved.
    """
    begun, newer = _begun(run.name), newer_runs(run)
    ago = f", {_length(clock.wall() - begun)} ago" if begun is not None else ""
    if not newer:
        return f"the run {run.name}{ago}"
    several = f"{newer} newer runs are" if newer > 1 else "a newer run is"
    return f"the run {run.name}{ago}; {several} beside it"


def newer_runs(run: Path) -> int:
    """How many runs that began later are in the same directory."""
    own = _begun(run.name)
    if own is None or not run.parent.is_dir():
        return 0
    others = (_begun(one.name) for one in run.parent.iterdir() if one.is_dir() and not one.is_symlink())
    return sum(other is not None and other > own for other in others)


def _begun(name: str) -> datetime | None:
    """When a run of this name began; None where the name does not say."""
    found = _STAMP.fullmatch(name)
    try:
        return datetime.strptime(found[1], _FORM).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _length(since: timedelta) -> str:
    seconds = max(int(since.total_seconds()), 0)
    unit, word = next(((unit, word) for unit, word in _UNITS if seconds >= unit), (1, "s"))
    return f"{seconds // unit} {word}"
