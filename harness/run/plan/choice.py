"""The target that is judged, and the profiles of requirements. Both must be named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from harness.errors import UsageError
from harness.provided import SANDBOX, is_provided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.run.project import Project

CORE: Final = "core"
"""Profile of the sandbox's platform."""


class Choice(NamedTuple):
    """The target that is judged, and the profiles of requirements.

    Attributes:
        target: target file; None: a provided target is started.
        profiles: names of catalogue profiles.
        provided: name of the provided target; empty if there is a target file.
    """

    target: Path | None
    profiles: tuple[str, ...]
    provided: str = ""


def choose(project: Project, target: Path | None, profiles: Sequence[str]) -> Choice:
    """Choose the target and the profiles from the options and the project.

    Without a configured project `--target sandbox` implies the profile `core`, and `--profile core` implies the sandbox.

    Args:
        project: project whose `[tool.harness]` is read.
        target: option of the command line: a target file, or the name of a provided target such as `sandbox`.
        profiles: option of the command line.

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
        raise UsageError(what, where=where, hint=f"pass `--profile NAME` with a profile that is for {word}")
    if not project.configured:
        if file is None and not provided and named == (CORE,):
            provided = SANDBOX
        named = named or ((CORE,) if provided == SANDBOX else ())
    if file is None and not provided:
        raise _missing(project, "target", "it names the target that is judged", "`--target FILE` or `--target sandbox`")
    if not named:
        raise _missing(project, "profiles", "it names the requirements that are judged", "`--profile NAME`")
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
