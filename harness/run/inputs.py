"""What a run is made from, kept with it: features, experiments, loadtests and catalogue, below `inputs/` of the run directory."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

from harness.catalogue import catalogue_files
from harness.errors import EvidenceError
from harness.run.project import bundled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.evidence import RunDirectory
    from harness.model import Plan
    from harness.run.project import Project

INPUTS: Final = "inputs"
_FEATURE: Final = re.compile(r"^(?P<file>.*?\.feature):\d+")
_LOADTESTS: Final = (".py", ".yaml", ".yml", ".json")


def keep_inputs(plan: Plan, project: Project, directory: RunDirectory) -> None:
    """Copy the files that the plan was made from; the seal hashes them with all other evidence.

    Raises:
        EvidenceError: one of them cannot be copied.
    """
    for file in dict.fromkeys(_used(plan, project)):
        kept = directory.path / INPUTS / _place(file, project)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, kept)
        except OSError as error:
            raise EvidenceError(f"the file cannot be kept with the run: {error.strerror}", where=str(file)) from error


def _used(plan: Plan, project: Project) -> Iterator[Path]:
    for claim in plan.claims:
        if found := _FEATURE.match(claim.scenario):
            yield from _feature(found["file"], project)
    for experiment in plan.experiments.values():
        yield _path(experiment.file, project)
    for traffic in plan.traffic.values():
        locustfile = _path(traffic.locustfile, project)
        yield from _beside(locustfile.parent, project)
        if traffic.trace:
            yield _path(traffic.trace, project)
    yield from catalogue_files(project.catalogue)


def _beside(directory: Path, project: Project) -> Iterator[Path]:
    """What a locustfile may import or read: the files beside it, and below unless it lies in the project's own directory."""
    found = directory.glob("*") if directory.resolve() == project.root.resolve() else directory.rglob("*")
    yield from sorted(file for file in found if file.suffix in _LOADTESTS and file.is_file())


def _feature(named: str, project: Project) -> Iterator[Path]:
    """The feature file that a scenario names: relative to the project, or to what the package brings."""
    places = [base / named for base in (project.root, bundled("features").parent)]
    yield from [file for file in places if file.is_file()][:1]


def _path(named: str, project: Project) -> Path:
    return project.root / named


def _place(file: Path, project: Project) -> Path:
    """Where a file is kept: as it lies in the project or the package, or by its directory and name."""
    for base in (project.root, bundled("features").parent):
        if file.resolve().is_relative_to(base.resolve()):
            return file.resolve().relative_to(base.resolve())
    return file.relative_to(file.parent.parent)
