"""Extensions: entry points of installed packages, lines of `[tool.harness.plugins]` in the project's `pyproject.toml`, and modules in its `claims`."""

from __future__ import annotations

import re
import sys
import tomllib
import traceback
from collections.abc import Callable
from functools import cache
from importlib import import_module, invalidate_caches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

from harness.errors import ConfigurationError, DriverError, HarnessError
from harness.files import bundled
from harness.modules import values_in

_Given = TypeVar("_Given")

KINDS: Final = ("steps", "figures", "probes", "drivers", "reports")
"""The keys of the table; the entry points of each are in the group `readiness.KIND`."""


def plugins(group: str) -> list[EntryPoint]:
    """The extensions of a registry, sorted by name.

    Args:
        group: group of entry points, such as `readiness.steps`.

    Raises:
        ConfigurationError: the project's table is invalid.
    """
    return sorted([*_installed().select(group=group), *_of_project(group)], key=lambda entry: entry.name)


@cache
def _installed() -> Any:
    return entry_points()  # reads every distribution, whichever group is asked for


def loaded(entry: EntryPoint, what: str, *, made: bool = False) -> Any:
    """Load the object that an entry point names; with `made`, call it and return the result.

    Args:
        entry: entry point that `plugins` returned.
        what: kind of the object for messages, such as `the figure`.
        made: whether the object is called, without arguments.

    Raises:
        ConfigurationError: the object does not exist, or its module or the call raised an exception.
    """

    def load() -> Any:
        found = entry.load()
        return found() if made else found

    hint = f"correct the module, or leave the {'line' if _is_of_project(entry) else 'entry point'} out"
    return _called(load, lambda error: _not_loaded(what, error, place_of(entry), hint))


def called(call: Callable[[], _Given], of: Callable[..., Any]) -> _Given:
    """Call a function and return its result.

    Raises:
        DriverError: a function in the project's `claims` raised an exception other than a HarnessError; the message has file and line.
    """
    module = sys.modules.get(of.__module__)
    if module is None or module not in claims_modules():
        return call()

    def failed(error: BaseException) -> HarnessError:
        what = f"`{of.__name__}` raised {type(error).__name__}: {error}"
        return DriverError(what, where=_line_in(Path(str(module.__file__)), error), hint="correct the function")

    return _called(call, failed)


def tried(call: Callable[[], _Given], what: str, where: str) -> _Given:
    """Call a function of a package or project; raises ConfigurationError if it raises an exception other than a HarnessError."""
    hint = "correct the function"
    return _called(
        call,
        lambda error: ConfigurationError(f"{what} raised {type(error).__name__}: {error}", where=where, hint=hint),
    )


def _called(call: Callable[[], _Given], said: Callable[[BaseException], HarnessError]) -> _Given:
    try:
        return call()
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:  # the plugin's seam: a module of a package or a project may raise anything
        raise said(error) from error


def _not_loaded(what: str, error: BaseException, where: str, hint: str) -> HarnessError:
    missing = isinstance(error, (ImportError, AttributeError))
    said = str(error) if missing else f"{type(error).__name__}: {error}"
    return ConfigurationError(f"{what} cannot be loaded: {said}", where=where, hint=hint)


def place_of(entry: EntryPoint) -> str:
    """The place at which an extension is named: file, line and key in the project's `pyproject.toml`, or the entry point."""
    file = _project_file() if _is_of_project(entry) else None
    if file is None:
        return f"entry point {entry.name} = {entry.value}"
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    quoted = (f'"{entry.value}"', f"'{entry.value}'")
    number = next((at for at, line in enumerate(lines, 1) if any(one in line for one in quoted)), 0)
    at = f"{file}:{number}" if number else str(file)
    return f"{at}: tool.harness.plugins.{entry.group.removeprefix('readiness.')}: {entry.value}"


def _is_of_project(entry: EntryPoint) -> bool:
    """Whether a line of the project names it: it has no name but its value, and no package that it came with."""
    return entry.dist is None and entry.name == entry.value


def _project_file() -> Path | None:
    """The `pyproject.toml` of the project that the current directory is in."""
    here = Path.cwd()
    return next((one / "pyproject.toml" for one in (here, *here.parents) if (one / "pyproject.toml").is_file()), None)


