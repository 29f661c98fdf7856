"""How close a figure is to its limit: one rule for the reason of a verdict, every report and every order of figures."""

from __future__ import annotations

import math

from harness.errors import UsageError
from harness.model.objective import Op
from harness.model.quantity import Quantity
from harness.model.verdict import Measure, Outcome


def share_of_limit(measure: Measure) -> float | None:
    """How much of its limit a figure takes up, by its bound on the bad side: 1 is the limit itself, more is beyond it."""
    limit = measure.scaled_limit
    if limit is None or measure.value is None:
        return None
    high = measure.value if measure.high is None else measure.high
    low = measure.value if measure.low is None else measure.low
    if measure.op == Op.BELOW and limit > 0:
        return max(high / limit, 0.0)
    if measure.op == Op.AT_LEAST and measure.unit == "ratio" and limit < 1:
        return (1 - low) / (1 - limit)
    if measure.op == Op.AT_LEAST and low > 0:
        return limit / low
    if measure.op == Op.WITHIN and (tolerance := _tolerance(measure)):
        return max(high - limit, limit - low) / tolerance
    return None


def _tolerance(measure: Measure) -> float:
    try:
        return Quantity.parse(measure.limit.partition("±")[2]).base
    except UsageError:
        return 0.0


def closeness(measure: Measure) -> float:
    """The order of figures of one kind, the worst one highest: a failed one that has no value first, one that has no limit last."""
    share = share_of_limit(measure)
    if share is not None:
        return share
    return math.inf if measure.value is None and measure.outcome is Outcome.FAIL else 0.0
