"""Steps that a project defines for pytest-bdd itself, in a `conftest.py` beside its features or above them.

A feature may have such steps together with steps of the harness. pytest-bdd executes them after the run, when the scenario reports its
verdict.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from _pytest.config import builtin_plugins
from pytest_bdd.steps import StepFunctionContext, StepNamePrefix, step_function_context_registry

from harness.drivers.packages import python_path
from harness.errors import ConfigurationError

_DEFINED: Final = StepNamePrefix.step_def.value
"""Prefix of the names of pytest-bdd's step definitions."""


def is_own_step(keyword: str, text: str, feature: Path, root: Path) -> bool:
    """Whether a `conftest.py` between the project's root and the feature file defines this step.

    Args:
        keyword: `given`, `when` or `then`.
        text: text of the step, with its placeholders filled in.
        feature: feature file that contains the step.
        root: root directory of the project; features of the package are outside it, and have no such steps.

    Raises:
        ConfigurationError: a `conftest.py`, or a module that it names in `pytest_plugins`, cannot be imported.
    """
    take_python_path(root)
    return any(
        context.type in {None, keyword} and context.parser.is_matching(text)
        for conftest in _conftests(feature.resolve().parent, root.resolve())
        for context in _steps_of(conftest)
    )


def take_python_path(root: Path) -> None:
    """Put the directories of pytest's setting `pythonpath` first in the import path, as the project's own pytest does.

    No other pytest settings of the project apply to a run, so that they cannot change it.

    Args:
        root: root directory of the project, which has the pytest settings.
    """
    for path in reversed(python_path(root.resolve())):
        if path not in sys.path:
            sys.path.insert(0, path)


def _conftests(folder: Path, root: Path) -> Iterator[Path]:
    if folder.is_relative_to(root):
        between = [folder, *folder.parents]
        yield from (file for one in between[: between.index(root) + 1] if (file := one / "conftest.py").is_file())


@lru_cache(maxsize=64)
def _steps_of(conftest: Path) -> tuple[StepFunctionContext, ...]:
    """The step definitions in a `conftest.py`, also imported ones, and in the plugin modules that it names."""
    module = _imported(conftest)
    return tuple(
        context
        for one in (module, *_plugins_of(module, conftest))
        if not one.__name__.startswith("harness.")
        for name, value in vars(one).items()
        if name.startswith(_DEFINED) and (context := step_function_context_registry.get(value.__wrapped__)) is not None
    )


def _plugins_of(module: ModuleType, conftest: Path) -> Iterator[ModuleType]:
    """The modules that a `conftest.py` names in `pytest_plugins`, imported as pytest imports them."""
    named = getattr(module, "pytest_plugins", None) or ()
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, Sequence) or not all(isinstance(one, str) for one in names):
        what = f"`pytest_plugins` is {named!r}, expected names of modules"
        raise ConfigurationError(what, where=str(conftest), hint='write `pytest_plugins = ["my_steps"]`')
    for one in names:
        name = f"_pytest.{one}" if one in builtin_plugins else one
        hint = f"correct the module, or name another one; `python -c 'import {one}'` shows the error"
        with _importing(f"`pytest_plugins` names `{one}`, which cannot be imported", conftest, hint):
            found = sys.modules.get(name) or import_module(name)
        yield found


@contextmanager
def _importing(what: str, conftest: Path, hint: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit, pytest.skip.Exception, pytest.fail.Exception) as error:
        # the plugin's seam: what a project imports may do anything, skip itself included
        raise ConfigurationError(f"{what}: {type(error).__name__}: {error}", where=str(conftest), hint=hint) from error


def _imported(conftest: Path) -> ModuleType:
    """The module of a `conftest.py`, as pytest imports it: by its dotted name in a package."""
    for module in list(sys.modules.values()):
        if (getattr(module, "__file__", None) or "") == str(conftest):
            return module
    folder, name = _place_of(conftest)
    spec = spec_from_file_location(name, conftest)
    assert spec is not None  # noqa: S101 - for the type checker: the file ends with .py
    assert spec.loader is not None  # noqa: S101 - as above
    module = module_from_spec(spec)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    before = sys.modules.get(name)
    sys.modules[name] = module  # a dataclass of it asks for the names of its own module
    try:
        with _importing(
            "the file cannot be imported", conftest, "correct the error; plain `pytest` imports the file too"
        ):
            spec.loader.exec_module(module)
    except ConfigurationError:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise
    return module


def _place_of(conftest: Path) -> tuple[Path, str]:
    """The import directory of a module, above the packages that contain it, and its dotted name there."""
    packages = list(
        takewhile(lambda one: (one / "__init__.py").is_file() and one.name.isidentifier(), conftest.parents)
    )
    if not packages:
        return conftest.parent, f"conftest_of_{conftest.parent.name}"
    return packages[-1].parent, ".".join([*(one.name for one in reversed(packages)), conftest.stem])
