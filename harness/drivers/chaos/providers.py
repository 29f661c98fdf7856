"""What the providers of an experiment file are: read from the file and from source, so that nothing is imported here."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final

from harness.drivers.packages import package_spec, project_directory

_OF_A_CLUSTER: Final = ("chaosk8s", "harness.chaos")
"""Packages whose functions ask the Kubernetes API."""
_WITHOUT_CLUSTER: Final = frozenset({"hold"})
"""Functions of ours that ask none."""
_MORE: Final = frozenset({"*", "__getattr__"})
"""Names by which a module has more names than its source says."""
_OURS: Final = "harness.chaos"


def module_directories(file: Path) -> tuple[Path, ...]:
    """Where Python modules of an experiment file are looked up, after what is installed: its own directory, and its project."""
    return tuple(dict.fromkeys((file.absolute().parent, project_directory(file))))


def needs_cluster(activity: Mapping[str, Any]) -> bool:
    """Whether an activity asks the Kubernetes API of the target."""
    module, function = called(activity)
    return any(_within(module, package) for package in _OF_A_CLUSTER) and function not in _WITHOUT_CLUSTER


def is_own(activity: Mapping[str, Any]) -> bool:
    """Whether an activity is ours: what it changes is in the undo log."""
    return _within(called(activity)[0], _OURS)


def called(activity: Mapping[str, Any]) -> tuple[str, str]:
    """Module and function of an activity; both empty where its provider is not `python`."""
    provider = activity.get("provider")
    if not isinstance(provider, dict) or provider.get("type") != "python":
        return "", ""
    return str(provider.get("module")), str(provider.get("func"))


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@cache
def functions_of(module: str, directories: tuple[Path, ...] = ()) -> frozenset[str] | None:
    """The names that a module defines or imports at its top level.

    None when there is no such module; the empty set when it is there and its source, if it has one, does not say all of them.

    Args:
        module: by its full name.
        directories: where it is looked up beside what is installed.
    """
    source = _source(module, directories)
    if source is None:
        return None
    try:
        tree = ast.parse(source.read_bytes()) if source.suffix == ".py" else ast.Module(body=[], type_ignores=[])
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for statement in _at_top(tree.body):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names.update(one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))
    return frozenset() if names & _MORE else frozenset(names)


def _at_top(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that a module does when it is imported, also those below an `if` or a `try`."""
    for statement in statements:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                yield from _at_top(getattr(statement, name, []))
            for handler in getattr(statement, "handlers", []):
                yield from _at_top(handler.body)


def _source(module: str, directories: tuple[Path, ...]) -> Path | None:
    """Where a module's source is, found part by part without importing its packages."""
    search = [*sys.path, *map(str, directories)]
    origin = None
    for size in range(1, module.count(".") + 2):
        name = ".".join(module.split(".")[:size])
        spec = PathFinder.find_spec(name, search) if size > 1 else package_spec(name, search)
        if spec is None:
            # `os.path` is no file of that name; the standard library is always there
            return Path() if module.partition(".")[0] in sys.stdlib_module_names else None
        search = list(spec.submodule_search_locations or [])
        origin = spec.origin
    return Path(origin or "")
