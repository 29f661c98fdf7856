"""Collects `.feature` files directly, so that no scenario can be left out by mistake."""

from __future__ import annotations

import types
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_bdd.scenario import scenario, scenario_wrapper_template_registry
from pytest_bdd.utils import registry_get_safe

from harness.errors import ConfigurationError
from harness.steps import read_feature

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from pytest_bdd.parser import Feature, ScenarioTemplate

    from harness.model import Scenario
    from harness.pytest_plugin.settling import Settling

EXAMPLE = "_pytest_bdd_example"
"""Parameter in which pytest-bdd passes a row of Examples to the test function."""

_TEST = "test_"
"""Prefix of the names of the scenarios' test functions."""


class FeatureFile(pytest.Module):
    """One `.feature` file, collected like a test module that binds every scenario of the file."""

    root: Path
    """The root directory of the project."""

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios that claim a requirement; pytest-bdd runs the other scenarios."""
        return read_feature(self.path, self.root)

    def scenario(self, template: str, row: Mapping[str, str]) -> Scenario | None:
        """The scenario with this name, for this row of Examples."""
        return next((one for one in self.scenarios if (one.template, one.row) == (template, row)), None)

    def funcnamefilter(self, name: str) -> bool:
        """Accept every scenario as a test; `python_functions` of the project does not apply."""
        return name.startswith(_TEST)

    def _getobj(self) -> types.ModuleType:
        module = types.ModuleType(f"feature_{self.path.stem.replace('-', '_')}")
        module.__file__ = str(self.path)
        for name, test in _tests(self.path, {one.template for one in self.scenarios}):
            setattr(module, name, test)
        return module


def _tests(path: Path, claiming: Collection[str]) -> Iterator[tuple[str, Callable[..., Any]]]:
    from pytest_bdd.exceptions import GherkinParseError
    from pytest_bdd.feature import get_feature

    try:
        feature: Feature = get_feature(str(path.parent), path.name)
    except GherkinParseError as error:
        what = f"the text is not valid Gherkin: {error.message}"
        raise ConfigurationError(what, where=f"{path}:{error.line}") from error
    for number, (title, template) in enumerate(feature.scenarios.items(), start=1):
        yield f"{_TEST}{number:02d}_{_identifier(title)}", _bind(path, title, template, claims=title in claiming)


def _bind(path: Path, title: str, template: ScenarioTemplate, *, claims: bool) -> Callable[..., Any]:
    def verdict(claim_results: Settling) -> None:
        claim_results.settle()

    def own() -> None:
        """Its steps say all."""

    bound: Callable[..., Any] = scenario(path.name, title, features_base_dir=str(path.parent))(
        verdict if claims else own
    )
    bound.__doc__ = template.name
    return bound


def _identifier(title: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in title.lower())[:60].strip("_")


def bound_elsewhere(item: pytest.Item) -> tuple[Path, str] | None:
    """The feature file and the scenario that a test module binds by `scenarios()` or `@scenario`; None for other items."""
    if not isinstance(item, pytest.Function) or isinstance(item.parent, FeatureFile):
        return None
    template = registry_get_safe(scenario_wrapper_template_registry, item.function)
    return None if template is None else (Path(template.feature.filename), template.name)


def scenario_of(item: pytest.Item) -> Scenario | None:
    """The scenario of a test item; None for other items, and for a scenario that claims no requirement."""
    if not isinstance(item, pytest.Function) or not isinstance(item.parent, FeatureFile):
        return None
    callspec = getattr(item, "callspec", None)
    row: dict[str, str] = dict(callspec.params.get(EXAMPLE, {})) if callspec else {}
    return item.parent.scenario(scenario_wrapper_template_registry[item.function].name, row)
