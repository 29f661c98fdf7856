"""From measures to claims to requirements: the worst wins, and an empty set is INCONCLUSIVE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.model import (
    Claim,
    ClaimVerdict,
    Evidence,
    Measure,
    Outcome,
    Plan,
    Requirement,
    Verdict,
    closeness,
    worst_of,
)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """FAIL over INCONCLUSIVE over NOT ASSESSED over PASS; of nothing: INCONCLUSIVE.

    What could not have failed does not hide what did, and never counts as passed.
    """
    given = list(outcomes)
    judged = worst_of(o for o in given if o is not Outcome.NOT_ASSESSED)
    if Outcome.NOT_ASSESSED in given and (judged is Outcome.PASS or len(set(given)) == 1):
        return Outcome.NOT_ASSESSED
    return judged


def claim_verdict(claim: Claim, measures: Sequence[Sequence[Measure]]) -> ClaimVerdict:
    """What came of a scenario; each of its sentences is an objective with its measures."""
    outcome = worst(worst(m.outcome for m in of_one) for of_one in measures)
    every = [m for of_one in measures for m in of_one]
    telling = sorted((m for m in every if m.outcome is outcome), key=closeness, reverse=True)
    return ClaimVerdict(
        scenario=claim.scenario,
        requirement=claim.requirement,
        outcome=outcome,
        reason=_reason(telling, outcome, every),
        hint=telling[0].hint if telling else "write a Then sentence into the scenario",
        measures=tuple(tuple(of_one) for of_one in measures),
    )


def _reason(telling: Sequence[Measure], outcome: Outcome, every: Sequence[Measure]) -> str:
    if not telling:
        return "the scenario claims nothing"
    if outcome is Outcome.PASS:
        return telling[0].reason if len(every) == 1 else f"{telling[0].reason} (and {len(every) - 1} more as wanted)"
    more = f" (and {len(telling) - 1} more like it)" if len(telling) > 1 else ""
    return f"{telling[0].reason}{more}"


def requirement_verdict(
    requirement: Requirement, claims: Sequence[ClaimVerdict], plan: Plan, evidence: Evidence
) -> Verdict:
    """What came of a requirement: the worst of its claims; one that nobody claims, or that has no means here, is NOT ASSESSED."""
    lack = next((n for n in plan.not_assessable if n.requirement == requirement.id), None)
    outcomes = [claim.outcome for claim in claims]
    if lack is not None or not claims:
        outcomes.append(Outcome.NOT_ASSESSED)
    outcome = worst(outcomes)
    telling = [claim for claim in claims if claim.outcome is outcome]
    if telling:
        reason, hint = telling[0].reason, telling[0].hint
    elif lack is not None:
        reason, hint = lack.why, lack.hint
    elif plan.deselected:
        reason, hint = "a filter left its scenarios out", "run without a filter"
    else:
        reason, hint = "no scenario claims it", f"write a scenario tagged @{requirement.id}"
    return Verdict(
        requirement=requirement.id,
        outcome=outcome,
        reason=reason,
        hint=hint,
        claims=tuple(claims),
        attempts=_attempts(requirement, plan, evidence),
    )


def _attempts(requirement: Requirement, plan: Plan, evidence: Evidence) -> int:
    names = {
        name
        for claim in plan.claims
        if claim.requirement == requirement.id
        for objective in claim.objectives
        for name in objective.scope.experiments
    }
    return max((len(evidence.experiments.get(name, ())) for name in names), default=1) or 1
