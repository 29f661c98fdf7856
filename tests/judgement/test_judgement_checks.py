"""Facts of the live target, expected against seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import CHECK, check, evidence, measures, plan

from harness.judgement import judge
from harness.model import Check, Demand, DemandKind, Fact, Measure, Outcome, Plan

FACT = Fact(
    subject="us-east-1/api-gateway", expected="memory 512Mi", observed="memory 256Mi", ok=False, attempts=3, at_ns=1
)


def judged(*facts: Fact, why: str = "", of: Plan | None = None) -> list[Measure]:
    """The measures of the check that found these facts."""
    run = replace(
        evidence(), checks={CHECK.key: Check(demand=CHECK.key, facts=facts, why=why, files=("history/checks.ndjson",))}
    )
    return measures(judge(of or plan({"R": check()}), run))


def test_an_error_that_kept_a_fact_from_being_read_gives_the_hint() -> None:
    """It is not part of what was read."""
    why = "s3://shop/database/: status 403\n  hint: check `access_key`"
    (found,) = judged(replace(FACT, ok=None, expected="read", observed=why))
    assert found.hint == "check `access_key`"
    assert found.reason.endswith("not decided: s3://shop/database/: status 403, expected read, read 3 times")


@pytest.mark.parametrize(
    ("ok", "outcome", "reason"),
    [
        (True, Outcome.PASS, "us-east-1/api-gateway: memory 256Mi, expected memory 512Mi, read 3 times"),
        (False, Outcome.FAIL, "us-east-1/api-gateway: memory 256Mi, expected memory 512Mi, read 3 times"),
        (
            None,
            Outcome.INCONCLUSIVE,
            "us-east-1/api-gateway: not decided: memory 256Mi, expected memory 512Mi, read 3 times",
        ),
    ],
)
def test_a_fact_is_as_wanted_or_not_or_was_not_read(ok: bool | None, outcome: Outcome, reason: str) -> None:  # noqa: FBT001
    """Three ways."""
    (measure,) = judged(replace(FACT, ok=ok))
    assert (measure.outcome, measure.reason, measure.limit) == (outcome, reason, "memory 512Mi")
    assert measure.scope == {"deployment": "api-gateway", "subject": "us-east-1/api-gateway"}
    assert measure.value is None


def test_no_fact_is_never_a_pass() -> None:
    """Nothing found, kept from looking, not done."""
    assert judged()[0].reason == "deployment-size: the check found no objects on the target"
    assert judged(why="the API server refused")[0].reason == "deployment-size: the API server refused"
    named = judged(why="claims/own.py:3: `divides` raised an error\n  hint: correct the function")[0]
    assert named.reason == "deployment-size: claims/own.py:3: `divides` raised an error"
    assert named.because is not None
    assert named.because.hint == "correct the function"
    (undone,) = measures(judge(plan({"R": check()}), replace(evidence(), checks={})))
    assert (undone.outcome, undone.reason) == (Outcome.INCONCLUSIVE, "deployment-size: the check was not run")


def test_a_check_is_found_by_its_name_and_parameters() -> None:
    """A sentence about another deployment has no demand here; a demand of another kind is none."""
    other = plan({"R": check(params={"deployment": "user-service"})})
    assert judged(FACT, of=other)[0].reason == "the plan has no check 'deployment-size' for this sentence"
    traffic = Demand(kind=DemandKind.TRAFFIC, name="deployment-size")
    strange = plan({"R": check()}, demand={CHECK.key: traffic})
    assert judged(FACT, of=strange)[0].outcome is Outcome.INCONCLUSIVE
    lost = plan({"R": check()}, demand={})
    assert judged(FACT, of=lost)[0].outcome is Outcome.INCONCLUSIVE
