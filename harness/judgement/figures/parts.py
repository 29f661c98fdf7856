"""Derived requirements: the verdict is the worst verdict of the requirements in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case, Figures, measure
from harness.model import Figure, Measure, Objective, Outcome, Phase, Reason, ReasonKind, Verdict


def parts(case: Case) -> Iterable[Measure]:
    """One measure per requirement in the derived requirement, with its outcome; never an average.

    A requirement that is not judged in this run is NOT ASSESSED, so the derived requirement cannot pass.
    """
    for part in parts_named(case.objective):
        verdict = case.verdicts.get(part)
        if verdict is None:
            because = Reason(
                kind=ReasonKind.NOT_TRIED,
                text=f"{part} is not judged in this run",
                hint=f"choose a profile with {part}; `readiness catalogue show {part}` lists them",
            )
            outcome = Outcome.NOT_ASSESSED
        else:
            outcome, because = _of_part(case, part, verdict)
        figures = Figures(method="verdict of this requirement")
        yield measure(case, part, outcome, because, scope={"part": part}, limit="passes", figures=figures)


def _of_part(case: Case, part: str, verdict: Verdict) -> tuple[Outcome, Reason]:
    """The outcome of a requirement; NOT ASSESSED if it was proven only in part."""
    left = case.plan.not_tried(part)
    if verdict.outcome is Outcome.PASS and left:
        text = f"{part} is proven only in part, not tried: {', '.join(left)}"
        hint = f"choose a profile that gates all of {part}"
        return Outcome.NOT_ASSESSED, Reason(kind=ReasonKind.NOT_TRIED, text=text, hint=hint)
    text = f"{part} {verdict.outcome.value}: {verdict.because.text}"
    return verdict.outcome, replace(verdict.because, text=text, more=0)


def parts_named(objective: Objective) -> tuple[str, ...]:
    """The ids of the requirements in the sentence."""
    return tuple(objective.params.get("parts", "").split())


def _in_words(objective: Objective) -> str:
    named = parts_named(objective)
    return f"each of these {len(named)} requirements passes: {', '.join(named)}"


SPEC: Final = Spec(
    figure=Figure.PARTS,
    judge=parts,
    limit=None,
    unit="",
    basis=Basis.PLAN,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda _case: ("plan.json",),
    words=_in_words,
)
