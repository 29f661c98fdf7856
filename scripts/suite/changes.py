"""Changes of the harness, one place each, drawn by a seed. The changes are mutmut's; which of them are made is decided here.

mutmut makes all changes of a file before it tries one, which takes hours for 60 000; here a sample is drawn first.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import libcst as cst
from mutmut.mutation.file_mutation import create_mutations, deep_replace

ROOMS: Final[Mapping[str, tuple[str, ...]]] = {
    "judge": ("harness/judgement",),
    "outside": (
        "harness/drivers/check",
        "harness/drivers/static",
        "harness/drivers/ingest",
        "claims",
        "harness/evidence",
        "harness/run",
    ),
    "rest": ("harness",),
}
"""What is changed: the judge; what reads and compares outside the judge; everything else of the harness."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change of one file.

    Attributes:
        file: below the checkout.
        number: of the change among the file's, from 0.
        lines: of the original that it takes out or changes, from 1.
        source: the file's whole text after it.
        diff: what a person reads.
    """

    file: Path
    number: int
    lines: frozenset[int]
    source: str
    diff: str

    @property
    def name(self) -> str:
        """The file, then the number."""
        return f"{self.file}:{self.number}"

    @property
    def room(self) -> str:
        """The room that it is counted in: the last two directories' names, or one."""
        parts = self.file.parts[1 if self.file.parts[0] == "harness" else 0 :]
        return "/".join(parts[:2] if parts[0] == "drivers" else parts[:1]).removesuffix(".py")


def files_of(kind: str) -> list[Path]:
    """The source files of one of ROOMS."""
    if kind != "rest":
        return sorted(file for place in ROOMS[kind] for file in Path(place).rglob("*.py"))
    others = {file for name in ROOMS if name != "rest" for file in files_of(name)}
    return sorted(set(Path("harness").rglob("*.py")) - others)


def draw(kind: str, count: int, seed: int) -> list[Change]:
    """So many changes of one of ROOMS, each as probable as the other; of each file they are made together.

    A file is drawn with the number of its lines as weight, then a place in it: to count all places first would take half an hour.
    """
    chance = random.Random(f"{kind}-{seed}")
    files = files_of(kind)
    weights = [len(file.read_bytes()) for file in files]
    wanted: dict[Path, int] = {}
    for file in chance.choices(files, weights, k=2 * count):
        wanted[file] = wanted.get(file, 0) + 1
    found = list[Change]()
    for file, number in wanted.items():
        found += made(file, number, chance)
        if len(found) >= count:
            break
    return found[:count]


def made(file: Path, count: int, chance: random.Random) -> Iterator[Change]:
    """So many changes of a file, at most all there are; inside functions alone, as mutmut does."""
    before = file.read_text(encoding="utf-8")
    module, found, *_ignored = create_mutations(str(file), before)
    inside = [one for one in found if one.contained_by_top_level_function is not None]
    for number in sorted(chance.sample(range(len(inside)), min(count, len(inside)))):
        after = cast("cst.Module", deep_replace(module, inside[number].original_node, inside[number].mutated_node)).code
        yield Change(
            file=file, number=number, lines=_touched(before, after), source=after, diff=_difference(before, after)
        )


def _touched(before: str, after: str) -> frozenset[int]:
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return frozenset(
        line
        for what, low, high, _, _ in matcher.get_opcodes()
        if what != "equal"
        for line in range(low + 1, max(high, low + 1) + 1)
    )


def _difference(before: str, after: str) -> str:
    return "\n".join(list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[3:])


def rooms(changes: Sequence[Change]) -> list[str]:
    """The rooms of some changes, sorted."""
    return sorted({change.room for change in changes})