def _table(file: Path) -> dict[str, Any]:
    """`[tool.harness]` of the project; empty if it does not exist or cannot be read, which is reported elsewhere."""
    try:
        tools = tomllib.loads(file.read_text(encoding="utf-8-sig")).get("tool")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    table = tools.get("harness") if isinstance(tools, dict) else None
    return table if isinstance(table, dict) else {}


def project_paths(key: str) -> tuple[Path, ...]:
    """The existing paths that a key of `[tool.harness]` names, in the project around the working directory.

    Errors of the key are reported where the project is read.
    """
    file = _project_file()
    named = _table(file).get(key) if file is not None else None
    if file is None or not isinstance(named, list):
        return ()
    return tuple(path for one in named if isinstance(one, str) and (path := file.parent / one).exists())


def claims_paths() -> tuple[Path, ...]:
    """The directories of claims and nouns: of the package, and from `claims` of `[tool.harness]`."""
    found = {path.resolve(): path for path in (bundled("claims"), *project_paths("claims"))}
    return tuple(found.values())


@cache
def claims_modules() -> tuple[ModuleType, ...]:
    """The Python modules in the directories of `claims_paths`, in order; each is executed once.

    Raises:
        ConfigurationError: a module raised an exception; the message has file and line.
    """
    return tuple(_module(file, one) for one in claims_paths() for file in modules_in(one))


def values_in_claims(kind: type[_Given]) -> tuple[tuple[_Given, str], ...]:
    """The public values of a kind at the top of the modules of `claims_modules`, each with file and line.

    Raises:
        ConfigurationError: as `claims_modules`.
    """
    return tuple((value, _defined_at(module, name)) for module, name, value in values_in(claims_modules(), kind))


def _defined_at(module: ModuleType, name: str) -> str:
    file = Path(str(module.__file__))
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    number = next((at for at, line in enumerate(lines, 1) if re.match(rf"{name}\b\s*[:=]", line)), 0)
    return f"{file}:{number}" if number else str(file)


def modules_in(directory: Path) -> list[Path]:
    """The files of Python in a directory of claims and in the directories below it, sorted; names that begin with `_` or a dot are passed over."""
    found = (path for path in directory.rglob("*.py") if not _is_private(path.relative_to(directory)))
    return sorted(found, key=lambda path: (len(path.parts), path))


def _is_private(path: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in path.parts)


def _module(file: Path, directory: Path) -> ModuleType:
    """A module in a directory of claims, which is a package: `from .rooms import doors` imports another module of it."""
    package = str(directory.resolve()).replace(".", "_")  # no other package has it
    if package not in sys.modules:
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = [str(directory)]
    name = ".".join((package, *file.relative_to(directory).with_suffix("").parts))
    hint = "correct the module, or remove it"
    invalidate_caches()  # the file may be new
    return _called(
        lambda: import_module(name), lambda error: _not_loaded("the module", error, _line_in(file, error), hint)
    )


def _line_in(file: Path, error: BaseException) -> str:
    """The file, and the line of it at which it raised."""
    own = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == str(file)]
    line = error.lineno if isinstance(error, SyntaxError) else own[-1] if own else None
    return f"{file}:{line}" if line else str(file)


def _of_project(group: str) -> list[EntryPoint]:
    """The lines of the project that the current directory is in; its modules are found after what is installed."""
    file = _project_file()
    if file is None:
        return []
    lines = _table(file).get("plugins", {})
    where = f"{file}: tool.harness.plugins"
    if not isinstance(lines, dict) or (odd := sorted({*lines} - {*KINDS})):
        what = f"unknown key `{odd[0]}`" if isinstance(lines, dict) else "this key must be a table"
        raise ConfigurationError(what, where=where, hint=f"use one of the keys {', '.join(KINDS)}")
    named = lines.get(group.removeprefix("readiness."), [])
    if not isinstance(named, list) or not all(isinstance(one, str) and ":" in one for one in named):
        raise ConfigurationError(
            "the value must be a list of `module:name`",
            where=f"{where}.{group.removeprefix('readiness.')}",
            hint='write `steps = ["my_steps:TEMPLATE"]`',
        )
    if named and str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    return [EntryPoint(name=one, value=one, group=group) for one in named]
