"""A claim is a sentence on the function that reads it; one that cannot be used is refused with its file and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.drivers.claim import FactClaim, claim, claims_of
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static import CLAIMS, ENGINES, registers
from harness.errors import ConfigurationError
from harness.model import DemandKind
from harness.steps.grammar import read
from harness.steps.templates import OWN, require_apart, template_of


def shelf_labels(_asked: Asked) -> Sequence[FactReading]:
    """Each shelf has a label."""
    return [FactReading(subject="shelf", expected="a label", observed="one", ok=True)]


def undescribed(_asked: Asked) -> Sequence[FactReading]:  # noqa: D103 - what is tested
    return []


def made(**given: Any) -> FactClaim:
    """A claim about shelves, with what is given in place of its own."""
    [one, *_] = [each for each in CLAIMS if each.check == "register"]
    own: dict[str, Any] = {
        "name": "shelf-labels",
        "text": "every shelf is",
        "example": "every shelf is",
        "where": "f.py:3",
    }
    return replace(one, **{**own, **given})


def test_a_claim_becomes_a_sentence_a_demand_and_its_needs() -> None:
    """Nothing else names the function."""
    objective = read(
        "the chart renders and contains Chart.yaml, values.yaml, the 9 named templates and the 2 named subcharts"
    ).objective
    assert objective is not None
    assert (objective.check, objective.demand, objective.params) == (
        "chart-parts",
        DemandKind.STATIC,
        {"templates": "9", "subcharts": "2"},
    )
    assert ENGINES["chart-parts"].needs == ("files.chart",)


def test_a_function_may_have_several_sentences() -> None:
    """In the order in which they stand; the words of one may fix a parameter."""
    assert [(one.name, dict(one.fixed)) for one in claims_of(registers)] == [
        ("register-names", {}),
        ("register-pattern", {"entry": "integration's configuration", "names": "pattern"}),
    ]


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        ((), "needs no key of the target file"),
        (("files.shelves",), "needs the unknown key `files.shelves`"),
        (("chart",), "needs the unknown key `chart`"),
    ],
)
def test_a_claim_without_a_need_it_reads_is_refused(needs: tuple[str, ...], why: str) -> None:
    """With the file and line of the function."""
    with pytest.raises(ConfigurationError, match=why) as raised:
        claim("every shelf has a label", needs=needs, example="every shelf has a label")(shelf_labels)
    assert raised.value.where == f"{__file__}:{shelf_labels.__code__.co_firstlineno}"


def test_a_claim_that_does_not_say_what_it_reads_is_refused() -> None:
    """Its docstring is what people are told."""
    with pytest.raises(ConfigurationError, match="no docstring"):
        claim("every shelf is", needs=("files.chart",), example="every shelf is")(undescribed)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"text": "the README<w:workload>", "example": CLAIMS[0].example}, "is not read by its own"),
        ({"text": CLAIMS[0].text, "example": CLAIMS[0].example}, "two sentences read"),
        ({"name": CLAIMS[0].name}, "two sentences are named"),
    ],
)
def test_a_claim_that_another_sentence_says_is_refused(given: dict[str, object], why: str) -> None:
    """With its file and line: its words, its example or its name are another's."""
    one = made(**given)
    others = OWN if "is not read" not in why else ()
    with pytest.raises(ConfigurationError, match=why) as raised:
        require_apart([one], (*others, template_of(one)))
    assert raised.value.where == "f.py:3"
