"""A scenario is known by file and title; its line is for people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.model import Scenario
from tests.builders.scenarios import scenario

QUICK = scenario("p95: of every route", file="features/normaldance/technical-kpis.feature", line=12)
ROW = replace(QUICK, row={"requirement": "ND-ARCH-USER", "service": "user-service"})


def test_the_id_has_no_line() -> None:
    """Names may hold colons."""
    assert QUICK.id == replace(QUICK, line=99).id == "features/normaldance/technical-kpis.feature: p95: of every route"
    assert QUICK.location == "features/normaldance/technical-kpis.feature:12: p95: of every route"
    assert (QUICK.folders, QUICK.feature) == (("features", "normaldance"), "technical-kpis")


def test_a_row_of_examples_is_told_by_its_cells() -> None:
    """Two rows of one Outline differ in nothing else."""
    assert ROW.title == "p95: of every route [ND-ARCH-USER, user-service]"


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (QUICK, ()),
        (replace(QUICK, tags=("ND-KPI-P95", "slow", "wip-1")), ("ND-KPI-P95",)),
        (ROW, ("ND-ARCH-USER",)),
        (replace(ROW, tags=("ND-KPI-P95",)), ("ND-ARCH-USER", "ND-KPI-P95")),
        (replace(ROW, tags=("ND-ARCH-USER",)), ("ND-ARCH-USER",)),
    ],
)
def test_requirements_are_named_by_tag_or_column(given: Scenario, ids: tuple[str, ...]) -> None:
    """A tag of another form names none; whoever names two names both."""
    assert given.requirements == ids


def test_other_places_say_the_same_and_other_sentences_do_not() -> None:
    """A replay judges what the run recorded."""
    one = scenario("a", "then: the error rate is below 1 %")
    assert one.says(scenario("a", "then: the error rate is below 1 %", file="b.feature"))
    assert not one.says(scenario("a", "then: the error rate is below 2 %"))
