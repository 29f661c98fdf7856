"""Where the files of users run, and where the Python packages that they name come from: looked up, never imported."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_PROJECT: Final = "pyproject.toml"


def project_directory(file: Path) -> Path:
    """The directory of the nearest `pyproject.toml` above a file, else the current directory.

    Relative paths in the file mean the same as when its tool is started there by hand.
    """
    return next((parent for parent in file.absolute().parents if (parent / _PROJECT).is_file()), Path.cwd())


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
