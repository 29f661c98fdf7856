"""What is judged, and by which requirements: always named explicitly, never assumed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from harness.errors import UsageError
from harness.run.project import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.run.project import Project

CORE: Final = "core"
"""The profile of the sandbox's platform."""


class Choice(NamedTuple):
    """The target file (None: the sandbox) and the profiles of a run."""

    target: Path | None
    profiles: tuple[str, ...]


def choose(project: Project, target: Path | None, profiles: Sequence[str]) -> Choice:
    """What the options and the project name together.

    Only where nothing of a project is configured, one names the other: `--target sandbox` is judged by `core`, and
    `--profile core` on the sandbox.

    Args:
        project: whose `[tool.harness]` is read.
        target: of the command line; `sandbox` is the embedded platform.
        profiles: of the command line.

    Raises:
        UsageError: no target or no profile is named.
    """
    named = tuple(profiles) or project.profiles
    file = target or project.target
    if file not in {None, Path(SANDBOX)} and project.sandbox and not profiles:
        what = f"the profile {'+'.join(project.profiles) or CORE} of this project is for the sandbox, not for {file}"
        where = f"{project.root / 'pyproject.toml'}: tool.harness.profiles"
        raise UsageError(what, where=where, hint="pass `--profile NAME`, the requirements that are judged there")
    sandbox = file == Path(SANDBOX) or (file is None and project.sandbox)
    if not project.configured:
        sandbox = sandbox or (file is None and named == (CORE,))
        named = named or ((CORE,) if sandbox else ())
    if file is None and not sandbox:
        raise _missing(project, "target", "a target file says what is judged", "`--target FILE` or `--target sandbox`")
    if not named:
        raise _missing(project, "profiles", "a profile says which requirements are judged", "`--profile NAME`")
    return Choice(None if sandbox else file, named)


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
