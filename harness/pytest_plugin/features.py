"""`.feature` files are collected directly, so none can be left unbound and pass unseen."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pytest_bdd.scenario import scenario, scenario_wrapper_template_registry

from harness.errors import ConfigurationError
from harness.run.project import bundled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_bdd.parser import Feature, ScenarioTemplate

    from harness.pytest_plugin.settling import Settling

EXAMPLE = "_pytest_bdd_example"
"""The parameter under which pytest-bdd hands a row of Examples to the test function."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A scenario as it is written, its row of Examples filled in.

    Attributes:
        location: `features/core/kpi.feature:12: name`, the row's cells behind the name of an Outline.
        at: `features/core/kpi.feature:12`, of the scenario.
        tags: without `@`, of scenario, rule and feature.
        example: the row; empty where there is none.
        steps: (keyword `given|when|then`, text, `file:line`).
    """

    location: str
    at: str
    tags: frozenset[str]
    example: dict[str, str]
    steps: tuple[tuple[str, str, str], ...]


class FeatureFile(pytest.Module):
    """One `.feature` file, as if a test module had bound every scenario of it."""

    def _getobj(self) -> types.ModuleType:
        module = types.ModuleType(f"feature_{self.path.stem.replace('-', '_')}")
        module.__file__ = str(self.path)
        for name, test in _tests(self.path):
            setattr(module, name, test)
        return module


def _tests(path: Path) -> Iterator[tuple[str, Callable[..., Any]]]:
    from pytest_bdd.exceptions import GherkinParseError
    from pytest_bdd.feature import get_feature

    try:
        feature: Feature = get_feature(str(path.parent), path.name)
    except GherkinParseError as error:
        raise ConfigurationError(f"is no Gherkin: {error.message}", where=f"{path}:{error.line}") from error
    for number, (title, template) in enumerate(feature.scenarios.items(), start=1):
        yield f"test_{number:02d}_{_identifier(title)}", _bind(path, title, template)


def _bind(path: Path, title: str, template: ScenarioTemplate) -> Callable[..., Any]:
    @scenario(path.name, title, features_base_dir=str(path.parent))
    def verdict(claim_results: Settling) -> None:
        claim_results.settle()

    verdict.__doc__ = template.name
    return verdict


def _identifier(title: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in title.lower())[:60].strip("_")


def place(path: Path, root: Path) -> str:
    """A feature file as plans and messages name it: relative to the project, or to what the package brings.

    So a run that was recorded on one machine names the scenarios of another.
    """
    for base in (root, bundled("features").parent):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()


def written(item: pytest.Item, root: Path) -> Written | None:
    """The scenario behind a test item; None for an item that is none."""
    if not isinstance(item, pytest.Function) or not isinstance(item.parent, FeatureFile):
        return None
    template = scenario_wrapper_template_registry[item.function]
    callspec = getattr(item, "callspec", None)
    example: dict[str, str] = dict(callspec.params.get(EXAMPLE, {})) if callspec else {}
    filled = template.render(example)
    file = place(item.path, root)
    at = f"{file}:{template.line_number}"
    name = filled.name if not example else f"{filled.name} [{', '.join(example.values())}]"
    rule_tags = set() if template.rule is None else template.rule.tags
    return Written(
        location=f"{at}: {name}",
        at=at,
        tags=frozenset(template.tags | template.feature.tags | rule_tags),
        example=example,
        steps=tuple((step.type, step.name, f"{file}:{step.line_number}") for step in filled.steps),
    )
