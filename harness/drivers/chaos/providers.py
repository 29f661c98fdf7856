"""Reads facts about the providers of an experiment file from source code, without importing anything."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.drivers.packages import package_spec

_OF_A_CLUSTER: Final = "chaosk8s"
"""The package whose functions all use the Kubernetes API."""
_MORE: Final = frozenset({"*", "__getattr__"})
"""Names whose use means that a module may have more names than its source shows."""
_OURS: Final = "harness.chaos"
_DEEPEST: Final = 5
"""Maximum number of modules followed to the definition of a function."""


class Parameters(NamedTuple):
    """The arguments that a function takes by name.

    Attributes:
        known: names of all arguments.
        needed: names of the arguments without a default.
        others: whether the function takes arbitrary keyword arguments.
    """

    known: tuple[str, ...]
    needed: tuple[str, ...]
    others: bool


def needs_cluster(activity: Mapping[str, Any]) -> bool:
    """Whether an activity uses the target's Kubernetes API; functions of the harness do, unless they declare otherwise."""
    module, function = called(activity)
    if not _within(module, _OURS):
        return _within(module, _OF_A_CLUSTER)
    found = _defined(module, function)
    return found is None or not any(map(_declares_nothing, found[1].decorator_list))


def _declares_nothing(decorator: ast.expr) -> bool:
    """Whether a decorator is `@accesses()`: see `harness.targets.access`."""
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and (decorator.func.id, decorator.args, decorator.keywords) == ("accesses", [], [])
    )


def is_own(activity: Mapping[str, Any]) -> bool:
    """Whether an activity is a function of the harness, whose changes are in the undo log."""
    return _within(called(activity)[0], _OURS)


def called(activity: Mapping[str, Any]) -> tuple[str, str]:
    """Module and function of an activity; both are empty if its provider is not `python`."""
    provider = activity.get("provider")
    if not isinstance(provider, dict) or provider.get("type") != "python":
        return "", ""
    return str(provider.get("module")), str(provider.get("func"))


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@cache
def functions_of(module: str, directories: tuple[Path, ...] = ()) -> frozenset[str] | None:
    """The names that a module defines or imports at its top level.

    Returns None if the module does not exist, and an empty set if its source does not show all names.

    Args:
        module: full name of the module.
        directories: directories to search in addition to the installed packages.
    """
    source = _source(module, directories)
    if source is None:
        return None
    names = {name for statement in _statements(source) or () for name in _bound(statement)}
    return frozenset() if names & _MORE else frozenset(names)


@cache
def _statements(source: Path) -> tuple[ast.stmt, ...] | None:
    """The syntax tree of a module; None if its source cannot be read."""
    try:
        return tuple(_at_top(ast.parse(source.read_bytes()).body)) if source.suffix == ".py" else None
    except (OSError, SyntaxError, ValueError):
        return None


def _bound(statement: ast.stmt) -> set[str]:
    """The names that one statement defines, imports or assigns; `*` for those of another module."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return set()


def parameters_of(module: str, function: str, directories: tuple[Path, ...] = ()) -> Parameters | None:
    """The arguments of a function of a module; None if the source does not show them reliably.

    The source is not reliable if the name is bound twice, is bound to another kind of object, or has a foreign
    decorator.

    Args:
        module: full name of the module.
        function: name of a function that the module defines or imports.
        directories: directories to search in addition to the installed packages.
    """
    found = _defined(module, function, directories)
    if found is None:
        return None
    where, one = found
    return _parameters(one.args) if not one.decorator_list or _within(where, _OURS) else None


@cache
def _defined(
    module: str, function: str, directories: tuple[Path, ...] = (), deep: int = _DEEPEST
) -> tuple[str, ast.FunctionDef] | None:
    """The definition of a function, and its module, which may be another one that is imported from.

    None for a name that is bound twice or to anything but a function.
    """
    source = _source(module, directories)
    statements = _statements(source) if source is not None and deep else None
    bound = [one for one in statements or () if function in _bound(one)]
    one = bound[0] if len(bound) == 1 else None
    if isinstance(one, ast.ImportFrom) and one.module and not one.level:
        named = next(alias.name for alias in one.names if (alias.asname or alias.name) == function)
        return _defined(one.module, named, directories, deep - 1)
    return (module, one) if isinstance(one, ast.FunctionDef) else None


def _parameters(taken: ast.arguments) -> Parameters | None:
    """The arguments of a function; None if it takes an argument by position only."""
    if taken.posonlyargs or taken.vararg:
        return None
    by_place = [argument.arg for argument in taken.args]
    by_name = [argument.arg for argument in taken.kwonlyargs]
    needed = by_place[: len(by_place) - len(taken.defaults)]
    needed += [name for name, default in zip(by_name, taken.kw_defaults, strict=True) if default is None]
    return Parameters(known=(*by_place, *by_name), needed=tuple(needed), others=taken.kwarg is not None)


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
