"""The size of the house: lines, files, sentences and dependencies, against the goals that they have.

`python benchmarks/house.py` counts in the checkout. What a thing walks through is counted by `benchmarks/walk.py`.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Final

from harness.steps import TEMPLATES

ROOT: Final = Path(__file__).parents[1]
CLAIMS: Final = ("drivers/check", "drivers/static", "drivers/ingest", "judgement/figures", "steps/templates")
"""Rooms of sentences and what they read; the rest is the engine."""
MOST_MODULES: Final = 15


def lines(*rooms: str) -> int:
    """Lines of Python below these directories of the checkout."""
    files = {file for room in rooms for file in (ROOT / room).rglob("*.py")}
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def main() -> None:
    """Print a line for each count, and its goal."""
    claims = lines(*(f"harness/{room}" for room in CLAIMS))
    harness = lines("harness")
    large = Counter(file.parent for file in (ROOT / "harness").rglob("*.py") if file.name != "__init__.py")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    counts = (
        ("lines of harness", harness, 75_000),
        ("lines of the engine, all but claims", harness - claims, 50_000),
        ("lines of the project's own claims", lines("claims"), None),
        ("lines of the sandbox", lines("sandbox"), None),
        ("Then sentences", sum(1 for one in TEMPLATES if one.keyword.value == "then"), 120),
        (
            f"directories with over {MOST_MODULES} modules",
            sum(1 for count in large.values() if count > MOST_MODULES),
            4,
        ),
        ("direct dependencies", len(project["dependencies"]), 18),
    )
    for what, count, goal in counts:
        print(f"{count:8,}  {what}{f', goal at most {goal:,}' if goal else ''}")


if __name__ == "__main__":
    main()
