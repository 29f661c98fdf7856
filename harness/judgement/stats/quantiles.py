"""Bounds of a quantile from samples that need not be independent.

The claim `p95 is below L` is equivalent to `the share of values of L or more is below 5 %`, so the share is judged, by module `clustered`. Bounds in the
unit of the quantile are shown too; they lie on the same side of L as the bounds of the share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
    """The limit, the share allowed at or over it, and the adjacent values on either side."""

    may: float
    below: float
    above: float

    def agreeing(self, bound: float, share: float) -> float:
        """The bound of the quantile, moved to the side of the limit that the bound of the share requires."""
        return max(bound, self.above) if share > 0 and share >= self.may else min(bound, self.below)


def quantile_in_time(
    values: Floats, timeline: Timeline, quantile: float, limit: float, confidence: float, *, claim: bool = False
) -> Bounds:
    """A quantile for comparison with a limit, with bounds that are also valid for clustered samples.

    Infinite values are over any limit. If the samples over the quantile or over the limit are clustered, the ranks of the bounds are moved outwards, by
    the ratio between the bounds of the share over the quantile and that share. `claim` is as in `share_in_time`, for the share over the limit.
    Source: R. S. Woodruff, "Confidence intervals for medians and other position measures", Journal of the American Statistical
    Association 47 (1952).
    """
    n = len(values)
    (value,) = quantiles_of(apart := values.copy(), quantile)
    over = values >= limit
    at_limit = share_in_time(timeline.slots(over), confidence, claim=claim)
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
        over=at_limit.fail_low / (1 - quantile) if quantile < 1 else None,
        longer=lambda times: _beside(at_limit, times, limit, 1 - quantile),
    )


def _beside(at_limit: Bounds, times: float, limit: float, may: float) -> Bounds:
    """Bounds of the quantile that only show its side of the limit, if the same traffic went on for `times` as long."""
    share = at_limit if at_limit.longer is None else at_limit.longer(times)
    below = math.nextafter(limit, -math.inf)

    def side(bound: float) -> float:
        return limit if bound > 0 and bound >= may else below

    return replace(
        share,
        value=side(share.value),
        low=side(share.low),
        high=side(share.high),
        fail_low=side(share.fail_low),
        fail_high=side(share.fail_high),
    )


def _rank_low(n: int, quantile: float, confidence: float, share: Bounds, low: float) -> int:
    """Rank of a lower bound; 0: no rank. The looser one of exact and clustered bounds."""
    exact = rank_at_least(n, quantile, confidence)
    if not share.clustered:
        return exact
    loose = n * (1 - (1 - quantile) * share.value / low) if low > 0 else 0.0
    return min(exact, math.floor(max(loose, 0.0)))  # minus infinity for a bound of next to nothing


def _rank_high(n: int, quantile: float, confidence: float, share: Bounds, high: float) -> int:
    """Rank of an upper bound; n + 1: no rank."""
    exact = rank_at_most(n, quantile, confidence) or n + 1
    if not share.clustered:
        return exact
    return max(exact, math.ceil(n * (1 - (1 - quantile) * share.value / high)))


def _at_ranks(values: Floats, ranks: list[int]) -> list[float]:
    """The order statistics of these ranks, infinite beyond the ends; reorders the values."""
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
