"""Attestations: a named person vouches for a requirement that no machine can check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case, measure
from harness.judgement.shapes.facts import known
from harness.judgement.shapes.found import Found
from harness.model import Attestation, Figure, Measure, Objective, Outcome, Phase, Quantity, Reason, ReasonKind

_S_PER_DAY: Final = 86_400


def attestation(case: Case) -> Iterable[Measure]:
    """PASS if a person in the required role vouches for the requirement, for this release, recently enough.

    Without an attestation: NOT ASSESSED. An attestation that is expired, too old, from the future, for another release or by another role does not
    count: INCONCLUSIVE, with that reason.
    """
    id_, role = case.claim.requirement, case.objective.params["role"]
    command = f"readiness attest {id_} --role {role} --by NAME --reason TEXT --link URL"
    found = [one for one in case.plan.attestations if one.vouches == id_]
    if not found:
        reason = Reason(
            kind=ReasonKind.NO_MEANS,
            text=f"no attestation of this requirement by a {role} was found, expected one",
            hint=command,
        )
        yield measure(case, "attestation", Outcome.NOT_ASSESSED, reason)
        return
    newest = min(found, key=lambda one: (bool(_short(one, case)), one.age_days))
    why = _short(newest, case)
    said = f"{newest.by}, {newest.role}, vouches for the requirement since {newest.date}, until {newest.expires}: {newest.reason}"
    vouched = Found(
        scope={"by": newest.by, "role": newest.role, "link": newest.link},
        said=f"as {role}",
        method="vouched for by a person",
        files=(f"inputs/{newest.file}",),
        hint=command,
        kind=ReasonKind.NO_RECORD,
    )
    yield known(case, f"{newest.file}: {why}" if why else said, vouched, "attestation", ok=None if why else True)


def _short(one: Attestation, case: Case) -> str:
    """Why an attestation does not count for the objective; empty if it counts."""
    if one.void:
        return one.void
    role, oldest = case.objective.params["role"], Quantity.parse(case.objective.params["at_most"])
    if one.role != role:
        return f"the attestation is by role {one.role}, expected {role}"
    if one.age_days * _S_PER_DAY > oldest.base:
        return f"the attestation is {one.age_days} days old, expected at most {oldest}"
    return ""


def _in_words(objective: Objective) -> str:
    return f"a {objective.params.get('role', 'person')} vouches for the requirement"


SPEC: Final = Spec(
    figure=Figure.ATTESTATION,
    judge=attestation,
    limit=None,
    unit="",
    basis=Basis.PLAN,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda _case: ("plan.json",),
    words=_in_words,
)
