"""Statements of people that count for a run: read when it is planned, and kept with it."""

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
    """Attestations and waivers, also those that do not count, with the reason."""

    attestations: tuple[Attestation, ...]
    waivers: tuple[Waiver, ...]


def statements_of(project: Project, target: Target, release: str) -> Statements:
    """The statements in the directories of target and project.

    Raises:
        ConfigurationError: a file is wrong.
    """
    today = target.today(clock.wall())
    attestations = statement_directories("attestations", project, target)
    waivers = statement_directories("waivers", project, target)
    return Statements(
        attestations=statements.read_attestations(attestations, release, today),
        waivers=statements.read_waivers(waivers, release, today),
    )


def refuse_unknown(project: Project, target: Target | None, known: Collection[str]) -> None:
    """Refuse statements about what no catalogue file defines.

    Args:
        project: that is run.
        target: that is judged; None: the sandbox, whose own statements came with the package.
        known: ids of requirements.

    Raises:
        ConfigurationError: one names another id, or a file is wrong; with file and line.
    """
    for kind in ("attestations", "waivers"):
        statements.refuse_unknown(kind, statement_directories(kind, project, target), known)


def statement_directories(kind: str, project: Project, target: Target | None) -> tuple[Path, ...]:
    """The directories of `attestations` or `waivers`.

    The target's come first, then the project's, each once.

    Raises:
        ConfigurationError: one is not there, or two have the same name: their files are kept under it.
    """
    named = [] if target is None else [target.beside(path) for path in getattr(target, kind)]
    where = f"{project.root / 'pyproject.toml' if target is None else target.file}: {kind}"
    found: dict[str, Path] = {}
    for directory in (path.resolve() for path in (*named, *getattr(project, kind))):
        if not directory.is_dir():
            hint = f"create it, or leave `{kind}` out"
            raise ConfigurationError(f"there is no directory {directory}", where=where, hint=hint)
        if found.setdefault(directory.name, directory) != directory:
            what = f"two directories are named {directory.name}: {found[directory.name]} and {directory}"
            raise ConfigurationError(what, where=where, hint="rename one of them")
    return tuple(found.values())
