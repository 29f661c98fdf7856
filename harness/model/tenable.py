"""Objectives that no evidence could ever bear, or that all evidence would: refused when a feature is read, INCONCLUSIVE when built by hand."""

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

_SIGNED: Final = frozenset({Figure.DRIFT, Figure.IMPROVEMENT, Figure.MORE_ERRORS, Figure.SLOWDOWN})
"""May be below 0, so that `at least 0` says something of them."""

_ONLY_BELOW: Final = frozenset({Figure.RECOVERY, Figure.FIRST_REQUEST, Figure.EVENTS})
"""Held against a latest moment, and nothing else."""


def untenable(objective: Objective) -> str:
    """Why no run could bear the objective, or every run would, whatever it recorded; empty when neither is so."""
    return next(iter((*_of_quantile(objective), *_of_limit(objective), *_of_window(objective))), "")


def _of_quantile(objective: Objective) -> Iterable[str]:
    quantile = objective.quantile
    if quantile is not None and not 0 < quantile < 1:
        yield f"p{quantile * 100:g} is no quantile: it lies between 0 and 100, and is neither"
    if not 0 < objective.confidence < 1:
        yield f"a confidence of {objective.confidence:g} is none: it lies between 0 and 1, and is neither"


def _of_limit(objective: Objective) -> Iterable[str]:
    figure, limit = objective.figure, objective.limit
    dimension = _DIMENSION.get(figure)
    if dimension is None:
        return
    if limit.dimension != dimension:
        yield f"the {figure.value} is a {dimension}, its limit of {limit} is a {limit.dimension}"
    if not _is_from_nought(limit):
        yield f"the limit of {limit} is no number from 0 up"
    if figure in _SHARES and limit.dimension == "ratio" and limit.base > 1:
        yield f"the limit of {limit} is over 100 %"
    yield from _of_comparison(objective, dimension)


def _of_comparison(objective: Objective, dimension: str) -> Iterable[str]:
    figure, limit = objective.figure, objective.limit
    match objective.op:
        case Op.HOLDS:
            yield f"the {figure.value} is a figure, and is held against a limit"
        case Op.BELOW if limit.value == 0:
            yield "nothing is below 0"
        case Op.AT_LEAST if limit.value == 0 and figure not in _SIGNED:
            yield "everything is at least 0"
        case Op.AT_LEAST | Op.WITHIN if figure in _ONLY_BELOW:
            yield f"of the {figure.value} it is asked whether it is below a limit, and nothing else"
        case Op.WITHIN:
            yield from _of_tolerance(objective, dimension)


def _of_tolerance(objective: Objective, dimension: str) -> Iterable[str]:
    figure, limit, tolerance = objective.figure, objective.limit, objective.tolerance
    if tolerance is None or tolerance.dimension != dimension or not 0 < tolerance.value < math.inf:
        yield f"± {tolerance or 'nothing'} is no tolerance of the {figure.value}"
    elif figure not in _SIGNED and dimension == "ratio" and tolerance.base >= max(limit.base, 1 - limit.base):
        yield f"every share is within {limit} ± {tolerance}"


def _of_window(objective: Objective) -> Iterable[str]:
    window, older = objective.window, objective.older_than
    if window is not None and (window.dimension != "time" or not _is_from_nought(window) or window.value == 0):
        yield f"a window of {window} is none"
    if older is not None and (older.dimension != "time" or not _is_from_nought(older)):
        yield f"an age of {older} is none"


def _is_from_nought(quantity: Quantity) -> bool:
    return math.isfinite(quantity.value) and quantity.value >= 0
