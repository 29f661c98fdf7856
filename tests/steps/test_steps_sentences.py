"""The sentence in the spec of a figure: its template, its objective, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import ConfigurationError
from harness.judgement.figures import FIGURES, FigureSentence
from harness.model import Figure, Objective, Op, Per, Phase, Quantity
from harness.steps.sentences import templates_of_figures
from harness.steps.template import Template

SENTENCE = FigureSentence(
    text="the share of requests <over:period> late is below <limit:ratio>[ in region <region>]",
    example="the share of requests 2 min late is below 1 % in region eu-west-1",
    op=Op.BELOW,
    name="late",
    per=Per.ROUTE,
    subject="<region>",
    params={"of": "users"},
)


def template_of(sentence: FigureSentence, figure: Figure = Figure.UPTIME) -> Template:
    """The template of a sentence in the spec of a figure."""
    (found,) = templates_of_figures([(sentence, FIGURES[figure], "claims/late.py:3")])
    return found.template


def objective_of(template: Template, text: str) -> Objective:
    """What the sentence means."""
    values = template.match(text)
    assert values is not None
    found = template.mean(values).objective
    assert found is not None
    return found


def test_a_slot_that_an_objective_has_no_field_for_is_a_parameter() -> None:
    """Of a length of time the objective also has the time, scaled as the type of the slot says."""
    found = objective_of(template_of(SENTENCE), SENTENCE.example)
    assert (found.figure, found.op, str(found.limit), found.scope.per) == (Figure.UPTIME, Op.BELOW, "1 %", Per.ROUTE)
    assert (found.scope.subject, found.scope.phase) == ("eu-west-1", Phase.STEADY)
    assert found.params == {"of": "users", "over": "2 min"}
    assert found.times == {"over": Quantity.parse("2 min", scaled=True)}


@pytest.mark.parametrize(("figure", "phase"), [(Figure.ERROR_RATE, Phase.STEADY), (Figure.FIRST_REQUEST, Phase.FAULT)])
def test_without_a_phase_a_figure_is_of_the_steady_state_or_of_the_only_one_it_has(
    figure: Figure, phase: Phase
) -> None:
    """A sentence that names a phase is of that phase."""
    plain = FigureSentence(text="it is below <limit:ratio>[ <phase>]", example="it is below 1 %", op=Op.BELOW)
    template = template_of(plain, figure)
    assert objective_of(template, "it is below 1 %").scope.phase is phase
    assert objective_of(template, "it is below 1 % after the recovery").scope.phase is Phase.RECOVERED


def test_what_is_measured_is_said_by_the_judge_where_the_sentence_does_not() -> None:
    """The first paragraph of its docstring; the name is that of the figure."""
    found = template_of(replace(SENTENCE, name=""), Figure.DELIVERED)
    assert found.name == "share-of-delivered-events"
    assert found.about.startswith("One measure")
    assert template_of(replace(SENTENCE, about="Late ones.")).about == "Late ones."


@pytest.mark.parametrize(
    ("sentence", "what"),
    [
        (replace(SENTENCE, text="requests are late"), "'requests are late' lacks a limit, and its `op` is `is below`"),
        (replace(SENTENCE, op=Op.HOLDS), "has a limit, and its `op` is `holds`"),
        (replace(SENTENCE, text="<limit:promille> are late"), "the slot type 'promille' is unknown"),
    ],
)
def test_what_cannot_be_a_sentence_is_refused_with_its_place(sentence: FigureSentence, what: str) -> None:
    """File and line of the value."""
    with pytest.raises(ConfigurationError) as caught:
        template_of(sentence)
    assert what in caught.value.what
    assert (caught.value.where, bool(caught.value.hint)) == ("claims/late.py:3", True)
