"""Holds the lines of product, room by room, against `budget.toml`: scripts/check.

A room is a directory of `harness/` or of `harness/drivers/`, the modules beside them, the claims, or the sandbox. Lines are those of
`wc -l` in its Python files. `python scripts/budget.py --lower` writes today's numbers where they are smaller, and raises none.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BUDGET: Final = ROOT / "budget.toml"
PRODUCT: Final = ("harness", "claims", "loadtests", "sandbox/readiness_sandbox")


def room_of(file: Path) -> str:
    """The room of a source file, below the checkout."""
    parts = file.relative_to(ROOT).parts
    if parts[0] != "harness":
        return "sandbox" if parts[0] == "sandbox" else parts[0]
    depth = 3 if parts[1] == "drivers" else 2
    return "/".join(parts[:depth] if len(parts) > depth else parts[: depth - 1])


def counted() -> Counter[str]:
    """Lines by room."""
    found = Counter[str]()
    for product in PRODUCT:
        for file in sorted((ROOT / product).rglob("*.py")):
            found[room_of(file)] += file.read_bytes().count(b"\n")
    return found


def over(lines: Counter[str], budget: dict[str, int]) -> list[str]:
    """A sentence for each room that has more lines than its budget, or none."""
    return [
        f"{room} has {lines[room]:,} lines, its budget is {budget.get(room, 0):,}"
        for room in sorted(lines)
        if lines[room] > budget.get(room, 0)
    ]


def lower(lines: Counter[str], text: str) -> str:
    """The text of the budget with smaller numbers where rooms have shrunk; comments stay."""
    written = []
    for line in text.splitlines():
        name, equals, rest = line.partition(" = ")
        room = name.strip('"')
        if equals and rest.partition(" ")[0].replace("_", "").isdigit():
            number, *comment = rest.split(" ", 1)
            smaller = min(lines[room], int(number.replace("_", "")))
            line = " ".join([f"{name} = {smaller:_}", *comment])  # noqa: PLW2901 - of a text
        written.append(line)
    return "\n".join(written) + "\n"


def main() -> int:
    """0 where every room is within its budget, else 1."""
    lines = counted()
    text = BUDGET.read_text(encoding="utf-8")
    if "--lower" in sys.argv:
        BUDGET.write_text(lower(lines, text), encoding="utf-8")
    budget = tomllib.loads(BUDGET.read_text(encoding="utf-8"))["lines"]
    for sentence in (found := over(lines, budget)):
        print(sentence)
    if found:
        print(
            "hint: make the change within the budget, or raise it in budget.toml beside a decision record (docs/adr) that names what "
            "was gained: rows, at most 40 lines each, or what a user can do now"
        )
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
