"""Verdicts of scenarios and requirements: the worst outcome of their measures; without measures INCONCLUSIVE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from harness.judgement.decisions.waivers import waived
from harness.model import (
    Claim,
    ClaimVerdict,
    Evidence,
    Measure,
    Outcome,
    Plan,
    Reason,
    ReasonKind,
    Requirement,
    Verdict,
    closeness,
    leading_first,
    worst_of,
)

_GOOD: Final = frozenset({Outcome.PASS, Outcome.WAIVED})


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst outcome, in the order FAIL, INCONCLUSIVE, NOT ASSESSED, WAIVED, PASS; without outcomes INCONCLUSIVE.

    NOT ASSESSED hides no failure and never counts as passed.
    """
    given = list(outcomes)
    judged = worst_of(o for o in given if o is not Outcome.NOT_ASSESSED)
    if Outcome.NOT_ASSESSED in given and (judged in _GOOD or len(set(given)) == 1):
        return Outcome.NOT_ASSESSED
    return judged


def claim_verdict(claim: Claim, measures: Sequence[Sequence[Measure]]) -> ClaimVerdict:
    """The verdict of a scenario, from the measures of each of its sentences."""
    outcome = worst(worst(m.outcome for m in of_one) for of_one in measures)
    every = [m for of_one in measures for m in of_one]
    telling = leading_first(m for m in every if m.outcome is outcome)
    more = len(every if outcome is Outcome.PASS else telling) - 1
    return ClaimVerdict(
        scenario=claim.scenario,
        requirement=claim.requirement,
        outcome=outcome,
        because=replace(telling[0].because, more=more) if telling else _NOTHING_CLAIMED,
        measures=tuple(tuple(of_one) for of_one in measures),
    )


_NOTHING_CLAIMED: Final = Reason(
    kind=ReasonKind.UNCLAIMED,
    text="the scenario has no Then sentence, so it tests no requirement",
    hint="write a Then sentence into the scenario",
)


def _badness(claim: ClaimVerdict) -> float:
    """The worst of the figures that decided a scenario."""
    return max((closeness(m) for of_one in claim.measures for m in of_one if m.outcome is claim.outcome), default=0.0)


def requirement_verdict(
    requirement: Requirement, claims: Sequence[ClaimVerdict], plan: Plan, evidence: Evidence
) -> Verdict:
    """The verdict of a requirement: the worst verdict of its scenarios, or WAIVED if a waiver covers it."""
    outcome, reason = _of_claims(requirement, claims, plan)
    verdict = Verdict(
        requirement=requirement.id,
        outcome=outcome,
        because=reason,
        claims=tuple(claims),
        attempts=_attempts(requirement, plan, evidence),
    )
    return waived(verdict, plan)


def parts_first(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """Sort requirements so that each follows the requirements that it is derived from; a requirement derived from itself comes last."""
    left = {requirement.id: requirement for requirement in requirements}
    found: list[Requirement] = []
    while left:
        free = [one for one in left.values() if not any(part in left for part in one.parts)] or [*left.values()]
        found += [left.pop(one.id) for one in free]
    return tuple(found)


_Found = tuple[Outcome, Reason]


def _of_claims(requirement: Requirement, claims: Sequence[ClaimVerdict], plan: Plan) -> _Found:
    """The worst of its claims; NOT ASSESSED without a claim or without means on this target."""
    lack = plan.lack_of(requirement.id)
    outcomes = [claim.outcome for claim in claims]
    if lack is not None or not claims:
        outcomes.append(Outcome.NOT_ASSESSED)
    outcome = worst(outcomes)
    alike = [c for c in claims if c.outcome is outcome]
    if alike:
        telling = min(alike, key=lambda claim: (claim.because.rank, -_badness(claim)))
        others = (
            0 if outcome is Outcome.PASS else sum(1 + claim.because.more for claim in alike if claim is not telling)
        )
        return outcome, replace(telling.because, more=telling.because.more + others)
    if lack is not None:
        return outcome, lack.because
    if plan.deselected:
        given = f"the filter `{plan.filter}`" if plan.filter else "a filter"
        hint = f"include the requirement: {plan.command(only=requirement.id, unfiltered=True)}"
        return outcome, Reason(kind=ReasonKind.FILTERED, text=f"left out by {given}", hint=hint)
    hint = f"write a scenario tagged @{requirement.id}"
    return outcome, Reason(kind=ReasonKind.UNCLAIMED, text="no scenario claims it", hint=hint)


def _attempts(requirement: Requirement, plan: Plan, evidence: Evidence) -> int:
    names = {
        name
        for claim in plan.claims
        if claim.requirement == requirement.id
        for objective in claim.objectives
        for name in objective.scope.experiments
    }
    return max((len(evidence.experiments.get(name, ())) for name in names), default=1) or 1
