"""Exit codes of a filtered run: 0 says that everything that was selected is in order, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import Exit
from harness.judgement import judge
from harness.model import DecisionOutcome, Outcome
from harness.run.deciding import exit_of
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.PASS], Exit.GO),
        ([Outcome.PASS, Outcome.WAIVED], Exit.GO),
        ([Outcome.WAIVED], Exit.GO),
        ([Outcome.PASS, Outcome.NOT_ASSESSED], Exit.INCONCLUSIVE),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], Exit.INCONCLUSIVE),
        ([Outcome.NOT_ASSESSED, Outcome.FAIL], Exit.NO_GO),
    ],
)
def test_no_decision_is_0_only_where_all_that_was_selected_is_in_order(outcomes: list[Outcome], expected: Exit) -> None:
    """A row that was selected and could not be assessed is not in order."""
    plan = replace(core_plan(), deselected=("a.feature:9: x",))
    judgement = judge(plan, core_evidence())
    assert judgement.decision.outcome is DecisionOutcome.PARTIAL
    claimed = [verdict for verdict in judgement.verdicts if verdict.claims]
    verdicts = tuple(replace(one, outcome=outcome) for one, outcome in zip(claimed, outcomes, strict=False))
    own = tuple(reason for reason in judgement.decision.because if reason.requirement)
    judgement = replace(judgement, verdicts=verdicts, decision=replace(judgement.decision, because=own))
    assert exit_of(judgement, no_decision=True) is expected
