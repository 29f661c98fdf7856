"""Finds objectives that no evidence or any evidence would support.

A feature with such an objective is refused; an objective built by hand is INCONCLUSIVE.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness.model.planned.objective import Objective, Op
from harness.model.planned.quantity import Quantity

COMPARED: Final = frozenset({Op.BELOW, Op.AT_MOST, Op.AT_LEAST, Op.WITHIN})
"""Default comparisons of a figure with its limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitRule:
    """Allowed limits of a figure.

    Attributes:
        dimension: `time`, `ratio`, `size` or `count`.
        ops: allowed comparisons.
        signed: whether the figure may be negative, so that `at least 0` has a meaning.
        most: largest limit that makes sense, in the base unit: 1 for a share.
    """

    dimension: str
    ops: frozenset[Op] = COMPARED
    signed: bool = False
    most: float = math.inf


ONLY_BELOW: Final = frozenset({Op.BELOW})
"""Comparison with a latest time or a largest share only."""


def untenable(objective: Objective, rule: LimitRule | None) -> str:
    """Why no run or every run would support the objective; empty if neither is so.

    Args:
        objective: objective from a sentence.
        rule: allowed limits of the figure; None: the figure is a fact without a limit.
    """
    limit = _of_limit(objective, rule) if rule is not None else ()
    return next(iter((*_of_quantile(objective), *limit, *_of_window(objective))), "")


def _of_quantile(objective: Objective) -> Iterable[str]:
    quantile = objective.quantile
    if quantile is not None and not 0 < quantile < 1:
        yield f"p{quantile * 100:g} is not a quantile, expected a value between p0 and p100, both excluded"
    if not 0 < objective.confidence < 1:
        yield f"{objective.confidence:g} is not a confidence, expected a value between 0 and 1, both excluded"


def _of_limit(objective: Objective, rule: LimitRule) -> Iterable[str]:
    figure, limit = objective.figure, objective.limit
    if limit.dimension != rule.dimension:
        yield f"the {figure.value} is a {rule.dimension}, its limit of {limit} is a {limit.dimension}"
    if not _is_from_nought(limit):
        yield f"the limit of {limit} is not a number of at least 0"
    if limit.dimension == rule.dimension and limit.base > rule.most:
        yield f"the limit of {limit} is over {rule.most * 100:g} %"
    yield from _of_comparison(objective, rule)


def _of_comparison(objective: Objective, rule: LimitRule) -> Iterable[str]:
    figure, limit, op = objective.figure, objective.limit, objective.op
    if op is Op.HOLDS:
        yield f"the {figure.value} is a figure and needs a limit"
    elif op not in rule.ops:
        yield f"the {figure.value} can be compared only by {', '.join(sorted(each.value for each in rule.ops))}"
    elif op is Op.BELOW and limit.value == 0:
        yield "the figure is never below 0, so the sentence always fails"
    elif op is Op.AT_LEAST and limit.value == 0 and not rule.signed:
        yield "the figure is always at least 0, so the sentence always passes"
    elif op is Op.WITHIN:
        yield from _of_tolerance(objective, rule)


def _of_tolerance(objective: Objective, rule: LimitRule) -> Iterable[str]:
    figure, limit, tolerance = objective.figure, objective.limit, objective.tolerance
    if tolerance is None or tolerance.dimension != rule.dimension or not 0 < tolerance.value < math.inf:
        yield f"± {tolerance or 'nothing'} is not a tolerance of the {figure.value}"
    elif not rule.signed and rule.dimension == "ratio" and tolerance.base >= max(limit.base, 1 - limit.base):
        yield f"every share is within {limit} ± {tolerance}"


def _of_window(objective: Objective) -> Iterable[str]:
    window, older = objective.window, objective.older_than
    if window is not None and (window.dimension != "time" or not _is_from_nought(window) or window.value == 0):
        yield f"{window} is not a valid length of a window"
    if older is not None and (older.dimension != "time" or not _is_from_nought(older)):
        yield f"{older} is not a valid age"


def _is_from_nought(quantity: Quantity) -> bool:
    return math.isfinite(quantity.value) and quantity.value >= 0
