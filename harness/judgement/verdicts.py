"""From measures to claims to requirements: the worst wins, and an empty set is INCONCLUSIVE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

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


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """FAIL over INCONCLUSIVE over NOT ASSESSED over PASS; INCONCLUSIVE if there are none.

    NOT ASSESSED hides no failure and never counts as passed.
    """
    given = list(outcomes)
    judged = worst_of(o for o in given if o is not Outcome.NOT_ASSESSED)
    if Outcome.NOT_ASSESSED in given and (judged is Outcome.PASS or len(set(given)) == 1):
        return Outcome.NOT_ASSESSED
    return judged


def claim_verdict(claim: Claim, measures: Sequence[Sequence[Measure]]) -> ClaimVerdict:
    """The verdict of a scenario; each of its sentences is an objective with its measures."""
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
    kind=ReasonKind.UNCLAIMED, text="the scenario claims nothing", hint="write a Then sentence into the scenario"
)


def _badness(claim: ClaimVerdict) -> float:
    """The worst of the figures that decided a scenario."""
    return max((closeness(m) for of_one in claim.measures for m in of_one if m.outcome is claim.outcome), default=0.0)


class Form(StrEnum):
    """How the verdict of a requirement is formed."""

    MEASURED = "measured"
    DERIVED = "derived"
    INGESTED = "ingested"
    ATTESTED = "attested"


def form_of(requirement: Requirement) -> Form:
    """The form named by the criterion: `derived: all of …`, `ingested: …`, `attested`, or measured."""
    word = requirement.criterion.split(":")[0]
    return Form(word) if word in set(Form) - {Form.MEASURED} else Form.MEASURED


def requirement_verdict(
    requirement: Requirement, claims: Sequence[ClaimVerdict], plan: Plan, evidence: Evidence
) -> Verdict:
    """The verdict of a requirement; NOT ASSESSED unless its form is measured."""
    outcome, reason = _BY_FORM.get(form_of(requirement), _of_other_form)(requirement, claims, plan)
    return Verdict(
        requirement=requirement.id,
        outcome=outcome,
        because=reason,
        claims=tuple(claims),
        attempts=_attempts(requirement, plan, evidence),
    )


_Found = tuple[Outcome, Reason]


def _measured(requirement: Requirement, claims: Sequence[ClaimVerdict], plan: Plan) -> _Found:
    """The worst of its claims; NOT ASSESSED without a claim or without means on this target."""
    lack = next((n for n in plan.not_assessable if n.requirement == requirement.id), None)
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
        hint = f"include it: {plan.command(only=requirement.id, unfiltered=True)}"
        return outcome, Reason(kind=ReasonKind.FILTERED, text=f"left out by {given}", hint=hint)
    hint = f"write a scenario tagged @{requirement.id}"
    return outcome, Reason(kind=ReasonKind.UNCLAIMED, text="no scenario claims it", hint=hint)


def _of_other_form(requirement: Requirement, _claims: Sequence[ClaimVerdict], _plan: Plan) -> _Found:
    text = f"it is {form_of(requirement).value}: a run judges measured requirements only"
    return Outcome.NOT_ASSESSED, Reason(kind=ReasonKind.NOT_MEASURED, text=text, hint="see its criterion")


_BY_FORM: Final[Mapping[Form, Callable[[Requirement, Sequence[ClaimVerdict], Plan], _Found]]] = {
    Form.MEASURED: _measured,
}
"""The verdict function of each form."""


def _attempts(requirement: Requirement, plan: Plan, evidence: Evidence) -> int:
    names = {
        name
        for claim in plan.claims
        if claim.requirement == requirement.id
        for objective in claim.objectives
        for name in objective.scope.experiments
    }
    return max((len(evidence.experiments.get(name, ())) for name in names), default=1) or 1
