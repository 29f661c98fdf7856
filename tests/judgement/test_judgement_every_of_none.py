"""A claim of every one, over none or over a part: it never passes, whichever sentence makes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from judgement_builders import evidence, plan, requirement

from harness.judgement.judging import decided
from harness.model import Check, Claim, Evidence, Fact, Ledger, Objective, Outcome
from harness.steps import TEMPLATES
from harness.steps.grammar import demands_of, read
from harness.steps.meaning import Keyword
from tests.builders.scenarios import scenario

OF_OTHER_NOUNS: Final = (
    'at least 1 test for every name of the register "workflows" passed in staging and none failed',
    "every boundary in the register names at least one scenario that exists",
    "every integration names at least one contract test that ran in the last pipeline",
    "every integration's configuration names one of the five patterns",
    "no rollback starts after 2 min of the new release's error rate above 5 % nor after 6 min at 3 %",
    "no rollback starts after 8 min of one new pod above 80 % of its limit nor after 20 min at 75 %",
    "the error rate is below 0.1 % while one pod of each service is killed in turn",
    "the error rate of routes that do not need a service is below 1 % while it is gone, each in turn",
    "the replication lag p99 of every replica is below 10 s in the steady state",
    "the response time p95 of every database query is below 500 ms in the steady state",
)
"""Of sentences that take more nouns than the one of their example."""
OF_EVERY: Final = sorted(
    {
        *OF_OTHER_NOUNS,
        *(
            template.example
            for template in (one for every in TEMPLATES for one in every.each)
            if template.keyword is Keyword.THEN and re.search(r"\b(?:every|each|all|both|none|no)\b", template.text)
        ),
    }
)
ONE: Final = Fact(subject="one", expected="x", observed="x", ok=True, attempts=1, at_ns=1)


def asked(sentence: str) -> tuple[Objective, Claim, tuple[str, ...]]:
    """The objective of a sentence, the claim that makes it, and the keys of its demands."""
    objective = read(sentence).objective
    assert objective is not None
    keys = tuple(one.key for one in demands_of(objective))
    return objective, Claim(scenario=scenario("R"), requirement="R", objectives=(objective,), demands=keys), keys


def outcome(sentence: str, made: Callable[[tuple[str, ...]], Evidence]) -> Outcome:
    """What becomes of a row with this sentence."""
    objective, claim, keys = asked(sentence)
    known = plan({"R": objective})
    known = replace(
        known,
        claims=(claim,),
        requirements=(requirement("R"),),
        demand={**known.demand, **{one.key: one for one in demands_of(objective)}},
    )
    (verdict,) = decided(known, made(keys)).verdicts
    return verdict.outcome


def checked(keys: tuple[str, ...], *facts: Fact) -> Evidence:
    """A healthy run in which each check found these facts."""
    return replace(evidence(), checks={key: Check(demand=key, facts=facts) for key in keys})


def nothing(_keys: tuple[str, ...]) -> Evidence:
    """A run that recorded nothing."""
    return Evidence()


def of_none(keys: tuple[str, ...]) -> Evidence:
    """A run whose checks found none of what they speak of."""
    return replace(checked(keys), windows={}, ledger=Ledger())


def of_a_part(keys: tuple[str, ...]) -> Evidence:
    """A run whose checks found one as expected, and could not read another one."""
    run = checked(keys, ONE, replace(ONE, subject="another", observed="no answer", ok=None))
    return replace(run, windows={}, ledger=Ledger())


def test_a_claim_of_every_one_does_not_pass_over_none_or_a_part(subtests: pytest.Subtests) -> None:
    """Nothing was recorded, the set is empty, or one of it is not known."""
    for made in [nothing, of_none, of_a_part]:
        for sentence in OF_EVERY:
            with subtests.test(sentence, made=made.__name__):
                assert outcome(sentence, made) is not Outcome.PASS


def test_the_same_claims_pass_where_all_of_it_is_known() -> None:
    """Else the walk would prove nothing: it is over many sentences, and those on checks pass over one fact that is as expected."""
    passed = [each for each in OF_EVERY if outcome(each, lambda keys: checked(keys, ONE)) is Outcome.PASS]
    assert len(OF_EVERY) > 100
    assert len(passed) > 50
