"""A claim is a sentence on the function that reads it; one that cannot be used is refused with its file and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.drivers.claim import FactClaim, claim, keys_of
from harness.drivers.facts import FactReading
from harness.drivers.ingest.registry import CLAIMS as OF_REPORTS
from harness.drivers.ingest.registry import ENGINES as READERS
from harness.drivers.paper import Asked
from harness.drivers.static.registry import CLAIMS, ENGINES
from harness.errors import ConfigurationError
from harness.model import DemandKind
from harness.steps import explain
from harness.steps.grammar import read
from harness.steps.templates import CLAIMS as OF_ALL
from harness.steps.templates import OWN, require_apart, template_of


def shelf_labels(_asked: Asked) -> Sequence[FactReading]:
    """Each shelf has a label."""
    return [FactReading(subject="shelf", expected="a label", observed="one", ok=True)]


def undescribed(_asked: Asked) -> Sequence[FactReading]:  # noqa: D103 - what is tested
    return []


def made(check: str, /, **given: Any) -> FactClaim:
    """A claim about shelves, with what is given in place of its own; for the rest that of that function."""
    [one, *_] = [each for each in (*CLAIMS, *OF_REPORTS) if each.check == check]
    own: dict[str, Any] = {
        "name": "shelf-labels",
        "text": "every shelf is",
        "example": "every shelf is",
        "where": "f.py:3",
    }
    return replace(one, **{**own, **given})


def test_a_claim_is_read_where_its_function_is() -> None:
    """The first need says who reads it: the driver of the platform's files, or that of reports."""
    assert {one.kind for one in CLAIMS} == {DemandKind.STATIC}
    assert {one.kind for one in OF_REPORTS} == {DemandKind.INGEST}


def test_needs_end_in_what_the_sentence_names() -> None:
    """One whose parameter the sentence leaves out is not needed; a length of time keeps the name of its slot."""
    assert ENGINES["chart-parts"].needs == ("files.chart",)
    assert READERS["jobs-succeeded"].needs == ("evidence.workflow-run.<report>", "files.registers.<register>")
    needs = READERS["findings-open"].needs
    assert [*keys_of(needs, {"report": "scan"})] == ["evidence.sarif.scan"]
    assert [*keys_of(needs, {"report": "scan", "register": "x"})] == ["evidence.sarif.scan", "files.registers"]
    assert [*keys_of(("files.chart", "files.registers"), {})] == ["files.chart", "files.registers"]
    aged = read("every job concluded with success, younger than 7 d").objective
    assert aged is not None
    assert (aged.params, [*aged.times]) == ({"age": "7 d"}, ["age"])


@pytest.mark.parametrize(
    ("entry", "names", "keys"),
    [
        ("boundary", "its encryption", []),
        ("boundary", "its encryption and at least one scenario that exists", ["files.scenarios"]),
        ("integration", "at least one contract test that ran in the last pipeline", ["evidence.junit.contract"]),
    ],
)
def test_the_values_of_slots_may_need_further_keys(entry: str, names: str, keys: list[str]) -> None:
    """Where the things are that a register refers to."""
    assert [*ENGINES["register"].keys({"entry": entry, "names": names})] == ["files.registers", *keys]
    sentence = f"every {entry} names {names}"
    assert explain(sentence).needs[1:] == tuple(f"`{key}` of the target file" for key in ("files.registers", *keys))


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        ((), "needs no key of the target file"),
        (("files.shelves",), "needs the unknown key `files.shelves`"),
        (("chart",), "needs the unknown key `chart`"),
        (("evidence.shelves.<report>",), "needs the unknown key `evidence.shelves.<report>`"),
        (("evidence.junit.<report>", "files.shelves"), "needs the unknown key `files.shelves`"),
        (("evidence.junit.<report>", "evidence.records.<record>"), "its sentence has no slot <record>"),
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


def test_a_claim_that_another_sentence_says_is_refused(subtests: pytest.Subtests) -> None:
    """With its file and line: its words, its example or its name are another's."""
    for given, why in [
        ({"text": "the README<w:workload>", "example": CLAIMS[0].example}, "is not read by its own"),
        ({"text": OF_REPORTS[0].text, "example": OF_REPORTS[0].example}, "two sentences read"),
        ({"name": OF_REPORTS[0].name}, "two sentences are named"),
        ({"text": CLAIMS[0].text, "example": CLAIMS[0].example}, "two sentences read"),
        ({"name": CLAIMS[0].name}, "two sentences are named"),
    ]:
        for check in ["register", "tests-passed"]:
            with subtests.test(given=given, check=check):
                one = made(check, **given)
                others = OWN if "is not read" not in why else ()
                with pytest.raises(ConfigurationError, match=why) as raised:
                    require_apart([one], (*others, template_of(one)))
                assert raised.value.where == "f.py:3"


def test_no_two_sentences_of_the_harness_say_the_same() -> None:
    """Of every claim: no other sentence reads its example or has its name, and its own does."""
    require_apart(OF_ALL, [one for template in OWN for one in template.each])
