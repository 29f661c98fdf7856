"""What the documents contradict is data, and one rule finds it: values that agree are no contradiction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.catalogue import Contradiction, Relation, holds, lint, load_catalogue
from harness.catalogue.contradictions import Value
from harness.errors import ConfigurationError

CATALOGUE = load_catalogue()
CONTRADICTIONS = CATALOGUE.contradictions
AGREEING = {
    Relation.WITHIN_BUDGET: "0 %",
    Relation.DISJOINT: "something else",
}
"""A left value that holds whatever the right is; for the other relations it is made of the right."""

OWN = """\
contradictions:
  - id: 85
    finding: the shop promises what the contract does not
    left: {what: delivery by the shop, value: 24 h, document: shop, section: Delivery, quotes: [within a day]}
    relation: at most
    right: {what: delivery by the contract, value: 12 h, document: contract, section: Terms, quotes: [half a day]}
"""


def agreed(one: Contradiction) -> Contradiction:
    """The same with a left value that agrees with the right one."""
    right = one.right.value
    value: Value
    match one.relation:
        case Relation.BELOW if isinstance(right, int | float):
            value = right - 1
        case Relation.BELOW | Relation.AT_MOST_HALF:
            value = "1 ms"
        case Relation.WITHIN_BUDGET | Relation.DISJOINT:
            value = AGREEING[one.relation]
        case _:
            value = right
    return replace(one, left=replace(one.left, value=value))


def test_values_that_agree_are_no_contradiction(subtests: pytest.Subtests) -> None:
    """Change a value and its finding goes; the others are still found."""
    for one in CONTRADICTIONS:
        with subtests.test(str(one.id)):
            changed = [agreed(one) if each is one else each for each in CONTRADICTIONS]
            (problem,) = lint(replace(CATALOGUE, contradictions=tuple(changed)))
            assert problem.what.startswith(f"contradiction {one.id} is resolved: ")
            assert (problem.at, " not " in problem.what.rpartition("is resolved: ")[2]) == (one.at, False)


def test_what_no_document_states_is_marked() -> None:
    """Seven rest on a fact of their own, and it is named."""
    inferred = [entry.id for entry in CONTRADICTIONS if entry.left.inferred or entry.right.inferred]
    assert inferred == [12, 20, 26, 29, 35, 40, 52]
    assert "inferred: light in fibre needs about 150 ms" in str(CONTRADICTIONS[39].left)


def test_a_contradiction_says_both_places_and_what_does_not_hold() -> None:
    """A document, a heading, a value on each side."""
    first = CONTRADICTIONS[0]
    assert (first.documents, first.comparison) == (("003",), "24 h is not equal to 1 h")
    assert str(first.left) == "interval of the backup script: 24 h (003, Автоматизированные бэкапы)"
    assert CONTRADICTIONS[12].comparison.endswith("data pipeline SLA is not contained in error rate")
    assert {document for entry in CONTRADICTIONS for document in entry.documents} == {"000", "001", "002", "003", "004"}


lengths = st.tuples(st.integers(0, 10_000), st.sampled_from(["ms", "s", "min", "h"])).map(lambda x: f"{x[0]} {x[1]}")
names = st.text(alphabet="abcdef", min_size=1, max_size=3)
lists = st.lists(names, max_size=4).map(tuple)
SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


def seconds(length: str) -> float:
    """By hand, not by the code that is tested."""
    number, unit = length.split()
    return int(number) * SECONDS[unit]


@given(lengths, lengths)
def test_lengths_compare_by_what_they_are_not_how_they_are_written(left: str, right: str) -> None:
    """60 s is equal to 1 min."""
    first, second = seconds(left), seconds(right)
    assert holds(left, Relation.EQUAL, right) == (abs(first - second) < 1e-9)
    assert holds(left, Relation.AT_MOST, right) == (first <= second + 1e-9)
    assert holds(left, Relation.AT_LEAST, right) == (first >= second - 1e-9)
    assert holds(left, Relation.BELOW, right) == (first < second - 1e-9)
    assert holds(left, Relation.AT_MOST_HALF, right) == (first <= second / 2 + 1e-9)


@given(st.one_of(lengths, names, lists, st.integers(-9, 9), st.dates().map(str)), st.text(min_size=1))
def test_whatever_is_made_equal_is_no_contradiction(value: Value, what: str) -> None:
    """However the values are called, and in whatever case or spacing they are written."""
    first = CONTRADICTIONS[0]
    same = f" {value.upper()} " if isinstance(value, str) and value.isalpha() else value
    agreeing = replace(first, left=replace(first.left, what=what, value=same), right=replace(first.right, value=value))
    assert not agreeing.stands
    assert agreeing.comparison.count(" is equal to ") == 1


@given(lists, lists)
def test_lists_compare_as_sets(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    """Neither order nor repetition matters."""
    assert holds(left, Relation.CONTAINS, right) == (set(left) >= set(right))
    assert holds(left, Relation.DISJOINT, right) == (not set(left) & set(right))
    assert holds(left, Relation.EQUAL, right) == (set(left) == set(right))


@given(st.sampled_from([Relation.AT_MOST, Relation.AT_LEAST, Relation.BELOW, Relation.AT_MOST_HALF]))
def test_what_does_not_compare_holds_no_order(relation: Relation) -> None:
    """A share and a size, a number and a word, a date and a length of time."""
    assert not holds("80 %", relation, "300 MB")
    assert not holds(3, relation, "three")
    assert not holds("2025-06-30", relation, "3 h")


@pytest.mark.parametrize(
    ("lost", "available", "within"),
    [
        ("43 min", "99.9 %", True),
        ("44 min", "99.9 %", False),
        ("0.1 %", "99.9 %", True),
        ("0.11 %", "99.9 %", False),
        ("1 s", "4 h", False),
        ("three", "99 %", False),
    ],
)
def test_a_budget_is_what_an_availability_leaves_of_30_days(lost: str, available: str, *, within: bool) -> None:
    """43.2 min of 99.9 %."""
    assert holds(lost, Relation.WITHIN_BUDGET, available) is within


@pytest.mark.parametrize(("value", "stands"), [("24 h", True), ("12 h", False), ("720 min", False), ("13 h", True)])
def test_a_project_has_contradictions_of_its_own(tmp_path: Path, value: str, *, stands: bool) -> None:
    """The same rule reads them; one that no longer stands is a problem with file and line."""
    file = tmp_path / "own.yaml"
    file.write_text(OWN.replace("24 h", value), encoding="utf-8")
    problems = [str(problem) for problem in lint(load_catalogue([file]))]
    assert len(problems) == (not stands)
    for problem in problems:
        assert problem.startswith(f"{file}:2: contradiction 85 is resolved: {value} is at most 12 h")


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        (
            "relation: at most",
            "relation: under",
            "5: contradictions[0].relation",
            "`under` is not one of equal, at most",
        ),
        ("value: 12 h", "value: {}", "6: contradictions[0].right.value", "is not"),
    ],
)
def test_a_wrong_entry_is_refused_with_line_and_key(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    """As every other file of the catalogue."""
    file = tmp_path / "own.yaml"
    file.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue([file])
    assert caught.value.where == f"{file}:{where}"
    assert what in caught.value.what
