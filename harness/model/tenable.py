"""Objectives that no evidence could ever bear: refused when a feature is read, INCONCLUSIVE when built by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from harness.model.objective import Figure, Objective, Op
from harness.model.quantity import Quantity

_DIMENSION: Final[Mapping[Figure, str]] = {
    Figure.RESPONSE_TIME: "time",
    Figure.REPLICATION_LAG: "time",
    Figure.RECOVERY: "time",
    Figure.FIRST_REQUEST: "time",
    Figure.EVENTS: "time",
    Figure.DRIFT: "time",
    Figure.ERROR_RATE: "ratio",
    Figure.UPTIME: "ratio",
    Figure.REGION_SHARE: "ratio",
    Figure.IMPROVEMENT: "ratio",
    Figure.MORE_ERRORS: "ratio",
    Figure.SLOWDOWN: "ratio",
}
"""What the limit of a figure is; of those that are not here nothing is held against a limit."""

_SHARES: Final = frozenset(_DIMENSION) - {Figure.SLOWDOWN}
"""A limit over 100 % is none for these: only a response time may be more than twice another."""


def untenable(objective: Objective) -> str:
    """Why no run could bear the objective, whatever it recorded; empty when one could."""
    return next(iter((*_of_quantile(objective), *_of_limit(objective), *_of_window(objective))), "")


def _of_quantile(objective: Objective) -> Iterable[str]:
    quantile = objective.quantile
    if quantile is not None and not 0 < quantile < 1:
        yield f"p{quantile * 100:g} is no quantile: it lies between 0 and 100, and is neither"
    if not 0 < objective.confidence < 1:
        yield f"a confidence of {objective.confidence:g} is none: it lies between 0 and 1, and is neither"


def _of_limit(objective: Objective) -> Iterable[str]:
    figure, limit, tolerance = objective.figure, objective.limit, objective.tolerance
    dimension = _DIMENSION.get(figure)
    if dimension is None:
        return
    if limit.dimension != dimension:
        yield f"the {figure.value} is a {dimension}, its limit of {limit} is a {limit.dimension}"
    if not _is_from_nought(limit):
        yield f"the limit of {limit} is no number from 0 up"
    if objective.op is Op.BELOW and limit.value == 0:
        yield "nothing is below 0"
    if figure in _SHARES and limit.dimension == "ratio" and limit.base > 1:
        yield f"the limit of {limit} is over 100 %"
    if objective.op is Op.HOLDS:
        yield f"the {figure.value} is a figure, and is held against a limit"
    if objective.op is Op.WITHIN and (tolerance is None or tolerance.dimension != dimension or not tolerance.value > 0):
        yield f"± {tolerance or 'nothing'} is no tolerance of the {figure.value}"


def _of_window(objective: Objective) -> Iterable[str]:
    window, older = objective.window, objective.older_than
    if window is not None and (window.dimension != "time" or not _is_from_nought(window) or window.value == 0):
        yield f"a window of {window} is none"
    if older is not None and (older.dimension != "time" or not _is_from_nought(older)):
        yield f"an age of {older} is none"


def _is_from_nought(quantity: Quantity) -> bool:
    return math.isfinite(quantity.value) and quantity.value >= 0
