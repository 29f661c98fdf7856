"""Copies the inputs of a run below `inputs/` of the run directory.

Inputs are features, experiments, rollouts, loadtests, catalogue, claims, attestations and waivers.
The copies are exact, except for users and passwords in URLs: evidence is given to other people.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.catalogue import catalogue_files
from harness.errors import EvidenceError, without_passwords
from harness.evidence.manifest import sha256_of
from harness.files import bundled
from harness.plugins import modules_in
from harness.run.statements import statement_directories
from harness.yamlfile import yaml_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.evidence import RunDirectory
    from harness.model import Plan
    from harness.run.project import Project
    from harness.targets import Target

INPUTS: Final = "inputs"
_LOADTESTS: Final = (".py", ".yaml", ".yml", ".json")


def keep_inputs(plan: Plan, project: Project, target: Target, directory: RunDirectory) -> Plan:
    """Copy the files that the plan was made from; returns the plan with the hash of each copy.

    Raises:
        EvidenceError: a file cannot be copied.
    """
    hashes = {}
    places = {file: _place(file, project) for file in _used(plan, project)}
    for kind in ("attestations", "waivers"):
        for place in statement_directories(kind, project, target):
            places |= {file: Path(place.name, file.name) for file in yaml_files(place)}
    for file, place in places.items():
        kept = directory.path / INPUTS / place
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(_without_passwords(file.read_bytes()))
            hashes[place.as_posix()] = sha256_of(kept)
        except OSError as error:
            raise EvidenceError(f"the file cannot be kept with the run: {error.strerror}", where=str(file)) from error
    return replace(plan, inputs=dict(sorted(hashes.items())))


def _without_passwords(content: bytes) -> bytes:
    """The content of a file in any encoding, with `***` for user and password of each URL."""
    return without_passwords(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _used(plan: Plan, project: Project) -> Iterator[Path]:
    for claim in plan.claims:
        yield from _feature(claim.scenario.file, project)
    for experiment in plan.experiments.values():
        yield _path(experiment.file, project)
    for rollout in plan.rollouts.values():
        yield _path(rollout.file, project)
    for traffic in plan.traffic.values():
        locustfile = _path(traffic.locustfile, project)
        yield from _beside(locustfile.parent, project)
        if traffic.trace:
            yield _path(traffic.trace, project)
    yield from catalogue_files(project.catalogue)
    for place in project.claims:
        yield from [*yaml_files(place), *modules_in(place)] if place.is_dir() else [place]


def _beside(directory: Path, project: Project) -> Iterator[Path]:
    """The files that a locustfile may import or read.

    They are the files beside it, and those below unless it is in the project's root directory.
    """
    found = directory.glob("*") if directory.resolve() == project.root.resolve() else directory.rglob("*")
    yield from sorted(file for file in found if file.suffix in _LOADTESTS and file.is_file())


def _feature(named: str, project: Project) -> Iterator[Path]:
    """The feature file that a scenario names.

    It is relative to the project, or to what the package brings.
    """
    places = [base / named for base in (project.root, bundled("features").parent)]
    yield from [file for file in places if file.is_file()][:1]


def _path(named: str, project: Project) -> Path:
    return project.root / named


def _place(file: Path, project: Project) -> Path:
    """The path of a file below `inputs/`.

    Its path is that in the project or the package, or its directory and name.
    """
    for base in (project.root, bundled("features").parent):
        if file.resolve().is_relative_to(base.resolve()):
            return file.resolve().relative_to(base.resolve())
    return file.relative_to(file.parent.parent)
