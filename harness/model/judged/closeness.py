"""Computes how close a figure is to its limit, for reasons, reports and the order of figures."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.model.judged.outcome import Outcome
from harness.model.judged.verdict import Measure
from harness.model.planned.objective import Op


def share_of_limit(measure: Measure) -> float | None:
    """The worse bound of a figure as a share of its limit; more than 1 is beyond the limit."""
    if measure.value is None:
        return None
    high = measure.value if measure.high is None else measure.high
    low = measure.value if measure.low is None else measure.low
    return _share(measure, low, high)


def _share(measure: Measure, least: float, most: float) -> float | None:
    """The largest share of its limit that a figure between two bounds takes up; None if that has no meaning."""
    limit = measure.scaled_limit
    if limit is None:
        return None
    if measure.op in (Op.BELOW, Op.AT_MOST) and limit > 0:
        return max(most / limit, 0.0)
    if measure.op == Op.AT_LEAST and measure.unit == "ratio" and limit < 1:
        return (1 - least) / (1 - limit)
    if measure.op == Op.AT_LEAST and least > 0:
        return limit / least
    if measure.op == Op.WITHIN and measure.tolerance:
        return max(most - limit, limit - least) / measure.tolerance
    return None


def proven_excess(measure: Measure) -> float:
    """How far a failed figure is proven to be beyond its limit, as a multiple of the limit (the better bound counts).

    The result is infinite without a bound or a value. For a limit of 0 it is the count.
    """
    if measure.excess is not None:
        return measure.excess
    low = measure.value if measure.low is None else measure.low
    high = measure.value if measure.high is None else measure.high
    if low is None or high is None:
        return math.inf
    share = _share(measure, high, low)
    if share is None:
        return low if measure.scaled_limit == 0 else math.inf
    return share


def closeness(measure: Measure) -> float:
    """Sort key for figures of one outcome, highest for the worst.

    Failed figures are sorted by proven excess, other figures by closeness to the limit.
    """
    if measure.outcome is Outcome.FAIL:
        return proven_excess(measure)
    return share_of_limit(measure) or 0.0


def leading_first(measures: Iterable[Measure]) -> list[Measure]:
    """Figures of one outcome in order of explanation: the kind closest to the cause first, then the worst figure."""
    return sorted(measures, key=lambda measure: (measure.because.rank, -closeness(measure)))
