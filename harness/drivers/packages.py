"""Where the files of users run, and where the Python packages that they name come from: looked up, never imported."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_PROJECT: Final = "pyproject.toml"
_SETTINGS: Final = {
    "pytest.toml": "pytest",
    ".pytest.toml": "pytest",
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "pyproject.toml": "tool.pytest",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
"""Where pytest has its settings, in its order, and the table that they are in."""


def project_directory(file: Path) -> Path:
    """The directory of the nearest `pyproject.toml` above a file, else the current directory.

    Relative paths in the file mean the same as when its tool is started there by hand.
    """
    return next((parent for parent in file.absolute().parents if (parent / _PROJECT).is_file()), Path.cwd())


def module_directories(file: Path) -> tuple[Path, ...]:
    """Where the Python modules of a file are looked up beside what is installed.

    Its own directory, that of its project, and those that the project's settings of pytest name under `pythonpath`.
    """
    project = project_directory(file)
    return tuple(dict.fromkeys((file.absolute().parent, project, *map(Path, python_path(project)))))


@lru_cache(maxsize=64)
def python_path(root: Path) -> tuple[str, ...]:
    """The directories that the first file with settings of pytest names; none where it cannot be read: pytest reports it."""
    for name, table in _SETTINGS.items():
        file = root / name
        try:
            found = _settings(file, table) if file.is_file() else None
            named = () if found is None else found.get("pythonpath", ())
            paths = shlex.split(named) if isinstance(named, str) else named
        except (OSError, ValueError, ConfigParserError):  # no UTF-8 or TOML, a quote that is not closed
            return ()
        if found is not None:
            return tuple(str(root / str(path)) for path in paths) if isinstance(paths, Sequence) else ()
    return ()


def _settings(file: Path, table: str) -> Mapping[str, object] | None:
    """The settings of pytest in a file; None where it has none."""
    text = file.read_text(encoding="utf-8-sig")
    if file.suffix != ".toml":
        parser = ConfigParser(interpolation=None)
        parser.read_string(text, str(file))
        return parser[table] if parser.has_section(table) else None
    found: object = tomllib.loads(text)
    for key in table.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    options = found.get("ini_options", found) if isinstance(found, dict) else None
    return options if isinstance(options, dict) else None


def package_spec(package: str, search: Sequence[str]) -> ModuleSpec | None:
    """Where a top-level package comes from; None when it is not installed.

    Args:
        package: its name, without a point.
        search: directories where it is looked up first; after them the interpreter's own finders are asked, which know
            what is on no path: what is built in, or installed as editable.
    """
    if spec := PathFinder.find_spec(package, list(search)):
        return spec
    try:
        return find_spec(package)
    except (ImportError, ValueError):  # an empty name, or a module that says nothing of itself
        return None
