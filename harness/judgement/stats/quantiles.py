"""Bounds of a quantile from looks that need not be independent.

The claim `p95 is below L` is the claim `the share of L and more is below 5 %`, so that share is judged, by `clustered`. Bounds in
the quantile's own unit are shown beside it, and are on the same side of L as those of the share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.statistics import (
    FAIL_CONFIDENCE,
    RAW,
    Bounds,
    Floats,
    quantiles_of,
    rank_at_least,
    rank_at_most,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Limit:
    """The limit, the share that may lie at or over it, and the values next to it on either side."""

    may: float
    below: float
    above: float

    def agreeing(self, bound: float, share: float) -> float:
        """The bound of the quantile, on the side of the limit where the bound of the share at the limit puts it."""
        return max(bound, self.above) if share > 0 and share >= self.may else min(bound, self.below)


def quantile_in_time(values: Floats, timeline: Timeline, quantile: float, limit: float, confidence: float) -> Bounds:
    """A quantile with bounds that hold for clustered looks as well, to be held against a limit; infinite values are over any limit.

    Where the looks over the quantile, or over the limit, are clustered, the ranks of the bounds are as far out as the bounds of the
    share over the quantile are, by their ratio to it.
    Source: R. S. Woodruff, "Confidence intervals for medians and other position measures", Journal of the American Statistical
    Association 47 (1952).
    """
    n = len(values)
    (value,) = quantiles_of(apart := values.copy(), quantile)
    over = values >= limit
    at_limit = share_in_time(timeline.slots(over), confidence)
    at_value = share_in_time(timeline.slots(values > value), confidence)
    ranks = [
        _rank_low(n, quantile, confidence, at_value, at_value.low),
        _rank_low(n, quantile, FAIL_CONFIDENCE, at_value, at_value.fail_low),
        _rank_high(n, quantile, confidence, at_value, at_value.high),
        _rank_high(n, quantile, FAIL_CONFIDENCE, at_value, at_value.fail_high),
    ]
    found = _at_ranks(apart, ranks)
    line = _Limit(
        may=1 - quantile,
        below=float(np.max(values, where=~over, initial=-math.inf)),
        above=float(np.min(values, where=over, initial=math.inf)),
    )
    return Bounds(
        value=value,
        low=line.agreeing(found[0], at_limit.low),
        fail_low=line.agreeing(found[1], at_limit.fail_low),
        high=line.agreeing(found[2], at_limit.high),
        fail_high=line.agreeing(found[3], at_limit.fail_high),
        confidence=confidence,
        n=n,
        method=_method(at_limit, at_value),
        clustered=at_limit.clustered or at_value.clustered,
        why=at_limit.why,
    )


def _rank_low(n: int, quantile: float, confidence: float, share: Bounds, low: float) -> int:
    """Rank of a lower bound; 0: none is. The looser of the exact one and that of the clustered share above the quantile."""
    exact = rank_at_least(n, quantile, confidence)
    if not share.clustered:
        return exact
    return min(exact, math.floor(n * (1 - (1 - quantile) * share.value / low))) if low > 0 else 0


def _rank_high(n: int, quantile: float, confidence: float, share: Bounds, high: float) -> int:
    """Rank of an upper bound; n + 1: none is."""
    exact = rank_at_most(n, quantile, confidence) or n + 1
    if not share.clustered:
        return exact
    return max(exact, math.ceil(n * (1 - (1 - quantile) * share.value / high)))


def _at_ranks(values: Floats, ranks: list[int]) -> list[float]:
    """The order statistics of these ranks, infinite beyond the first and the last; the values are put into another order."""
    n = len(values)
    if inside := sorted({rank - 1 for rank in ranks if 1 <= rank <= n}):
        values.partition(inside)
    ends = {False: math.inf, True: -math.inf}
    return [float(values[rank - 1]) if 1 <= rank <= n else ends[rank < 1] for rank in ranks]


def _method(at_limit: Bounds, at_value: Bounds) -> str:
    if at_limit.clustered:
        return f"raw samples; at the limit: {at_limit.method}"
    if at_value.clustered:
        return f"raw samples; at the quantile: {at_value.method}; exact at the limit"
    return RAW
