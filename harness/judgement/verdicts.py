"""From measures to claims to requirements: the worst wins, and an empty set is INCONCLUSIVE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

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
        return telling[0].reason if len(every) == 1 else f"{telling[0].reason} (and {len(every) - 1} more as expected)"
    more = f" (and {len(telling) - 1} more like it)" if len(telling) > 1 else ""
    return f"{telling[0].reason}{more}"


class Form(StrEnum):
    """How the verdict of a requirement comes about."""

    MEASURED = "measured"
    DERIVED = "derived"
    INGESTED = "ingested"
    ATTESTED = "attested"


def form_of(requirement: Requirement) -> Form:
    """The form, as the criterion says: `derived: all of …`, `ingested: …`, `attested`; any other is a sentence to be measured."""
    word = requirement.criterion.split(":")[0]
    return Form(word) if word in set(Form) - {Form.MEASURED} else Form.MEASURED


def requirement_verdict(
    requirement: Requirement, claims: Sequence[ClaimVerdict], plan: Plan, evidence: Evidence
) -> Verdict:
    """What came of a requirement, by its form. Only measured ones are judged; any other is NOT ASSESSED, whatever claims it."""
    outcome, reason, hint = _BY_FORM.get(form_of(requirement), _of_other_form)(requirement, claims, plan)
    return Verdict(
        requirement=requirement.id,
        outcome=outcome,
        reason=reason,
        hint=hint,
        claims=tuple(claims),
        attempts=_attempts(requirement, plan, evidence),
    )


_Found = tuple[Outcome, str, str]


def _measured(requirement: Requirement, claims: Sequence[ClaimVerdict], plan: Plan) -> _Found:
    """The worst of its claims; one that nothing claims, or that has no means here, is NOT ASSESSED."""
    lack = next((n for n in plan.not_assessable if n.requirement == requirement.id), None)
    outcomes = [claim.outcome for claim in claims]
    if lack is not None or not claims:
        outcomes.append(Outcome.NOT_ASSESSED)
    outcome = worst(outcomes)
    telling = next((claim for claim in claims if claim.outcome is outcome), None)
    if telling is not None:
        return outcome, telling.reason, telling.hint
    if lack is not None:
        return outcome, lack.why, lack.hint
    if plan.deselected:
        return outcome, "a filter left its scenarios out", "run without a filter"
    return outcome, "no scenario claims it", f"write a scenario tagged @{requirement.id}"


def _of_other_form(requirement: Requirement, _claims: Sequence[ClaimVerdict], _plan: Plan) -> _Found:
    form = form_of(requirement).value
    return Outcome.NOT_ASSESSED, f"it is {form}: a run judges measured requirements only", "see its criterion"


_BY_FORM: Final[Mapping[Form, Callable[[Requirement, Sequence[ClaimVerdict], Plan], _Found]]] = {
    Form.MEASURED: _measured,
}
"""The one place where a form of verdict is dispatched."""


def _attempts(requirement: Requirement, plan: Plan, evidence: Evidence) -> int:
    names = {
        name
        for claim in plan.claims
        if claim.requirement == requirement.id
        for objective in claim.objectives
        for name in objective.scope.experiments
    }
    return max((len(evidence.experiments.get(name, ())) for name in names), default=1) or 1
