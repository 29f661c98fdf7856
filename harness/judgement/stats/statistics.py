"""Exact bounds for shares and quantiles, and the sample sizes that claims need.

All bounds are one-sided and assume independent requests; module `clustered` has bounds without this assumption.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.judgement.special import bdtr, betaincinv, ndtri

FAIL_CONFIDENCE: Final = 0.9975
"""Confidence of the bound that must be outside the limit for a FAIL.

Twenty verdicts at 5 % would give a false alarm in two of three runs, at 0.25 % in one of twenty.
"""
BY_CHANCE: Final = 1 - FAIL_CONFIDENCE
"""A result that comes by chance with more than this probability proves nothing."""

RAW: Final = "raw samples with order-statistic bounds"
"""The method of a quantile of samples that appear independent."""

MOST_NEEDED: Final = 10**9
"""Maximum sample size to report; a claim that needs more is impossible."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """A figure with its bounds.

    Attributes:
        value: measured value.
        low: one-sided lower bound at `confidence`; infinite if the evidence gives no bound.
        high: one-sided upper bound at `confidence`; infinite if the evidence gives no bound.
        fail_low: one-sided lower bound at FAIL_CONFIDENCE.
        fail_high: one-sided upper bound at FAIL_CONFIDENCE.
        confidence: confidence of `low` and of `high`.
        n: number of samples, independent or not.
        method: method of the bounds, in words.
        clustered: whether the bounds allow for dependent samples.
        why: why the samples are not sufficient; empty if only more samples are needed.
        claim: the statement of a PASS if it is weaker than its confidence, in words: observed time, and outages that may be missed.
        longer: computes the bounds for a multiple of the time with the same traffic; for a quantile only their side of its limit. None: unknown.
        over: for a quantile, the bound that proves a FAIL, as a multiple of the share that may be over the limit; None for a share.
    """

    value: float
    low: float
    high: float
    fail_low: float
    fail_high: float
    confidence: float
    n: int
    method: str
    clustered: bool = False
    why: str = ""
    claim: str = ""
    longer: Callable[[float], Bounds] | None = field(default=None, compare=False, repr=False)
    over: float | None = field(default=None, compare=False)

    def rescaled(self, factor: float = 1.0, plus: float = 0.0) -> Bounds:
        """The bounds of this figure times a positive `factor`, plus a constant."""
        longer = self.longer
        return replace(
            self,
            value=self.value * factor + plus,
            low=self.low * factor + plus,
            high=self.high * factor + plus,
            fail_low=self.fail_low * factor + plus,
            fail_high=self.fail_high * factor + plus,
            longer=None if longer is None else lambda times: longer(times).rescaled(factor, plus),
        )


def share_at_least(k: float, n: float, confidence: float) -> float:
    """Lower bound of a share if k of n samples were counted.

    Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934), by quantiles of the beta distribution.
    """
    return 0.0 if k <= 0 else betaincinv(k, n - k + 1, 1 - confidence)


def share_at_most(k: float, n: float, confidence: float) -> float:
    """Upper bound of a share if k of n samples were counted; source as for `share_at_least`."""
    return 1.0 if k >= n else betaincinv(k + 1, n - k, confidence)


def share_bounds(k: float, n: float, confidence: float) -> Bounds:
    """The share k in n with its exact binomial bounds; n = 0 gives no bound. Extrapolated counts need not be integers."""
    return Bounds(
        value=k / n if n else math.nan,
        low=share_at_least(k, n, confidence),
        high=share_at_most(k, n, confidence),
        fail_low=share_at_least(k, n, FAIL_CONFIDENCE),
        fail_high=share_at_most(k, n, FAIL_CONFIDENCE),
        confidence=confidence,
        n=round(n),
        method="share with exact binomial bounds (Clopper-Pearson)",
        longer=lambda times: share_bounds(k * times, n * times, confidence),
    )


def rank_at_least(n: int, quantile: float, confidence: float) -> int:
    """The highest rank (1 to n) whose order statistic is a lower bound of the quantile; 0 if no rank is.

    P(X_(r) <= quantile) = P(Binomial(n, quantile) >= r), whatever the distribution.
    Source: H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed., section 7.1.
    """
    return bisect_left(range(n), x=True, key=lambda rank: bdtr(rank, n, quantile) > 1 - confidence)


def rank_at_most(n: int, quantile: float, confidence: float) -> int | None:
    """The lowest rank (1 to n) whose order statistic is an upper bound of the quantile; None if no rank is.

    P(X_(r) >= quantile) >= P(Binomial(n, quantile) <= r - 1), whatever the distribution; source as `rank_at_least`.
    """
    rank = bisect_left(range(n), x=True, key=lambda below: bdtr(below, n, quantile) >= confidence) + 1
    return rank if rank <= n else None


def quantile_of(ordered: Floats, quantile: float) -> float:
    """The smallest value that at least a share `quantile` of the values does not exceed; NaN without values.

    `ordered` must ascend.
    """
    return float(ordered[_rank(len(ordered), quantile) - 1]) if len(ordered) else math.nan


def _rank(n: int, quantile: float) -> int:
    return max(math.ceil(round(quantile * n, 9)), 1)


def quantiles_of(values: npt.NDArray[Any], *quantiles: float) -> list[float]:
    """Quantiles of values in any order, defined as in `quantile_of`; reorders the values.

    Nine times as fast as sorting a copy.
    """
    if not len(values):
        return [math.nan] * len(quantiles)
    places = [_rank(len(values), quantile) - 1 for quantile in quantiles]
    values.partition(places)
    return [float(value) for value in values[places]]


def quantile_bounds(ordered: Floats, quantile: float, confidence: float) -> Bounds:
    """A quantile of values in ascending order with its order-statistic bounds.

    Infinite values count as over any limit.
    """
    n = len(ordered)

    def at_least(sure: float) -> float:
        rank = rank_at_least(n, quantile, sure)
        return float(ordered[rank - 1]) if rank else -math.inf

    def at_most(sure: float) -> float:
        rank = rank_at_most(n, quantile, sure)
        return float(ordered[rank - 1]) if rank else math.inf

    return Bounds(
        value=quantile_of(ordered, quantile),
        low=at_least(confidence),
        high=at_most(confidence),
        fail_low=at_least(FAIL_CONFIDENCE),
        fail_high=at_most(FAIL_CONFIDENCE),
        confidence=confidence,
        n=n,
        method=RAW,
    )


@lru_cache(maxsize=4096)
def needed(k: int, share: float, confidence: float) -> int | None:
    """Minimum sample size that proves `share < limit` with k failures; None if impossible.

    The least n with P(Binomial(n, share) <= k) <= 1 - confidence: 2 995 for 0.1 % without a failure, 59 for a p95, 299 for a p99.
    """
    if share <= 0:
        return None
    enough = range(k + 1, MOST_NEEDED)
    index = bisect_left(enough, x=True, key=lambda n: bdtr(k, n, share) <= 1 - confidence)
    return enough[index] if index < len(enough) else None


def least_n(bounds: Bounds, decided: Callable[[Bounds], bool]) -> int | None:
    """Minimum number of samples at which the bounds decide, at the same rate and cluster sizes; None: no number decides.

    Args:
        bounds: bounds of the present samples.
        decided: returns whether bounds decide; bounds that decide must also decide with more samples.
    """
    if bounds.longer is None or not bounds.n:
        return None
    longer, more = bounds.longer, range(bounds.n + 1, MOST_NEEDED)
    index = bisect_left(more, x=True, key=lambda n: decided(longer(n / bounds.n)))
    return more[index] if index < len(more) else None


def needed_within(share: float, margin: float, confidence: float) -> int | None:
    """Approximate sample size that distinguishes a share from a limit at distance `margin`; None if impossible.

    The normal approximation n = z² p (1 - p) / margin², for hints only; no verdict is based on it.
    """
    if margin <= 0:
        return None
    n = ndtri(confidence) ** 2 * share * (1 - share) / margin**2
    return max(math.ceil(n), 1) if n <= MOST_NEEDED else None
