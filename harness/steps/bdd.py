"""The pytest-bdd steps, made from the templates.

This is a plugin module (`pytest_plugins = ["harness.steps.bdd"]`).
Steps are executed after the run. Given and When steps therefore do nothing. A Then step passes its sentence to the fixture
`claim_results` of the harness's plugin, which raises the verdict once, at the end of the scenario.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from pytest_bdd import given, then, when
from pytest_bdd.parsers import StepParser

from harness.steps.grammar import bare
from harness.steps.meaning import Keyword
from harness.steps.template import Template
from harness.steps.templates import TEMPLATES


class ClaimResults(Protocol):
    """The interface of the fixture `claim_results`."""

    def take(self, sentence: str) -> None:
        """Report the measure of a Then sentence of this scenario."""


class TemplateParser(StepParser):
    """Matches the sentences of one template; the step function gets the complete sentence."""

    def __init__(self, template: Template) -> None:
        super().__init__(template.plain)
        self.template = template

    def is_matching(self, name: str) -> bool:
        """Whether the template matches this step."""
        return self.template.match(bare(name)) is not None

    def parse_arguments(self, name: str) -> dict[str, Any] | None:
        """The sentence as the step function's argument."""
        return {"sentence": name} if self.is_matching(name) else None


def _asked(sentence: str) -> None:
    """Given and When steps: nothing to do, since the plan has asked for it already."""


def _claimed(claim_results: ClaimResults, sentence: str) -> None:
    """Then steps: report the measure of the sentence to the scenario."""
    claim_results.take(sentence)


_STEPS: Final[dict[Keyword, tuple[Callable[..., Any], Callable[..., None]]]] = {
    Keyword.GIVEN: (given, _asked),
    Keyword.WHEN: (when, _asked),
    Keyword.THEN: (then, _claimed),
}

for _template in TEMPLATES:
    _step, _function = _STEPS[_template.keyword]
    _step(TemplateParser(_template))(_function)
