"""Checks names of traffics, experiments and rollouts in a target file.

A misspelt name would silently have no effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.drivers.check.registry import consents
from harness.errors import ConfigurationError
from harness.nearest import hint_with_nearest
from harness.run.acts.scaling import NAME
from harness.yamlfile import read_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from harness.run.project import Project
    from harness.targets import Target
    from harness.yamlfile import Location


def check_names(target: Target, project: Project) -> None:
    """Refuse names of traffics, experiments and rollouts that do not exist.

    Raises:
        ConfigurationError: a name is unknown; the message has file, line and the nearest known name.
    """
    for kind, files, named in (
        ("traffic", "loadtests", ((("traffic", name), name) for name in target.traffic)),
        ("experiment", "experiments", _allowed(target, "experiment")),
        ("rollout", "rollouts", _allowed(target, "rollout")),
    ):
        known = {*_stems(project, files), *(_built_in() if kind == "experiment" else ())}
        for location, name in named:
            if name not in known:
                raise ConfigurationError(
                    f"there is no {kind} `{name}`",
                    where=read_document(target.file).where(location),
                    hint=hint_with_nearest(name, known),
                )


def _allowed(target: Target, key: str) -> Iterator[tuple[Location, str]]:
    """The experiments, or the rollouts, that the allow-list names."""
    for index, entry in enumerate(target.may_break):
        if name := getattr(entry, key):
            yield ("may_break", index, key), name


def _built_in() -> Collection[str]:
    """The experiments that may be allowed although they are not files of the project."""
    return {NAME, *consents()}


def _stems(project: Project, files: str) -> Collection[str]:
    return {file.stem for base in project.search(files) if base.is_dir() for file in base.iterdir()}
