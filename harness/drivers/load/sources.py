"""Reads the source of a locustfile and of the project's modules that it imports, without importing them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.drivers.packages import module_directories
from harness.errors import ConfigurationError

MOST_FILES: Final = 100
"""Maximum number of project modules that are read."""
FACADE: Final = "harness.locust"
_NO_PROJECTS: Final = frozenset({"harness", "locust", "gevent"})
"""Packages that are not followed, even if the project is a checkout of one of them."""


def are_ours(locustfile: Path) -> bool:
    """Whether the users of a locustfile are certainly journeys of `harness.locust`."""
    try:
        return FACADE in modules_of(locustfile)
    except ConfigurationError:
        return False


def modules_of(locustfile: Path) -> frozenset[str]:
    """The modules that a locustfile imports, directly or through modules of the project.

    They are top-level names, and `FACADE`.

    Raises:
        ConfigurationError: the locustfile is not Python; the error names file and line.
    """
    places = module_directories(locustfile)
    left, read, found = [locustfile], set[Path](), set[str]()
    while left and len(read) < MOST_FILES:
        path = left.pop()
        if path in read:
            continue
        read.add(path)
        tree = tree_of(path) if path == locustfile else _tree_of_import(path)
        for module, members in (one for node in ast.walk(tree) for one in imports_of(node)):
            if not module.startswith("."):
                found |= _names(module, members)
            left += _followed(path, module, members, places)
    return frozenset(found)


def _tree_of_import(path: Path) -> ast.Module:
    """The syntax tree of a module that may be imported; an empty one where it is not Python: the load may never run it."""
    try:
        return tree_of(path)
    except ConfigurationError:
        return ast.Module(body=[], type_ignores=[])


def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file.

    Raises:
        ConfigurationError: the file is not Python; the error names file and line.
    """
    try:
        return ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        place = f"{path}:{error.lineno or 1}"
        raise ConfigurationError(
            f"the file is not valid Python: {error.msg}", where=place, hint="correct the line"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the file cannot be read: {error}", where=str(path), hint="write a Python file"
        ) from error


def has_tests(tree: ast.Module) -> bool:
    """Whether a file has test functions of pytest and no derived class, so that Locust runs the functions as users."""
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    bodies = [tree.body, *(one.body for one in classes if one.name.startswith("Test"))]
    names = [one.name for body in bodies for one in body if isinstance(one, ast.FunctionDef)]
    return not any(one.bases for one in classes) and any(name.startswith("test") for name in names)


def files_of(base: Path, module: str, members: Sequence[str]) -> Iterator[Path]:
    """The source files of a module below a directory, and of its members that are modules."""
    inside = base.joinpath(*module.split(".")) if module else base
    for path in (inside.with_suffix(".py"), inside / "__init__.py", *(inside / f"{name}.py" for name in members)):
        if module or path.parent != base or path.stem in members:
            try:
                if path.is_file():
                    yield path
            except OSError:
                continue


def imports_of(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Each module that a statement imports, with leading dots if relative, and the imported names."""
    if isinstance(node, ast.ImportFrom):
        yield f"{'.' * node.level}{node.module or ''}", [alias.name for alias in node.names]
    elif isinstance(node, ast.Import):
        yield from ((alias.name, []) for alias in node.names)


def _names(module: str, members: Sequence[str]) -> set[str]:
    paths = [module, *(f"{module}.{member}" for member in members)]
    ours = {FACADE} if any(f"{path}.".startswith(f"{FACADE}.") for path in paths) else set()
    return {module.partition(".")[0], *ours}


def _followed(path: Path, module: str, members: Sequence[str], places: Sequence[Path]) -> Iterator[Path]:
    name = module.lstrip(".")
    if points := len(module) - len(name):
        if points <= len(path.parents):
            yield from files_of(path.parents[points - 1], name, members)
    elif (top := name.partition(".")[0]) not in _NO_PROJECTS and top not in sys.stdlib_module_names:
        for place in places:
            yield from files_of(place, name, members)
