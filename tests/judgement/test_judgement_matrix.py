"""A matrix of facts is one measure: how many are not as expected, what they cover, and the first of them by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import CHECK, check, evidence, plan

from harness.judgement import judge
from harness.model import Check, Evidence, Fact, FactTable, Outcome


def fact(number: int, *, ok: bool | None = True) -> Fact:
    """A call that was refused, or not, or got no answer."""
    seen = {True: "refused", False: "200", None: "no answer"}[ok]
    return Fact(subject=f"call {number}", expected="refused", observed=seen, ok=ok, attempts=1, at_ns=number)


FACTS = tuple(fact(number, ok={7: False, 9: None}.get(number, True)) for number in range(1, 151))


def with_matrix(facts: tuple[Fact, ...], covered: int) -> Evidence:
    """The healthy run with a matrix in the place of its check."""
    found = Check(demand=CHECK.key, facts=(), matrix=FactTable.made(facts, covered, 61))
    return replace(evidence(), checks={CHECK.key: found})


@pytest.mark.parametrize(
    ("facts", "covered", "outcome", "reason"),
    [
        (FACTS[:6], 61, Outcome.PASS, "0 of 6 facts are not as expected (61 of 61 cases have a fact)"),
        (FACTS[:6], 60, Outcome.INCONCLUSIVE, "0 of 6 facts are not as expected (60 of 61 cases have a fact)"),
        (
            FACTS[:9],
            61,
            Outcome.FAIL,
            "1 of 9 facts are not as expected, 1 could not be read (61 of 61 cases have a fact): call 7: 200, expected refused; call 9",
        ),
        (
            FACTS[8:12],
            61,
            Outcome.INCONCLUSIVE,
            "0 of 4 facts are not as expected, 1 could not be read (61 of 61 cases have a fact)",
        ),
        ((), 61, Outcome.INCONCLUSIVE, "0 of 0 facts are not as expected (61 of 61 cases have a fact)"),
    ],
)
def test_a_matrix_is_one_measure(facts: tuple[Fact, ...], covered: int, outcome: Outcome, reason: str) -> None:
    """One fact that is not as expected fails it; what was not read, or not covered, leaves it open."""
    (verdict,) = judge(plan({"R": check()}), with_matrix(facts, covered)).verdicts
    (claim,) = verdict.claims
    ((measure,),) = claim.measures
    assert (measure.outcome, measure.n) == (outcome, len(facts))
    assert measure.reason.startswith(reason)


def test_of_many_failures_the_first_ten_are_named() -> None:
    """There may be thousands."""
    facts = tuple(fact(number, ok=False) for number in range(1, 1285))
    (verdict,) = judge(plan({"R": check()}), with_matrix(facts, 61)).verdicts
    reason = verdict.claims[0].measures[0][0].reason
    assert reason.startswith("1 284 of 1 284 facts are not as expected (61 of 61 cases have a fact): call 1: 200")
    assert "call 10: 200" in reason
    assert "call 11:" not in reason
