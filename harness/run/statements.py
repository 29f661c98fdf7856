"""Attestations and waivers that count for a run: read for the plan, and copied into the run directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness import clock
from harness.errors import ConfigurationError
from harness.targets.files import statements

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from harness.model import Attestation, Waiver
    from harness.run.project import Project
    from harness.targets import Target


class Statements(NamedTuple):
    """Attestations and waivers; a statement that does not count has the reason."""

    attestations: tuple[Attestation, ...]
    waivers: tuple[Waiver, ...]


def statements_of(project: Project, target: Target, release: str) -> Statements:
    """The statements in the directories of target and project.

    Raises:
        ConfigurationError: a file is invalid.
    """
    today = target.today(clock.wall())
    attestations = statement_directories("attestations", project, target)
    waivers = statement_directories("waivers", project, target)
    return Statements(
        attestations=statements.read_attestations(attestations, release, today),
        waivers=statements.read_waivers(waivers, release, today),
    )


def refuse_unknown(project: Project, target: Target | None, known: Collection[str]) -> None:
    """Refuse statements about requirements that no catalogue file defines.

    Args:
        project: project that is run.
        target: target that is judged; None: the sandbox, whose own statements come with the package.
        known: ids of all requirements.

    Raises:
        ConfigurationError: a statement names an unknown id, or a file is invalid; the message has file and line.
    """
    for kind in ("attestations", "waivers"):
        statements.refuse_unknown(kind, statement_directories(kind, project, target), known)


def statement_directories(kind: str, project: Project, target: Target | None) -> tuple[Path, ...]:
    """The directories of `attestations` or `waivers`.

    Directories of the target come first, then directories of the project, each once.

    Raises:
        ConfigurationError: a directory does not exist, or two have the same name, under which their files are kept.
    """
    named = [] if target is None else [target.beside(path) for path in getattr(target, kind)]
    where = f"{project.root / 'pyproject.toml' if target is None else target.file}: {kind}"
    found: dict[str, Path] = {}
    for directory in (path.resolve() for path in (*named, *getattr(project, kind))):
        if not directory.is_dir():
            hint = f"create the directory, or leave `{kind}` out"
            raise ConfigurationError(f"the directory {directory} does not exist", where=where, hint=hint)
        if found.setdefault(directory.name, directory) != directory:
            what = f"two directories have the name {directory.name}: {found[directory.name]} and {directory}"
            raise ConfigurationError(
                what, where=where, hint="rename one directory, since their files are kept by this name"
            )
    return tuple(found.values())
