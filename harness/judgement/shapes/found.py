"""The fields that all shapes share, and the measure that is made from them after a check of the receipts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.judgement.measures import Case, Figures, because, measure, settled
from harness.model import Measure, Op, Outcome, Reason, ReasonKind, Receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The fields of a measure, except its outcome, its reason and its number.

    Attributes:
        method: how the figure was measured, in words.
        files: files of the evidence, relative to the run directory.
        scope: scope of the measure, such as experiment or route.
        receipts: receipts by name.
        needs: names of the receipts that a FAIL needs.
        n: number of samples.
        n_needed: number of samples that would have been needed.
        resolution: precision of the number, in `unit`.
        unit: unit of the number.
        said: limit in words, if it differs from the limit of the objective.
        told: comparison, if it differs from the comparison of the objective.
        unknown: why the result is unknown; empty: it is known.
        doubt: why a result as expected proves nothing; empty: it is a proof.
        short: why the run could not have failed, which makes the measure NOT ASSESSED; empty: it could have failed.
        hint: action for the user if the measure is undecided.
        kind: kind of the reason if the measure is undecided.
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
    """The measure of an outcome after a check of its receipts.

    `figures` is its number with bounds and limit.
    """
    undecided = outcome is Outcome.INCONCLUSIVE
    own = because(outcome, text, found.hint if undecided else "", kind=found.kind if undecided else None)
    return made(case, found, *settled(outcome, own, found.receipts, found.needs), figures, name=name)


def made(case: Case, found: Found, outcome: Outcome, reason: Reason, figures: Figures, *, name: str) -> Measure:
    """The measure with the given outcome and reason."""
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
