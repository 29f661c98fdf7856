"""Exact bounds for shares and quantiles, and how much evidence a claim needs.

All bounds here are one-sided and assume independent requests; `clustered` sets bounds beside them that do not.
From `scipy.special`: `scipy.stats` says the same and takes four times as long to import, which every replay would wait for.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, betaincinv, ndtri

FAIL_CONFIDENCE: Final = 0.9975
"""Of the bound that must be outside the limit for a FAIL: twenty verdicts at 5 % would raise one false alarm in three runs, at 0.25 % one in twenty."""

RAW: Final = "raw samples with order-statistic bounds"
"""How a quantile was made of looks that seem independent."""

MOST_NEEDED: Final = 10**9
"""More evidence than this is not asked for: the claim cannot be made."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """A figure between its bounds.

    Attributes:
        value: as measured.
        low, high: one-sided bounds at `confidence` each; infinite where the evidence bounds nothing.
        fail_low, fail_high: the same at FAIL_CONFIDENCE.
        confidence: of `low` and of `high`.
        n: looks behind it, however much they hang together.
        method: how it was made.
        clustered: whether the looks were not independent, and the bounds are made for that.
        why: why so few of them bear nothing; empty where more looks are all that lacks.
        claim: what a PASS claims, where that is less than its confidence: what was observed, and what it does not exclude.
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


def share_at_least(k: float, n: float, confidence: float) -> float:
    """Lower bound of a share of which k in n were seen.

    Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934), by quantiles of the beta distribution.
    """
    return 0.0 if k <= 0 else float(betaincinv(k, n - k + 1, 1 - confidence))


def share_at_most(k: float, n: float, confidence: float) -> float:
    """Upper bound of a share of which k in n were seen; source as `share_at_least`."""
    return 1.0 if k >= n else float(betaincinv(k + 1, n - k, confidence))


def share_bounds(k: int, n: int, confidence: float) -> Bounds:
    """The share k in n with its exact binomial bounds; n of 0 bounds nothing."""
    return Bounds(
        value=k / n if n else math.nan,
        low=share_at_least(k, n, confidence),
        high=share_at_most(k, n, confidence),
        fail_low=share_at_least(k, n, FAIL_CONFIDENCE),
        fail_high=share_at_most(k, n, FAIL_CONFIDENCE),
        confidence=confidence,
        n=n,
        method="share with exact binomial bounds (Clopper-Pearson)",
    )


def rank_at_least(n: int, quantile: float, confidence: float) -> int:
    """The highest rank (1 to n) whose order statistic is a lower bound of the quantile; 0: none is.

    P(X_(r) <= quantile) = P(Binomial(n, quantile) >= r), whatever the distribution.
    Source: H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed., section 7.1.
    """
    return bisect_left(range(n), x=True, key=lambda rank: bdtr(rank, n, quantile) > 1 - confidence)


def rank_at_most(n: int, quantile: float, confidence: float) -> int | None:
    """The lowest rank (1 to n) whose order statistic is an upper bound of the quantile; None: none is.

    P(X_(r) >= quantile) >= P(Binomial(n, quantile) <= r - 1), whatever the distribution; source as `rank_at_least`.
    """
    rank = bisect_left(range(n), x=True, key=lambda below: bdtr(below, n, quantile) >= confidence) + 1
    return rank if rank <= n else None


def quantile_of(ordered: Floats, quantile: float) -> float:
    """The smallest value that at least this share of the values does not exceed; `ordered` ascending. NaN of nothing."""
    return float(ordered[_rank(len(ordered), quantile) - 1]) if len(ordered) else math.nan


def _rank(n: int, quantile: float) -> int:
    return max(math.ceil(round(quantile * n, 9)), 1)


def quantiles_of(values: npt.NDArray[Any], *quantiles: float) -> list[float]:
    """The same quantiles of values in any order, which they are put out of: nine times as fast as to order a copy of them all."""
    if not len(values):
        return [math.nan] * len(quantiles)
    places = [_rank(len(values), quantile) - 1 for quantile in quantiles]
    values.partition(places)
    return [float(value) for value in values[places]]


def quantile_bounds(ordered: Floats, quantile: float, confidence: float) -> Bounds:
    """A quantile of values in ascending order with its order-statistic bounds; infinite values count as over any limit."""
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


def needed(k: int, share: float, confidence: float) -> int | None:
    """Fewest looks that bear the claim `the share of bad ones is below this`, k bad ones among them; None: no number does.

    The least n with P(Binomial(n, share) <= k) <= 1 - confidence: 2 995 for 0.1 % without a failure, 59 for a p95, 299 for a p99.
    """
    if share <= 0:
        return None
    enough = range(k + 1, MOST_NEEDED)
    index = bisect_left(enough, x=True, key=lambda n: bdtr(k, n, share) <= 1 - confidence)
    return enough[index] if index < len(enough) else None


def needed_within(share: float, margin: float, confidence: float) -> int | None:
    """About how many looks tell a share from a limit `margin` away; None where there is no margin.

    The normal approximation n = z² p (1 - p) / margin², to tell people what to ask for; no verdict rests on it.
    """
    if margin <= 0:
        return None
    n = float(ndtri(confidence)) ** 2 * share * (1 - share) / margin**2
    return max(math.ceil(n), 1) if n <= MOST_NEEDED else None
