"""Finds the options, environment variables and hosts of a locustfile that a run sets or ignores."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from harness.drivers.load.sources import tree_of
from harness.drivers.packages import package_spec
from harness.errors import ConfigurationError
from harness.model import TrafficPlan

_PREFIX: Final = "LOCUST_"
_ENVIRON: Final = ("os.environ", "environ")
_NOT_ALWAYS: Final = (
    *(
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.Lambda,
        ast.Try,
        ast.With,
        ast.If,
        ast.IfExp,
        ast.BoolOp,
        ast.For,
        ast.While,
    ),
    *(ast.Match, ast.comprehension, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
"""Parts of a module that may not be executed, or whose errors may be caught."""
_NAMES: Final = re.compile(rf"[\"']({_PREFIX}[A-Z0-9_]+)[\"']")

_INSTEAD: Final = {
    "LOCUST_HOST": "all requests go to the address of the target file",
    "LOCUST_USERS": "`users` of the size file says how many there are",
    "LOCUST_SPAWN_RATE": "the users arrive in the first half of `warm_up` of the size file",
    "LOCUST_RUN_TIME": "`for` of the size file says how long the load lasts",
    "LOCUST_TAGS": "write `tags` in the size file",
    "LOCUST_EXCLUDE_TAGS": "write `exclude_tags` in the size file",
    "LOCUST_PROCESSES": "`workers` of the size file says how many processes there are",
    "LOCUST_LOCUSTFILE": "`locustfile` of the size file names it",
}
"""What counts in place of a variable."""


@cache
def variables_of_locust() -> frozenset[str]:
    """The environment variables that Locust itself reads, such as `LOCUST_USERS`.

    They are found in Locust's source, since its import patches sockets.
    """
    spec = package_spec("locust", [])
    places = (spec.submodule_search_locations if spec else None) or []
    files = (file for place in places for file in Path(place).glob("*.py"))
    return frozenset(name for file in files for name in _NAMES.findall(file.read_text(encoding="utf-8")))


def is_replaced(variable: str) -> bool:
    """Whether Locust itself reads a variable, so that it could override the size of a traffic."""
    return variable.startswith(_PREFIX) and variable in variables_of_locust()


def remarks_on(locustfile: Path, entry: str, environment: Mapping[str, str], *, stock: bool = True) -> Iterator[str]:
    """Remarks for a user whose settings of Locust, or hosts of a stock locustfile, do not count in a run."""
    for variable in sorted(filter(is_replaced, environment)):
        instead = _INSTEAD.get(variable, "the size file of the traffic sets the load")
        yield f"Locust does not read {variable}: {instead}"
    if not stock:
        return
    for one in ast.walk(tree_of(locustfile)):
        if isinstance(one, ast.ClassDef) and (host := _host_of(one)) and host.rstrip("/") != entry.rstrip("/"):
            at = f"{locustfile.name}:{one.lineno}"
            yield f"the host of {one.name} ({at}), {host}, is not used: all requests go to {entry}"


def refuse_missing_options(locustfile: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a locustfile that requires an option of its own without a value: its process would end immediately.

    Raises:
        ConfigurationError: the option has no value; the error names file, line and the variable to set.
    """
    for call in ast.walk(tree_of(locustfile)):
        if not (
            isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
        ):
            continue
        said = {keyword.arg: keyword.value for keyword in call.keywords}
        names = [name for name in map(_text, call.args) if name.startswith("-")]
        variable = _text(said.get("env_var"))
        if not names or not _is_true(said.get("required")) or (variable in environment and not is_replaced(variable)):
            continue
        hint = f"set the environment variable {variable}, from which the option is read"
        if not variable or is_replaced(variable):
            hint = "give the option a default, or `env_var=` with a name of your own and set that variable: a run passes no options"
        where = f"{locustfile}:{call.lineno}"
        raise ConfigurationError(
            f"the locustfile requires the option `{names[-1]}`, which has no value", where=where, hint=hint
        )


def refuse_missing_variables(locustfile: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a locustfile whose module reads an environment variable that is not set: its process would end immediately.

    Only `os.environ["NAME"]` and `environ["NAME"]` are found, in statements that are always executed when the file is imported. A file
    that may set the variable by itself is not judged: it assigns it, changes `environ` by a method, or imports a module that could, such as python-dotenv.

    Raises:
        ConfigurationError: a variable is not set; the error names file, line and variable.
    """
    tree = tree_of(locustfile)
    every = [*ast.walk(tree)]
    if any(map(_may_set_variables, every)):
        return
    in_environ = (one for one in every if isinstance(one, ast.Subscript) and ast.unparse(one.value) in _ENVIRON)
    known = {*environment, *(_text(one.slice) for one in in_environ if isinstance(one.ctx, ast.Store))}
    pending: list[ast.AST] = [*tree.body]
    while pending:
        one = pending.pop()
        if isinstance(one, _NOT_ALWAYS):
            continue
        pending += ast.iter_child_nodes(one)
        if not isinstance(one, ast.Subscript):
            continue
        name = _text(one.slice)
        if name and ast.unparse(one.value) in _ENVIRON and name not in known:
            what = f"the locustfile needs the environment variable {name}, which is not set"
            raise ConfigurationError(what, where=f"{locustfile}:{one.lineno}", hint=f"set it: `export {name}=…`")


def _may_set_variables(one: ast.AST) -> bool:
    """Whether a part of a module changes `environ` by a method, or imports a module that is neither Python's, Locust's nor the harness's."""
    if isinstance(one, ast.ImportFrom):
        return bool(one.level) or _is_foreign(str(one.module))
    if isinstance(one, ast.Import):
        return any(_is_foreign(alias.name) for alias in one.names)
    if not isinstance(one, ast.Attribute) or ast.unparse(one.value) not in _ENVIRON:
        return False
    return one.attr not in ("get", "items", "keys", "values", "copy")


def _is_foreign(module: str) -> bool:
    return module.partition(".")[0] not in {*sys.stdlib_module_names, "locust", "harness"}


def _host_of(one: ast.ClassDef) -> str:
    """The `host` that a class gives as text; empty where it gives none."""
    for statement in one.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["host"]:
            return _text(statement.value)
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "host":
            return _text(statement.value)
    return ""


def _text(value: ast.expr | None) -> str:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _is_true(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def schedule_options(plan: TrafficPlan) -> dict[str, object]:
    """The schedule as command-line options of Locust."""
    if plan.model == "closed":
        return {"--think": plan.think_s}
    if plan.trace:
        return {"--trace": plan.trace}
    if plan.rates:
        rates = ",".join(f"{at_s!r}:{per_s!r}" for at_s, per_s in plan.rates)
        return {"--rates": rates, "--arrivals": plan.arrivals}
    return {"--rate": repr(plan.journeys_per_s), "--arrivals": plan.arrivals}


def part_of(users: int, worker: int, workers: int) -> int:
    """The number of users of this worker, when all users are shared evenly."""
    return users // workers + (worker <= users % workers)
