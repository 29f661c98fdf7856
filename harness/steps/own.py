"""Steps that a project defines for pytest-bdd itself, in a `conftest.py` beside its features or above them.

They are beside the harness's in one feature: pytest-bdd runs them when a scenario tells its verdict, after the run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

from pytest_bdd.steps import StepFunctionContext, StepNamePrefix, step_function_context_registry

from harness.errors import ConfigurationError

_DEFINED: Final = StepNamePrefix.step_def.value
"""How names of pytest-bdd's step definitions begin."""


def is_own_step(keyword: str, text: str, feature: Path, root: Path) -> bool:
    """Whether a `conftest.py` between the project's root and a feature file defines this step.

    Args:
        keyword: `given`, `when` or `then`.
        text: of the step, its placeholders filled in.
        feature: the file that the step is in.
        root: of the project; what the package brings has no steps of a project.

    Raises:
        ConfigurationError: a `conftest.py` cannot be imported.
    """
    return any(
        context.type in {None, keyword} and context.parser.is_matching(text)
        for conftest in _conftests(feature.resolve().parent, root.resolve())
        for context in _steps_of(conftest)
    )


def _conftests(folder: Path, root: Path) -> Iterator[Path]:
    if folder.is_relative_to(root):
        between = [folder, *folder.parents]
        yield from (file for one in between[: between.index(root) + 1] if (file := one / "conftest.py").is_file())


@lru_cache(maxsize=64)
def _steps_of(conftest: Path) -> tuple[StepFunctionContext, ...]:
    """The definitions in the file, also imported ones, and in the plugin modules that it names."""
    module = _imported(conftest)
    named = getattr(module, "pytest_plugins", ())
    plugins = [sys.modules.get(one) or import_module(one) for one in ([named] if isinstance(named, str) else named)]
    return tuple(
        context
        for one in (module, *plugins)
        if not one.__name__.startswith("harness.")
        for name, value in vars(one).items()
        if name.startswith(_DEFINED) and (context := step_function_context_registry.get(value.__wrapped__)) is not None
    )


def _imported(conftest: Path) -> ModuleType:
    """The module, as pytest has imported it; else imported as pytest would."""
    for module in list(sys.modules.values()):
        if (getattr(module, "__file__", None) or "") == str(conftest):
            return module
    spec = spec_from_file_location(f"conftest_of_{conftest.parent.name}", conftest)
    assert spec is not None  # noqa: S101 - for the type checker: the file ends with .py
    assert spec.loader is not None  # noqa: S101 - as above
    module = module_from_spec(spec)
    if str(conftest.parent) not in sys.path:
        sys.path.insert(0, str(conftest.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the plugin's seam: a conftest.py may do anything
        what = f"cannot be imported: {type(error).__name__}: {error}"
        raise ConfigurationError(what, where=str(conftest), hint="pytest imports it too; correct it first") from error
    return module
