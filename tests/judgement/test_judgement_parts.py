"""Derived requirements are as good as the worst of their parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judgement.decisions.verdicts import parts_first, worst
from harness.model import EvidenceKind, Gate, Outcome, Requirement

OUTCOMES = list(Outcome)


def row(id_: str, *parts: str) -> Requirement:
    """A requirement, derived where it has parts."""
    kind = EvidenceKind.DERIVED if parts else EvidenceKind.LOAD
    return Requirement(
        id=id_,
        profile="shop",
        title=id_,
        criterion=f"{' and '.join(parts)} pass" if parts else "the error rate is below 1 %",
        kinds=(kind,),
        gate=Gate.MAJOR,
        environments=("sandbox",),
        source="contract",
    )


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((Outcome.PASS, Outcome.PASS), Outcome.PASS),
        ((Outcome.PASS, Outcome.WAIVED), Outcome.WAIVED),
        ((Outcome.WAIVED, Outcome.NOT_ASSESSED), Outcome.NOT_ASSESSED),
        ((Outcome.NOT_ASSESSED, Outcome.INCONCLUSIVE), Outcome.INCONCLUSIVE),
        ((Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.WAIVED), Outcome.FAIL),
        ((), Outcome.INCONCLUSIVE),
    ],
)
def test_the_worst_of_the_parts(outcomes: tuple[Outcome, ...], expected: Outcome) -> None:
    """FAIL, INCONCLUSIVE, NOT ASSESSED, WAIVED, PASS."""
    assert worst(outcomes) is expected


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1))
def test_one_more_part_never_makes_it_better(outcomes: list[Outcome]) -> None:
    """No average: a part can only lower it."""
    order = [Outcome.PASS, Outcome.WAIVED, Outcome.NOT_ASSESSED, Outcome.INCONCLUSIVE, Outcome.FAIL]
    assert order.index(worst(outcomes)) >= max(order.index(one) for one in outcomes[:-1] or outcomes)


def test_parts_are_judged_first() -> None:
    """Whatever order the catalogue has; a circle comes last and hangs nothing."""
    rows = [row("A-1", "B-1", "C-1"), row("B-1", "C-1"), row("C-1"), row("X-1", "Y-1"), row("Y-1", "X-1")]
    assert [one.id for one in parts_first(rows)] == ["C-1", "B-1", "A-1", "X-1", "Y-1"]


def test_the_parts_of_a_criterion() -> None:
    """Commas, `and`, and no trailing interpretation."""
    assert row("A-1", "B-1", "C-1").parts == ("B-1", "C-1")
    assert row("A-1").parts == ()
