"""The ratio of a quantile at two times: in this run and in the baseline, or in the last hour and in the first."""

from __future__ import annotations

import math

from harness.judgement.figures.trends.timed import Times
from harness.judgement.receipts.watch import Span
from harness.judgement.stats.batches import batch_count
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.comparisons import ratio_of, widened
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import Bounds

TimesIn = tuple[Times, Span]
"""Response times, and the span in which they were measured."""


def ratio_of_quantiles(quantile: float, limit: float, now: TimesIn, then: TimesIn, confidence: float) -> Bounds:
    """The ratio of a quantile now to the same quantile then, from the bounds of both.

    For clustered samples, the bounds of each quantile depend on a limit. The two limits differ by the factor `limit` and are equally far from their
    quantiles. If both quantiles are proven to be on their side of the limit, so is the ratio.
    """
    middle = math.sqrt(now[0].quantile(quantile) * then[0].quantile(quantile) / limit)
    mine = quantile_bounds(quantile, middle * limit, now, confidence)
    theirs = quantile_bounds(quantile, middle, then, confidence)
    return ratio_of(mine, theirs)


def quantile_bounds(quantile: float, limit: float, times: TimesIn, confidence: float) -> Bounds:
    """Bounds of a quantile for comparison with a limit in ms, widened for clustered or slowly varying samples."""
    values, span = times
    bounds = quantile_in_time(values.ms, Timeline.of(values.at_ns, span), quantile, limit, confidence)
    batches = batch_count(values.stall_ns(quantile, span), *span)
    return widened(bounds, values.batched(span, batches), quantile)
