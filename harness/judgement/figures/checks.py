"""Checks: facts read from the live target, expected against observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.judgement.figures.contradicted import contradictions
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case, Figures, because, inconclusive, measure
from harness.model import (
    Check,
    Demand,
    DemandKind,
    Fact,
    FactTable,
    Figure,
    Measure,
    Objective,
    Outcome,
    Phase,
    Reason,
    ReasonKind,
)
from harness.model.facts import FIRST
from harness.units import NS_PER_S

_OUTCOMES: Mapping[bool | None, Outcome] = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.INCONCLUSIVE}
_METHODS: Final[Mapping[str, str]] = {
    DemandKind.CHECK: "read from the live target",
    DemandKind.STATIC: "read from the platform's files",
    DemandKind.INGEST: "read from the report",
}
_WHERE: Final[Mapping[str, str]] = {
    DemandKind.CHECK: " on the live target",
    DemandKind.STATIC: " in the platform's files",
    DemandKind.INGEST: " in the report",
}
_HINTS: Final[Mapping[str, str]] = {
    DemandKind.STATIC: "correct the file, or the path in the target file, then run again",
    DemandKind.INGEST: "let the tool write its report anew for this release, then run again",
}
_AROUND_S: Final = 15.0
_RUN_AGAIN = "see that the target answers, then run again"


def checks(case: Case) -> Iterable[Measure]:
    """One measure per fact, and one of each history that contradicts them; no fact is never a PASS.

    A fact is false only if it was false in every attempt to read it.
    """
    name = case.objective.check or "check"
    demands = [case.plan.demand[key] for key in case.claim.demands if key in case.plan.demand]
    asked = [demand for demand in demands if _asks(demand, case)]
    if not asked:
        yield inconclusive(case, name, f"the plan has no check {name!r} for this sentence", "plan the run again")
    for demand in asked:
        check = case.evidence.checks.get(demand.key)
        if check is not None and check.matrix is not None:
            yield _matrix(case, name, check.matrix, check, demand)
        elif check is None or not check.facts:
            why = check.why if check and check.why else "it found nothing to check"
            reason = f"{name}: {why if check else 'it was not done'}"
            yield inconclusive(case, name, reason, _hint(case.objective), scope=demand.params)
        else:
            yield from (_fact(case, name, fact, check, demand) for fact in check.facts)
            yield from contradictions(case, check, demand)


def _asks(demand: Demand, case: Case) -> bool:
    """Whether a demand is the check of the objective: the same name, and no parameter that differs."""
    if demand.kind != case.objective.demand or demand.name != case.objective.check:
        return False
    return all(demand.params.get(key, value) == value for key, value in case.objective.params.items())


def _fact(case: Case, name: str, fact: Fact, check: Check, demand: Demand) -> Measure:
    asked = f", asked {fact.attempts} times" if fact.attempts > 1 else ""
    outcome, live = _OUTCOMES[fact.ok], case.objective.demand == DemandKind.CHECK
    seen = fact.observed if fact.ok is not None or not live else f"could not be read ({fact.observed})"
    found = measure(
        case,
        name,
        outcome,
        _reason(outcome, f"{fact.subject}: {seen}, expected {fact.expected}{asked}", _hint(case.objective)),
        scope={**demand.params, "subject": fact.subject},
        limit=fact.expected,
        figures=Figures(method=_method(case.objective), n=fact.attempts, files=check.files),
    )
    return found if fact.amount is None else replace(found, amount=fact.amount)


def _matrix(case: Case, name: str, matrix: FactTable, check: Check, demand: Demand) -> Measure:
    """All facts of a matrix as one measure, which names the first mismatches.

    Where not all were read, the number of mismatches is the least that there are: those that were not read may be others.
    """
    failed, unread = matrix.count(ok=False), matrix.count(ok=None)
    covers = f"covers {matrix.covered:,} of {matrix.of:,}".replace(",", " ")
    partly = unread > 0 or matrix.covered < matrix.of
    outcome = _OUTCOMES[False if failed else None if partly or not len(matrix) else True]
    named = [*matrix.first(ok=False), *matrix.first(ok=None)][:FIRST]
    summary = "; ".join(f"{fact.subject}: {fact.observed}, expected {fact.expected}" for fact in named)
    unknown = f", {unread} could not be read" if unread else ""
    head = f"{failed:,} of {len(matrix):,} facts are not as expected".replace(",", " ") + f"{unknown}, {covers}"
    return measure(
        case,
        name,
        outcome,
        _reason(outcome, f"{head}: {summary}" if summary else head, _hint(case.objective)),
        scope=demand.params,
        figures=Figures(
            value=failed,
            low=failed if failed and partly else None,
            n=len(matrix),
            method=f"each fact {_method(case.objective)}",
            files=check.files,
        ),
    )


def _moments(case: Case, found: Measure) -> Sequence[tuple[int, int]]:
    """Around the moment of a fact that had to be so within a time; of any other fact none."""
    subject = found.scope.get("subject")
    around_ns = round(_AROUND_S * NS_PER_S)
    return [
        (fact.at_ns - around_ns, fact.at_ns + around_ns)
        for demand in (case.plan.demand[key] for key in case.claim.demands if key in case.plan.demand)
        if "within" in {**demand.params, **case.objective.params}
        and _asks(demand, case)
        and demand.key in case.evidence.checks
        for fact in case.evidence.checks[demand.key].facts
        if fact.subject == subject
    ]


def _reason(outcome: Outcome, summary: str, hint: str) -> Reason:
    """The reason of a measure; a fact that could not be read gets a hint."""
    if outcome is Outcome.INCONCLUSIVE:
        return because(outcome, summary, hint, kind=ReasonKind.NO_RECORD)
    return because(outcome, summary)


def _method(objective: Objective) -> str:
    """How the facts were found; a driver that a package or project adds is named by its kind."""
    return _METHODS.get(objective.demand, f"recorded by the driver {objective.demand}")


def _hint(objective: Objective) -> str:
    """What to do about a fact that is not known."""
    return _HINTS.get(objective.demand, _RUN_AGAIN)


def _in_words(objective: Objective) -> str:
    params = ", ".join(f"{key} {value}" for key, value in objective.params.items())
    noun = (
        "check" if objective.demand in _WHERE else objective.demand
    )  # else of a driver that a package or project adds
    return f"{noun} {objective.check}{f' ({params})' if params else ''} passes{_WHERE.get(objective.demand, '')}"


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
