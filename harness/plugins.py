"""Extensions: entry points of installed packages, and lines of `[tool.harness.plugins]` in the project's `pyproject.toml`."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

from harness.errors import ConfigurationError

KINDS: Final = ("steps", "figures", "probes", "drivers", "reports")
"""The keys of the table; the entry points of each are in the group `readiness.KIND`."""


def plugins(group: str) -> list[EntryPoint]:
    """What extends a registry, sorted by name.

    Args:
        group: `readiness.steps` and the like.

    Raises:
        ConfigurationError: the project's table is not understood.
    """
    return sorted([*entry_points(group=group), *_of_project(group)], key=lambda entry: entry.name)


def loaded(entry: EntryPoint, what: str, *, made: bool = False) -> Any:
    """What an entry point names; with `made` what it gives when it is called.

    Args:
        entry: one of `plugins`.
        what: that the name is of, as in `the figure`.
        made: whether it is called, without arguments.

    Raises:
        ConfigurationError: it is not there, or its module or the call raised something, whatever that is.
    """
    try:
        found = entry.load()
        return found() if made else found
    except (Exception, SystemExit) as error:  # the plugin's seam: a module of a package or a project may raise anything
        missing = isinstance(error, (ImportError, AttributeError))
        said = str(error) if missing else f"{type(error).__name__}: {error}"
        raise ConfigurationError(
            f"{what} cannot be loaded: {said}",
            where=f"entry point {entry.name} = {entry.value}",
            hint="correct the module, or leave the entry point out",
        ) from error


def _of_project(group: str) -> list[EntryPoint]:
    """The lines of the project that the current directory is in; its modules are found after what is installed."""
    here = Path.cwd()
    file = next((one / "pyproject.toml" for one in (here, *here.parents) if (one / "pyproject.toml").is_file()), None)
    if file is None:
        return []
    try:
        tools = tomllib.loads(file.read_text(encoding="utf-8-sig")).get("tool")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return []  # who reads the project reports it
    table = tools.get("harness") if isinstance(tools, dict) else None
    lines = table.get("plugins", {}) if isinstance(table, dict) else {}
    where = f"{file}: tool.harness.plugins"
    if not isinstance(lines, dict) or (odd := sorted({*lines} - {*KINDS})):
        what = f"unknown key `{odd[0]}`" if isinstance(lines, dict) else "must be a table"
        raise ConfigurationError(what, where=where, hint=f"known here: {', '.join(KINDS)}")
    named = lines.get(group.removeprefix("readiness."), [])
    if not isinstance(named, list) or not all(isinstance(one, str) and ":" in one for one in named):
        raise ConfigurationError(
            "must be a list of `module:name`",
            where=f"{where}.{group.removeprefix('readiness.')}",
            hint='write `steps = ["my_steps:TEMPLATE"]`',
        )
    if named and str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    return [EntryPoint(name=one, value=one, group=group) for one in named]
