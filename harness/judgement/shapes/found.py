"""What a figure found: the fields that measures of all shapes have in common, and the measure after its receipts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.judgement.measures import Case, Figures, because, measure, settled
from harness.model import Measure, Op, Outcome, Reason, ReasonKind, Receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The fields that a measure of any shape has beside outcome, reason and number.

    Attributes:
        method, files, scope, receipts, n, n_needed, resolution, unit: of the measure.
        needs: the receipts that a FAIL needs.
        said, told: limit and comparison of the measure in words, if they differ from those of the objective.
        unknown: why the result is unknown; empty: it is known.
        doubt: why a result that is as expected is no proof; empty: it is a proof.
        short: why the run could not have failed, which makes it NOT ASSESSED; empty: it could have failed.
        hint, kind: of the reason of an undecided measure.
    """

    method: str
    files: tuple[str, ...]
    scope: Mapping[str, str] = field(default_factory=dict)
    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    n: int | None = None
    n_needed: int | None = None
    resolution: float | None = None
    unit: str = ""
    said: str = ""
    told: Op | None = None
    unknown: str = ""
    doubt: str = ""
    short: str = ""
    hint: str = ""
    kind: ReasonKind | None = None


def shown(case: Case, found: Found, outcome: Outcome, text: str, figures: Figures, *, name: str = "") -> Measure:
    """The measure of an outcome after its receipts; `figures`: its number with its bounds and its limit."""
    undecided = outcome is Outcome.INCONCLUSIVE
    own = because(outcome, text, found.hint if undecided else "", kind=found.kind if undecided else None)
    return made(case, found, *settled(outcome, own, found.receipts, found.needs), figures, name=name)


def made(case: Case, found: Found, outcome: Outcome, reason: Reason, figures: Figures, *, name: str) -> Measure:
    """The measure of an outcome and its reason."""
    figures = replace(
        figures,
        n=found.n,
        n_needed=found.n_needed,
        unit=found.unit,
        resolution=found.resolution,
        method=found.method,
        receipts=found.receipts,
        files=found.files,
    )
    name = name or case.objective.figure.value
    return measure(case, name, outcome, reason, scope=found.scope, figures=figures, limit=found.said, op=found.told)
