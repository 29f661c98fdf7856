"""Objectives that no evidence could support, or that any would: refused when a feature is read, INCONCLUSIVE when built by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness.model.planned.objective import Objective, Op
from harness.model.planned.quantity import Quantity

COMPARED: Final = frozenset({Op.BELOW, Op.AT_MOST, Op.AT_LEAST, Op.WITHIN})
"""A figure is compared with a limit in any of these ways, unless its rule says otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitRule:
    """What the limit of a figure may be.

    Attributes:
        dimension: `time`, `ratio`, `size` or `count`.
        ops: how the figure may be compared with it.
        signed: the figure may be below 0, so that `at least 0` says something of it.
        most: the largest limit that makes sense, in the dimension's base unit: 1 for a share of a whole.
    """

    dimension: str
    ops: frozenset[Op] = COMPARED
    signed: bool = False
    most: float = math.inf


ONLY_BELOW: Final = frozenset({Op.BELOW})
"""Compared with a latest moment or a largest share, and nothing else."""


def untenable(objective: Objective, rule: LimitRule | None) -> str:
    """Why no run could support the objective, or every run would, whatever it recorded; empty when neither is so.

    Args:
        objective: as a sentence says it.
        rule: of its figure; None: the figure is a fact without a limit.
    """
    limit = _of_limit(objective, rule) if rule is not None else ()
    return next(iter((*_of_quantile(objective), *limit, *_of_window(objective))), "")


def _of_quantile(objective: Objective) -> Iterable[str]:
    quantile = objective.quantile
    if quantile is not None and not 0 < quantile < 1:
        yield f"p{quantile * 100:g} is not a quantile: it must lie between p0 and p100, both excluded"
    if not 0 < objective.confidence < 1:
        yield f"{objective.confidence:g} is not a confidence: it must lie between 0 and 1, both excluded"


def _of_limit(objective: Objective, rule: LimitRule) -> Iterable[str]:
    figure, limit = objective.figure, objective.limit
    if limit.dimension != rule.dimension:
        yield f"the {figure.value} is a {rule.dimension}, its limit of {limit} is a {limit.dimension}"
    if not _is_from_nought(limit):
        yield f"the limit of {limit} is not a number from 0 up"
    if limit.dimension == rule.dimension and limit.base > rule.most:
        yield f"the limit of {limit} is over {rule.most * 100:g} %"
    yield from _of_comparison(objective, rule)


def _of_comparison(objective: Objective, rule: LimitRule) -> Iterable[str]:
    figure, limit, op = objective.figure, objective.limit, objective.op
    if op is Op.HOLDS:
        yield f"the {figure.value} is a figure, and must be compared with a limit"
    elif op not in rule.ops:
        yield f"the {figure.value} can only be compared by: {', '.join(sorted(each.value for each in rule.ops))}"
    elif op is Op.BELOW and limit.value == 0:
        yield "nothing is below 0"
    elif op is Op.AT_LEAST and limit.value == 0 and not rule.signed:
        yield "everything is at least 0"
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
        yield f"{window} is not a length of a window"
    if older is not None and (older.dimension != "time" or not _is_from_nought(older)):
        yield f"{older} is not an age"


def _is_from_nought(quantity: Quantity) -> bool:
    return math.isfinite(quantity.value) and quantity.value >= 0
