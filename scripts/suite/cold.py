"""Tries a change of what only an import or a subprocess runs: in a copy of the checkout, with the tests of its room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.suite.records import Ran

WITHIN_S: Final = 60.0
"""So long the tests of one change may take; half of it is the start of pytest and what it imports."""


@contextmanager
def copies_of(count: int) -> Iterator[list[Path]]:
    """Copies of the checkout, so that it may be worked in meanwhile."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="mutants.") as top:
        copies = [Path(top) / str(number) for number in range(count)]
        for copy in copies:
            for name in listed.split("\0"):
                if name and Path(name).is_file():
                    (copy / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(name, copy / name)
        yield copies


def of_the_room(file: Path, ran: Mapping[str, Ran], within_s: float) -> Sequence[str]:
    """Tests whose place has the name of a file's room, those that start a subprocess first; as many as fit in the time."""
    parts = [part.removesuffix(".py") for part in file.parts[1:] if part != "__init__.py"]
    near = [
        (sum(part in one.test for part in parts), any(seam.startswith("runs python") for seam in one.seams), one)
        for one in ran.values()
        if any(f"/{part}/" in one.test or f"_{part}" in one.test for part in parts[:2])
    ]
    near.sort(key=lambda one: (-one[0], not one[1], one[2].seconds))
    chosen = list[str]()
    for _, _, one in near:
        if (within_s := within_s - one.seconds) < 0:
            break
        chosen.append(one.test)
    return chosen


def killers(file: Path, source: str, tests: Sequence[str], copy: Path) -> list[str]:
    """The first test that fails on the change, or takes too long; none: it survives."""
    place = copy / file
    before = place.read_text(encoding="utf-8")
    place.write_text(source, encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if name != "SEED"}
    command = (sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-rfE", "-p", "no:xdist", *tests)
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env={**own, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=2 * WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [tests[0]]
    finally:
        place.write_text(before, encoding="utf-8")
    if not done.returncode:
        return []
    lines = [line.split(" ", 1)[1] for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return [line.partition(" - ")[0] for line in lines[:1]] or [tests[0]]
