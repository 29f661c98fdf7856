"""Compares a counted number with the limit of its sentence.

The number may be known as an interval only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.judgement.measures import Case, Figures, held
from harness.judgement.shapes.found import Found, shown
from harness.judgement.stats.statistics import Bounds
from harness.model import NOT_DECIDED, Measure, Op, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount(Found):
    """A number that a figure counted or read, known as the interval from `low` to `high`.

    Attributes:
        low, high: the ends of the interval that contains the number.
        text: the number in words.
        expected: the limit in words; empty: the words of the objective.
        limit: limit of the number; None: the limit of the objective, divided by the time scale.
        op: comparison with the limit; None: the comparison of the objective.
        tolerance: tolerance of the limit; None: no tolerance.
        value: value of the measure; None: the end that decides, or no value if both ends decide together.
        shows: whether the measure shows both ends; an exact number needs no ends.
        lenient: whether the better end alone decides, because the other end only says how precisely the number was read.
        broken: whether the measure fails for another cause, which `text` names.
        between: why the number is not known precisely enough, if the limit is between the ends.
        excuse: why a number outside the limit proves no failure; empty: it is a failure.
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
    excuse: str = ""


def amount(case: Case, found: Amount, name: str = "") -> Measure:
    """The measure of a number: PASS if both ends are inside the limit, FAIL if both are outside, else INCONCLUSIVE.

    It is also INCONCLUSIVE if a receipt is not ok.
    """
    op = found.op or case.objective.op
    limit = case.scaled.in_unit(found.unit) if found.limit is None else found.limit
    outcome = Outcome.FAIL if found.broken else held(op, _ends(found, op), limit, found.tolerance)
    why = found.unknown or {Outcome.PASS: found.doubt, Outcome.FAIL: found.excuse}.get(outcome, "")
    text = f"{found.text}, expected {found.expected or case.expected}"
    if why:
        outcome, text = Outcome.INCONCLUSIVE, f"{text}{NOT_DECIDED}{why}"
    elif outcome is Outcome.INCONCLUSIVE and found.between:
        text = f"{text}{NOT_DECIDED}{found.between}"
    figures = Figures(
        value=_deciding(found, op, outcome) if found.value is None else found.value,
        low=found.low if found.shows else None,
        high=found.high if found.shows and math.isfinite(found.high) else None,
        scaled_limit=limit,
    )
    return shown(case, found, outcome, text, figures, name=name)


def _ends(found: Amount, op: Op) -> Bounds:
    """The ends as bounds that have full confidence."""
    low, high = found.low, found.high
    if found.lenient:
        low = high = high if op is Op.AT_LEAST else low
    return Bounds(
        value=high, low=low, high=high, fail_low=low, fail_high=high, confidence=1.0, n=1, method=found.method
    )


def _deciding(found: Amount, op: Op, outcome: Outcome) -> float | None:
    """The end that decides: the worse end, but for a FAIL the better end."""
    if found.broken or not math.isfinite(found.high) or (op is Op.WITHIN and found.low != found.high):
        return None
    return found.high if (op is Op.AT_LEAST) is (outcome is Outcome.FAIL) else found.low
