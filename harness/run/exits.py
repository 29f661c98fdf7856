"""The exit code of a decision, the same for `readiness` and pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import Exit
from harness.model import IN_ORDER, OF_THE_CHOICE, DecisionOutcome, Outcome

if TYPE_CHECKING:
    from harness.model import Judgement


_DECISIONS = {
    DecisionOutcome.GO: Exit.GO,
    DecisionOutcome.NO_GO: Exit.NO_GO,
    DecisionOutcome.INCONCLUSIVE: Exit.INCONCLUSIVE,
    DecisionOutcome.PARTIAL: Exit.INCONCLUSIVE,
}


def exit_of(judgement: Judgement, *, no_decision: bool = False) -> Exit:
    """The exit code of the decision.

    With `no_decision`, of a filtered run, that of the worst selected verdict.

    That is 0 only where every selected verdict is PASS or WAIVED, and nothing was found beyond them: harm that nothing judges, evidence that is gone.
    """
    if no_decision and judgement.decision.outcome is DecisionOutcome.PARTIAL:
        selected = {verdict.outcome for verdict in judgement.verdicts if verdict.claims}
        found = Exit.GO if selected and selected <= IN_ORDER else Exit.INCONCLUSIVE
        if Outcome.FAIL in selected:
            found = Exit.NO_GO
        alone = [reason.because.kind for reason in judgement.decision.because if not reason.requirement]
        return Exit.INCONCLUSIVE if found is Exit.GO and not OF_THE_CHOICE.issuperset(alone) else found
    return _DECISIONS[judgement.decision.outcome]
