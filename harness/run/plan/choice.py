"""What is judged, and by which requirements: always named explicitly, never assumed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from harness.errors import UsageError
from harness.provided import SANDBOX, is_provided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.run.project import Project

CORE: Final = "core"
"""The profile of the sandbox's platform."""


class Choice(NamedTuple):
    """What is judged, and by which requirements.

    Attributes:
        target: target file; None: a provided target is started.
        profiles: of the catalogue.
        provided: name of the provided target; empty if there is a target file.
    """

    target: Path | None
    profiles: tuple[str, ...]
    provided: str = ""


def choose(project: Project, target: Path | None, profiles: Sequence[str]) -> Choice:
    """The target and the profiles that options and project name together.

    Only without a configured project one implies the other: `--target sandbox` is judged by `core`, and `--profile core`
    on the sandbox.

    Args:
        project: whose `[tool.harness]` is read.
        target: of the command line: a target file, or the name of a provided target as `sandbox`.
        profiles: of the command line.

    Raises:
        UsageError: no target or no profile is named.
    """
    named = tuple(profiles) or project.profiles
    word = "" if target is None else str(target)
    provided = (word if is_provided(word) else "") if word else project.provided
    file = None if provided else target or project.target
    if word and project.provided not in {"", provided} and not profiles:
        what = f"the profile {'+'.join(project.profiles) or CORE} of this project is for the {project.provided}, not for {word}"
        where = f"{project.root / 'pyproject.toml'}: tool.harness.profiles"
        raise UsageError(what, where=where, hint="pass `--profile NAME`, the requirements that are judged there")
    if not project.configured:
        if file is None and not provided and named == (CORE,):
            provided = SANDBOX
        named = named or ((CORE,) if provided == SANDBOX else ())
    if file is None and not provided:
        raise _missing(project, "target", "a target file says what is judged", "`--target FILE` or `--target sandbox`")
    if not named:
        raise _missing(project, "profiles", "a profile says which requirements are judged", "`--profile NAME`")
    return Choice(file, named, provided)


def _missing(project: Project, key: str, why: str, option: str) -> UsageError:
    file = project.root / "pyproject.toml"
    if not project.configured:
        return UsageError(
            "no project is configured here: no pyproject.toml with a table [tool.harness] was found",
            where=str(file if file.is_file() else project.root),
            hint="change to the project's directory, create one with `readiness init DIR --entry URL`, or pass both "
            "`--target FILE --profile NAME` (`--target sandbox` alone is enough)",
        )
    value = 'target = "target.yaml"' if key == "target" else 'profiles = ["mine"]'
    return UsageError(
        f"the key `{key}` is missing: {why}",
        where=str(file),
        hint=f"write `{value}`, or pass {option}",
    )
