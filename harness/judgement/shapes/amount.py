"""A number that was counted or read, exactly or between two values, against the limit of its sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.judgement.measures import Case, Figures, held
from harness.judgement.shapes.found import Found, shown
from harness.judgement.stats.statistics import Bounds
from harness.model import Measure, Op, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount(Found):
    """What a figure found of a number.

    Attributes:
        low, high: the number is between the two.
        text: the number in words. expected: the limit in words; empty: as the objective says it.
        limit, op, tolerance: what it is held against; None: limit and comparison of the objective, at scale.
        value: of the measure; None: the end that decides, and none where only both ends together do.
        shows: whether the measure has both ends, which an exact number need not.
        lenient: whether the better end decides, where the other one only says how closely the number was read.
        broken: whether something else fails it, which `text` says.
        between: why it is not known well enough, where the limit is between the ends.
    """

    low: float
    high: float
    text: str
    expected: str = ""
    limit: float | None = None
    op: Op | None = None
    tolerance: float | None = None
    value: float | None = None
    shows: bool = False
    lenient: bool = False
    broken: bool = False
    between: str = ""


def amount(case: Case, found: Amount, name: str = "") -> Measure:
    """PASS where both ends are inside the limit, FAIL where both are outside, else INCONCLUSIVE; each after its receipts."""
    op = found.op or case.objective.op
    limit = case.scaled.in_unit(found.unit) if found.limit is None else found.limit
    outcome = Outcome.FAIL if found.broken else held(op, _ends(found, op), limit, found.tolerance)
    why = found.unknown or (found.doubt if outcome is Outcome.PASS else "")
    text = f"{found.text}, expected {found.expected or case.expected}"
    if why:
        outcome, text = Outcome.INCONCLUSIVE, f"{text}, but {why}"
    elif outcome is Outcome.INCONCLUSIVE and found.between:
        text = f"{text}; {found.between}"
    figures = Figures(
        value=_deciding(found, op, outcome) if found.value is None else found.value,
        low=found.low if found.shows else None,
        high=found.high if found.shows and math.isfinite(found.high) else None,
        scaled_limit=limit,
    )
    return shown(case, found, outcome, text, figures, name=name)


def _ends(found: Amount, op: Op) -> Bounds:
    """The ends as bounds of any confidence."""
    low, high = found.low, found.high
    if found.lenient:
        low = high = high if op is Op.AT_LEAST else low
    return Bounds(
        value=high, low=low, high=high, fail_low=low, fail_high=high, confidence=1.0, n=1, method=found.method
    )


def _deciding(found: Amount, op: Op, outcome: Outcome) -> float | None:
    """The end that decides: the worse one, of a FAIL the better one."""
    if found.broken or not math.isfinite(found.high) or (op is Op.WITHIN and found.low != found.high):
        return None
    return found.high if (op is Op.AT_LEAST) is (outcome is Outcome.FAIL) else found.low
