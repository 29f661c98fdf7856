"""How many files of the harness a thing walks through: files in which a call runs, and files that have the thing in an argument of a call.

`python benchmarks/walk.py report|sample|fault|sentence`: a row on a JUnit report, from `readiness run` to its pages; a request of a load, and a fault, of the
plain service of the tests, in every process of the run; a sentence, by `readiness explain`. The counts tell how much of the house a reader has to know.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness import clock  # noqa: E402
from tests.plain.plain_project import Project, service  # noqa: E402
from tests.plain.restarts import restarting  # noqa: E402

FILES: Final = {
    "pyproject.toml": '[tool.harness]\ntarget = "target.yaml"\nprofiles = ["walk"]\ncatalogue = ["walk.yaml"]\nfeatures = ["features"]\n',
    "target.yaml": "name: walk\nenvironment: staging\nrelease: {version: 1.0.0, commit: 3f2a1c9d0b7e}\nevidence: {junit: {unit: unit.xml}}\n",
    "walk.yaml": """\
profile: walk
title: walk
sections:
  - source: walk
    requirements:
      - id: WALK-TESTS
        title: unit tests
        criterion: at least 1 test passed and none failed
        kinds: [S]
        gate: critical
        falsified_by: a test fails
""",
    "features/walk.feature": """\
Feature: A walk

  @WALK-TESTS
  Scenario: The unit tests passed
    When the JUnit report "unit" of this commit has been read
    Then at least 1 test passed and none failed
""",
    "unit.xml": f"""\
<testsuite name="unit" tests="1" failures="0" timestamp="{clock.wall_text()}">
  <properties><property name="commit" value="3f2a1c9d0b7e"/></properties>
  <testcase classname="a" name="b" time="0.1"/>
</testsuite>
""",
}
SENTENCE: Final = "the response time p95 of every route is below 200 ms in the steady state"


@contextmanager
def report(root: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """A project with one row, on a report."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    yield root, "WALK-TESTS", ["run"]


@contextmanager
def sample(root: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """The plain project with its service; what has a request among its rows has no argument that names it."""
    with service() as entry:
        project = Project.copy(root / "plain", entry)
        yield project.root, "", ["run", "--only", "PL-P95"]


@contextmanager
def fault(root: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """The plain project with an experiment."""
    with restarting(root / "plain") as project:
        yield project.root, "kill-service", ["run", "--only", "PL-RESTART"]


@contextmanager
def sentence(root: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """No project."""
    yield root, "the response time p95", ["explain", SENTENCE]


WALKS: Final = {"report": report, "sample": sample, "fault": fault, "sentence": sentence}


@click.command()
@click.argument("thing", type=click.Choice([*WALKS]))
@click.option("--rooms", is_flag=True, help="List the files by room, too.")
def main(thing: str, *, rooms: bool) -> None:
    """Print how many files THING walks through."""
    with tempfile.TemporaryDirectory() as temporary, WALKS[thing](Path(temporary)) as (directory, mark, words):
        log = Path(temporary) / "walk.log"
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "benchmarks" / "traced"), str(ROOT), str(ROOT / "sandbox")]),
            "READINESS_STATE": str(Path(temporary) / "state"),
            "WALK_LOG": str(log),
            "WALK_ROOT": f"{ROOT / 'harness'}{os.sep}",
            "WALK_MARK": mark,
        }
        done = subprocess.run(
            [sys.executable, "-m", "harness", *words],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        print((done.stdout + done.stderr).strip().splitlines()[-1], f"(exit code {done.returncode})")
        for kind in ("ran", "carried") if mark else ("ran",):
            files = {line.partition(" ")[2] for line in log.read_text().splitlines() if line.startswith(f"{kind} ")}
            print(f"{kind}: {len(files)} files")
            if rooms:
                found = Counter(str(Path(file).parent.relative_to(ROOT)) for file in files)
                print("".join(f"  {count:4} {room}\n" for room, count in found.most_common()), end="")


if __name__ == "__main__":
    main()
