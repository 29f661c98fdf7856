"""Changes the judge at random places, one at a time, and counts the changes that tests/judgement notices: scripts/mutate.

The changes are mutmut's. mutmut itself makes all of them before it tries one, which takes hours for 30 000; here a sample is
drawn first, and each change is tried with the tests that ran the changed line (coverage.py, a context a test).
"""

from __future__ import annotations

import ast
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from queue import SimpleQueue
from typing import Final, cast

import coverage
import libcst as cst
from mutmut.mutation.file_mutation import create_mutations, deep_replace

SOURCES: Final = Path("harness/judgement")
TESTS: Final = Path("tests/judgement")
GOAL: Final = 95.0
WITHIN_S: Final = 600.0
"""So long the tests of one change may take; what takes longer was noticed (an endless loop)."""
PYTEST: Final = ("-m", "pytest", "-q", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider")


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
        """As in a pattern: the module, then the number."""
        return f"{module_of(self.file)}.{self.number}"


def module_of(file: Path) -> str:
    """Dotted name of a source file."""
    return ".".join(file.with_suffix("").parts)


def draw(count: int, seed: int, patterns: Sequence[str]) -> tuple[int, list[Change]]:
    """How many changes there are, and a sample of them; patterns: of the names of modules, none for all."""
    everywhere = list[tuple[Path, int]]()
    for file in sorted(SOURCES.rglob("*.py")):
        if not patterns or any(fnmatch(module_of(file), pattern) for pattern in patterns):
            everywhere += [(file, number) for number in range(len(_changes_in(file)[1]))]
    drawn = random.Random(seed).sample(everywhere, min(count, len(everywhere)))
    return len(everywhere), [change for file in sorted({file for file, _ in drawn}) for change in _made(file, drawn)]


def _changes_in(file: Path) -> tuple[cst.Module, list[tuple[cst.CSTNode, cst.CSTNode]]]:
    """The parsed file, and each node that is changed beside what it becomes; in functions alone, as mutmut does."""
    module, made, *_ignored = create_mutations(str(file), file.read_text(encoding="utf-8"))
    inside = [one for one in made if one.contained_by_top_level_function is not None]
    return module, [(one.original_node, one.mutated_node) for one in inside]


def _made(file: Path, drawn: Sequence[tuple[Path, int]]) -> Iterator[Change]:
    before = file.read_text(encoding="utf-8")
    module, changes = _changes_in(file)
    for number in sorted(number for where, number in drawn if where == file):
        after = cast("cst.Module", deep_replace(module, *changes[number]))
        lines = difflib.SequenceMatcher(
            None, before.splitlines(), after.code.splitlines(), autojunk=False
        ).get_opcodes()
        touched = {
            line
            for what, low, high, _, _ in lines
            if what != "equal"
            for line in range(low + 1, max(high, low + 1) + 1)
        }
        diff = "\n".join(list(difflib.unified_diff(before.splitlines(), after.code.splitlines(), lineterm="", n=0))[3:])
        yield Change(file=file, number=number, lines=frozenset(touched), source=after.code, diff=diff)


def cover(copies: Sequence[Path]) -> coverage.CoverageData:
    """Which test ran which line: the test files are dealt out to the copies, which run them at the same time."""
    files = sorted(str(file) for file in TESTS.glob("test_*.py"))
    rc = "[run]\ndynamic_context = test_function\nsource = harness/judgement\nrelative_files = true\n"

    def run(number: int) -> Path:
        copy = copies[number]
        (copy / ".coveragerc").write_text(rc, encoding="utf-8")
        shard = files[number :: len(copies)]
        command = (sys.executable, "-m", "coverage", "run", *PYTEST[:3], "-p", "no:cacheprovider", *shard)
        done = subprocess.run(command, cwd=copy, env=_environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the tests fail without a change:\n{done.stdout[-2000:]}")
        return copy / ".coverage"

    with ThreadPoolExecutor(len(copies)) as pool:
        data = coverage.CoverageData(no_disk=True)
        for path in pool.map(run, range(len(copies))):
            part = coverage.CoverageData(str(path))
            part.read()
            data.update(part)
    return data


def tests_of(change: Change, data: coverage.CoverageData) -> list[str]:
    """Node ids of the tests that ran a changed line, or else the smallest statement around it; none: no test runs it."""
    contexts = data.contexts_by_lineno(str(change.file))
    tree = ast.parse(change.file.read_text(encoding="utf-8"))
    around = [
        set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
    ]
    for lines in (set(change.lines), *sorted((one for one in around if one >= change.lines), key=len)):
        if named := {_node_id(context) for line in lines for context in contexts.get(line, ()) if context}:
            return sorted(named)
    return []


def _node_id(context: str) -> str:
    """Of `tests.judgement.test_x.test_name`: its file and function; of a builder's name its whole file."""
    module, _, function = context.rpartition(".")
    file = TESTS / f"{module.rpartition('.')[2]}.py"
    return f"{file}::{function}" if function.startswith("test_") else str(file)


def noticed(change: Change, tests: Sequence[str], copy: Path) -> bool:
    """Whether a test fails on the change, in a copy of the checkout."""
    if not tests:
        return False
    place = copy / change.file
    before = place.read_text(encoding="utf-8")
    place.write_text(change.source, encoding="utf-8")
    try:
        done = subprocess.run(
            (sys.executable, *PYTEST, *tests),
            cwd=copy,
            env=_environment(),
            capture_output=True,
            timeout=WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        place.write_text(before, encoding="utf-8")
    return done.returncode != 0


def _environment() -> dict[str, str]:
    """Without SEED, by which tests, too, draw what they forge: their goldens are of one seed."""
    own = {name: value for name, value in os.environ.items() if name != "SEED"}
    return {**own, "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def copies_of(count: int) -> Iterator[list[Path]]:
    """Copies of the checkout, so that it may be worked in meanwhile."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with tempfile.TemporaryDirectory(prefix="mutants.") as top:
        copies = [Path(top) / str(number) for number in range(count)]
        for copy in copies:
            for name in listed.split("\0"):
                if name and Path(name).is_file():
                    (copy / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(name, copy / name)
        yield copies


def main(count: int, seed: int, children: int, patterns: Sequence[str]) -> int:
    """Draw, try and print.

    Returns:
        0 where the goal was reached, else 1.
    """
    possible, drawn = draw(count, seed, patterns)
    print(f"{possible} changes, {len(drawn)} tried", flush=True)
    with copies_of(children) as copies:
        data = cover(copies)
        free: SimpleQueue[Path] = SimpleQueue()
        for copy in copies:
            free.put(copy)

        def attempt(change: Change) -> tuple[Change, bool]:
            copy = free.get()
            try:
                return change, noticed(change, tests_of(change, data), copy)
            finally:
                free.put(copy)

        with ThreadPoolExecutor(children) as pool:
            return _report(pool.map(attempt, drawn))


def _report(results: Iterator[tuple[Change, bool]]) -> int:
    killed, tried = Counter[str](), Counter[str]()
    for change, dead in results:
        room = ".".join(change.file.parts[2:4]).removesuffix(".py")
        tried[room] += 1
        killed[room] += dead
        if not dead:
            print(f"survived: {change.name}\n{change.diff}", flush=True)
    for room in sorted(tried):
        print(f"{room:24} {killed[room]:5d} of {tried[room]:5d} noticed")
    score = 100 * killed.total() / tried.total()
    print(f"{'all':24} {killed.total():5d} of {tried.total():5d} noticed, {score:.1f} %, goal {GOAL:g} %")
    return int(score < GOAL)


if __name__ == "__main__":
    sys.exit(
        main(
            int(os.environ.get("SAMPLE", "300")),
            int(os.environ.get("SEED", "1")),
            int(os.environ.get("CHILDREN", "2")),
            sys.argv[1:],
        )
    )
