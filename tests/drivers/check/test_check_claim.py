"""A check's claim is its sentence, its needs and its time; one that cannot be used is refused with its file and line."""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

import pytest

from harness.drivers.check.claim import CheckClaim, When, checks_of, claim
from harness.drivers.check.needs import API
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe
from harness.errors import ConfigurationError, UsageError
from harness.model import DemandKind
from harness.steps.grammar import read
from harness.steps.templates import templates_of
from harness.targets import Target


def shelf_labels(_target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Each shelf has a label."""
    return list


def claimed(*claims: Mapping[str, Any]) -> tuple[CheckClaim, ...]:
    """What these claims put on a function of that name."""
    function: Any = FunctionType(shelf_labels.__code__, globals(), shelf_labels.__name__)
    function.__doc__, function.__module__ = shelf_labels.__doc__, __name__
    for one in claims:
        claim("every shelf has a label", example="every shelf has a label", **one)(function)
    found: tuple[CheckClaim, ...] = function.__claims__
    return found


def test_the_check_and_its_plan_are_made_from_the_claim() -> None:
    """Its name is that of the function; what the claim leaves out is usual."""
    [one] = claimed({"needs": (API,), "when": When.AFTER_TRAFFIC, "touches": ("entry",)})
    check = checks_of([one])["shelf-labels"]
    assert (one.kind, one.check, one.name, one.about) == (
        DemandKind.CHECK,
        "shelf-labels",
        "shelf-labels",
        "Each shelf has a label.",
    )
    assert (check.needs, check.when, check.touches, check.consent) == ((API,), When.AFTER_TRAFFIC, ("entry",), "")


def test_one_of_the_sentences_of_a_function_has_its_needs() -> None:
    """The others have words only, and may say otherwise what is read."""
    both = claimed({"name": "again", "about": "The same."}, {"needs": (API,)})
    assert [(one.name, one.about) for one in both] == [
        ("shelf-labels", "Each shelf has a label."),
        ("again", "The same."),
    ]
    assert checks_of(both).keys() == {"shelf-labels"}


def test_claims_that_share_a_form_are_one_sentence_with_a_noun_each() -> None:
    """Each is read for its own noun, whose slots are parameters too; the others are refused with the nearest one."""
    form = SentenceForm("labelled", "<things:noun> has a label of <size:size>", "The labels.")
    function: Any = FunctionType(shelf_labels.__code__, globals(), shelf_labels.__name__)
    function.__doc__, function.__module__ = "Each has a label.", __name__
    claim(form, "every box", name="boxes", about="The boxes.", example="every box has a label of 1 MB")(function)
    claim(form, 'shelf "<shelf:name>"', example='shelf "a" has a label of 1 MB', needs=(API,))(function)
    [one] = templates_of(function.__claims__)
    assert (one.name, one.plain, one.about) == ("labelled", "<things> has a label of <size>", "The labels.")
    assert one.slots["things"].about == 'one of: shelf "<shelf>", every box'
    assert [each.about for each in one.each] == ["Each has a label.", "The boxes."]
    read_of = [
        read(text, templates=[one]) for text in ('shelf "b" has a label of 2 kB', "every box has a label of 3 kB")
    ]
    assert [each.template is one for each in read_of] == [True, True]
    assert [dict(each.objective.params) for each in read_of if each.objective] == [
        {"shelf": "b", "size": "2 kB"},
        {"size": "3 kB"},
    ]
    with pytest.raises(UsageError) as raised:
        read("every bx has a label of 3 kB", templates=[one])
    assert "every box has a label of 1 MB" in raised.value.hint


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ([{}], "no claim says what `shelf-labels` needs"),
        ([{"needs": (API,)}, {"needs": (API,), "name": "again"}], "two claims say what `shelf-labels` needs"),
        ([{"consent": "shelves"}], "a claim without `needs` says more than words"),
        ([{"when": When.BESIDE_USERS}], "a claim without `needs` says more than words"),
    ],
)
def test_a_check_without_one_claim_of_its_needs_is_refused(claims: list[Mapping[str, Any]], why: str) -> None:
    """With the file and line of the function."""
    with pytest.raises(ConfigurationError, match=why) as raised:
        checks_of(claimed(*claims))
    assert raised.value.where == f"{__file__}:{shelf_labels.__code__.co_firstlineno}"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"needs": ("entry",)}, r"`needs` is \('entry',\), a tuple of RequiredKey was expected"),
        ({"needs": API}, "a tuple of RequiredKey was expected"),
        (
            {"needs": (API,), "when": "after traffic"},
            "`when` is 'after traffic', one of When.BEFORE, When.UNDER_TRAFFIC, ",
        ),
        ({"needs": (API,), "touches": "entry"}, "`touches` is 'entry', a tuple of names was expected"),
    ],
)
def test_an_argument_of_another_type_is_refused_with_what_to_write(given: dict[str, Any], why: str) -> None:
    """A module of a project is not type checked: a text for `when` would be the wrong time, one for `touches` five parts of one letter."""
    with pytest.raises(ConfigurationError, match=why) as raised:
        claimed(given)
    assert raised.value.where == f"{__file__}:{shelf_labels.__code__.co_firstlineno}"
    assert raised.value.hint
