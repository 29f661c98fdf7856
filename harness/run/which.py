"""Finds the run that a command names: its directory, name and age, and the number of newer runs."""

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
    """The directory of the runs of the project around the working directory: `reports/runs` below its root.

    Raises:
        ConfigurationError: the project's `[tool.harness]` is invalid.
    """
    return find_project(Path.cwd()).root / "reports" / "runs"


def run_path(run: Path, runs: Path | None = None) -> Path:
    """The directory of a run, named by its path or by its name below the directory of the runs.

    If neither exists, the path is returned as it was given, and opening it fails.

    Args:
        run: path or name of the run.
        runs: directory of the runs; None: the directory of the project.

    Raises:
        ConfigurationError: the path does not exist, and the project's `[tool.harness]` is invalid.
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
    """Name and age of a run: `the run 20261121T093752Z-shop-1.0.0, 12 min ago (2 newer runs exist)`.

    Args:
        run: resolved directory of the run.
    """
    begun, newer = _begun(run.name), newer_runs(run)
    ago = f", {_length(clock.wall() - begun)} ago" if begun is not None else ""
    if not newer:
        return f"the run {run.name}{ago}"
    several = f"{newer} newer runs exist" if newer > 1 else "a newer run exists"
    return f"the run {run.name}{ago} ({several})"


def newer_runs(run: Path) -> int:
    """The number of runs in the same directory that began later."""
    own = _begun(run.name)
    if own is None or not run.parent.is_dir():
        return 0
    others = (_begun(one.name) for one in run.parent.iterdir() if one.is_dir() and not one.is_symlink())
    return sum(other is not None and other > own for other in others)


def _begun(name: str) -> datetime | None:
    """The time at which a run of this name began; None if the name has no time."""
    found = _STAMP.fullmatch(name)
    try:
        return datetime.strptime(found[1], _FORM).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _length(since: timedelta) -> str:
    seconds = max(int(since.total_seconds()), 0)
    unit, word = next(((unit, word) for unit, word in _UNITS if seconds >= unit), (1, "s"))
    return f"{seconds // unit} {word}"
