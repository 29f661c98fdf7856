"""Checks: facts read from the live target, with observed and expected value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.errors import HINT
from harness.judgement.figures.contradicted import contradictions
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case, inconclusive
from harness.judgement.shapes.facts import all_facts, one_fact
from harness.judgement.shapes.found import Found
from harness.judgement.shapes.words import words_of_facts
from harness.model import Demand, Figure, Measure, Objective, Phase
from harness.units import NS_PER_S

_AROUND_S: Final = 15.0
_TIMED: Final = frozenset({"within", "limit"})
"""Parameters of checks that a machine which is too slow fails as well."""


def checks(case: Case) -> Iterable[Measure]:
    """One measure per fact, and one per history of the run that contradicts the facts.

    INCONCLUSIVE without any fact.
    A fact is false only if every attempt to read it found it false.
    """
    name = case.objective.check or "check"
    demands = [case.plan.demand[key] for key in case.claim.demands if key in case.plan.demand]
    asked = [demand for demand in demands if _asks(demand, case)]
    if not asked:
        yield inconclusive(
            case, name, f"the plan has no check {name!r} for this sentence", "run again, so that the check is planned"
        )
    for demand in asked:
        check = case.evidence.checks.get(demand.key)
        found = Found(method="", scope=demand.params, files=check.files if check else ())
        if check is not None and check.matrix is not None:
            yield all_facts(case, check.matrix, found, name)
        elif check is None or not check.facts:
            why = check.why if check and check.why else "the check found no objects on the target"
            what, _, cure = why.partition(HINT)
            reason = f"{name}: {what if check else 'the check was not run'}"
            hint = cure or words_of_facts(case.objective.demand).hint
            yield inconclusive(case, name, reason, hint, scope=demand.params)
        else:
            yield from (one_fact(case, fact, found, name) for fact in check.facts)
            yield from contradictions(case, check, demand)


def _asks(demand: Demand, case: Case) -> bool:
    """Whether a demand is the check of the objective: equal name and equal parameters."""
    if demand.kind != case.objective.demand or demand.name != case.objective.check:
        return False
    return all(demand.params.get(key, value) == value for key, value in case.objective.params.items())


def _moments(case: Case, found: Measure) -> Sequence[tuple[int, int]]:
    """The time around the reading of a fact that is about a time limit or a share of requests; empty for any other fact."""
    subject = found.scope.get("subject")
    around_ns = round(_AROUND_S * NS_PER_S)
    return [
        (fact.at_ns - around_ns, fact.at_ns + around_ns)
        for demand in (case.plan.demand[key] for key in case.claim.demands if key in case.plan.demand)
        if _TIMED & {*demand.params, *case.objective.params}
        and _asks(demand, case)
        and demand.key in case.evidence.checks
        for fact in case.evidence.checks[demand.key].facts
        if fact.subject == subject
    ]


def _in_words(objective: Objective) -> str:
    params = ", ".join(f"{key} {value}" for key, value in objective.params.items())
    where = words_of_facts(objective.demand).where
    noun = "check" if where else objective.demand  # a driver of a package or project is named by its kind
    return f"{noun} {objective.check}{f' ({params})' if params else ''} passes{where}"


SPEC: Final = Spec(
    figure=Figure.CHECK,
    judge=checks,
    limit=None,
    unit="",
    basis=Basis.CHECK,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda _case: ("history/checks.", "checks/"),
    words=_in_words,
    timed=True,
    moments=_moments,
)
