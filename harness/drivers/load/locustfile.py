"""Checks the source of a locustfile before anything is run.

Locust itself is not imported, since its import patches sockets and takes a second.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Final, NamedTuple

from harness.drivers.load.sources import FACADE, has_tests, imports_of, modules_of, tree_of
from harness.drivers.packages import module_directories, package_spec
from harness.errors import ConfigurationError
from harness.nearest import nearest
from harness.words import counted

_USERS: Final = ("OpenLoopUser", "ClosedLoopUser")
_STOCK: Final = "HttpUser"
_LOCUST: Final = "locust"
_RENAMED: Final = {"HttpLocust": "HttpUser", "Locust": "User", "TaskSequence": "SequentialTaskSet", "seq_task": "task"}
"""Names from Locust before 1.0, with their new names; some old names can be imported, but raise an error when used."""


class LocustUsers(NamedTuple):
    """The kind of users in a locustfile, found in its source.

    Attributes:
        stock: whether the users are Locust's own (`HttpUser`, `FastHttpUser`, `User`, test functions), which are a
        closed model.
        shaped: whether a `LoadTestShape` of the file sets the number of users.
    """

    stock: bool
    shaped: bool


def check_locustfile(path: Path) -> LocustUsers:
    """Refuse a locustfile that would end the load immediately; returns the kind of its users.

    Such a file is not Python, imports a missing module or name, or has no users. Modules of the project that it imports
    are read too. Members of base classes in other packages are unknown, and so are modules on a path that the file adds
    to `sys.path`.

    Raises:
        ConfigurationError: the locustfile is invalid; the error names file and line.
    """
    tree = tree_of(path)
    elsewhere = any(isinstance(one, ast.Attribute) and ast.unparse(one) == "sys.path" for one in ast.walk(tree))
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            _check_import(path, statement, elsewhere=elsewhere)
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    imported = any(isinstance(one, ast.Import | ast.ImportFrom) and not _ours(one) for one in tree.body)
    tests = not imported and has_tests(tree)  # what is imported may bring users of any kind
    if not (imported or tests or any(one.bases for one in classes)):
        raise ConfigurationError(
            "the locustfile has no users",
            where=f"{path}:1",
            hint=f"derive a class from {' or '.join(_USERS)} of {FACADE}, or from {_STOCK} of Locust",
        )
    for one in classes:
        _check_journey(path, one)
    modules = modules_of(path)
    shaped = any(ast.unparse(base).rpartition(".")[2] == "LoadTestShape" for one in classes for base in one.bases)
    stock = (tests or _LOCUST in modules) and FACADE not in modules
    return LocustUsers(stock=stock, shaped=stock and shaped)


def _ours(statement: ast.Import | ast.ImportFrom) -> bool:
    """Whether a module brings no users: the façade, and the standard library."""
    return all(name == FACADE or name.partition(".")[0] in sys.stdlib_module_names for name in _modules(statement))


def _modules(statement: ast.Import | ast.ImportFrom) -> list[str]:
    return [module for module, _names in imports_of(statement) if not module.startswith(".")]


def _check_import(path: Path, statement: ast.Import | ast.ImportFrom, *, elsewhere: bool) -> None:
    where = f"{path}:{statement.lineno}"
    for module in _modules(statement):
        top = module.partition(".")[0]
        search = [*map(str, module_directories(path)), *sys.path]
        if not elsewhere and top not in sys.stdlib_module_names and package_spec(top, search) is None:
            hint = "install its package, correct the name, or add its directory: PYTHONPATH=DIRECTORY readiness plan"
            raise ConfigurationError(f"the module `{top}` is not installed", where=where, hint=hint)
    if not isinstance(statement, ast.ImportFrom):
        return
    for alias in statement.names:
        if statement.module == _LOCUST and alias.name in _RENAMED:
            hint = (
                f"write `{_RENAMED[alias.name]}`, and `tasks = [...]` for `task_set`: docs.locust.io, changelog of 1.0"
            )
            raise ConfigurationError(f"Locust has no `{alias.name}` since 1.0", where=where, hint=hint)
    if statement.module == FACADE:
        known = _names_of_facade()
        for alias in statement.names:
            if alias.name != "*" and alias.name not in known:
                suggestion = nearest(alias.name, known)
                hint = f"did you mean `{suggestion}`?" if suggestion else f"`{FACADE}` has {', '.join(known)}"
                raise ConfigurationError(f"`{FACADE}` has no `{alias.name}`", where=where, hint=hint)


def _names_of_facade() -> list[str]:
    """The names that locustfiles can import from the harness, read from the source.

    The façade is loaded in the load's processes only.
    """
    source = Path(__file__).parents[2] / "locust" / "__init__.py"
    for statement in ast.parse(source.read_bytes()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(statement.value)]
    return []


def _check_journey(path: Path, user: ast.ClassDef) -> None:
    """Refuse a class derived from one of the harness that has no method `journey` with one argument."""
    if [ast.unparse(base).rpartition(".")[2] for base in user.bases] not in [[name] for name in _USERS]:
        return
    methods = {one.name: one for one in user.body if isinstance(one, ast.FunctionDef)}
    if "journey" not in methods:
        suggestion = nearest("journey", methods)
        hint = f"did you mean `{suggestion}`?" if suggestion else "write `def journey(self, journey: Journey) -> None:`"
        raise ConfigurationError(f"`{user.name}` has no method `journey`", where=f"{path}:{user.lineno}", hint=hint)
    arguments = methods["journey"].args
    taken = len(arguments.posonlyargs) + len(arguments.args)
    if taken != 2 and arguments.vararg is None:  # self and the journey
        raise ConfigurationError(
            f"`journey` takes {counted(taken, 'argument')}",
            where=f"{path}:{methods['journey'].lineno}",
            hint="write `def journey(self, journey: Journey) -> None:`",
        )
