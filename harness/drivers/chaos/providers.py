"""Does a function exist that an experiment names? Read from its source, so that nothing is imported here."""

from __future__ import annotations

import ast
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path


@cache
def functions_of(module: str) -> frozenset[str] | None:
    """The names that a module defines or imports at its top level.

    None when there is no such module; the empty set when it is there and has no source to read.
    """
    source = _source(module)
    if source is None:
        return None
    try:
        tree = ast.parse(source.read_bytes()) if source.suffix == ".py" else ast.Module(body=[], type_ignores=[])
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.Assign):
            names.update(target.id for target in statement.targets if isinstance(target, ast.Name))
    return frozenset(names)


def _source(module: str) -> Path | None:
    """Where a module's source is, found part by part without importing its packages."""
    search: list[str] | None = None
    origin = None
    for size in range(1, module.count(".") + 2):
        name = ".".join(module.split(".")[:size])
        spec = PathFinder.find_spec(name, search)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations or [])
        origin = spec.origin
    return Path(origin or "")
