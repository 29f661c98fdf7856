"""Bounds of a quantile of values with known number, mean, standard deviation, minimum and maximum.

The bounds are valid for any distribution with these moments; if several bounds are known on one side, the tightest counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, rank_at_least, rank_at_most

_METHOD: Final = "order statistics, each within the bounds that mean, standard deviation, minimum and maximum allow (Boyd, Hawkins; Markov)"


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownMoments:
    """Moments of a set of values.

    Attributes:
        n: number of values.
        total: sum of the values.
        squares: sum of the squared values.
        least: a lower bound of the values, such as the minimum of a larger set.
        most: an upper bound of the values.
    """

    n: int
    total: float
    squares: float
    least: float
    most: float

    @property
    def mean(self) -> float:
        """The mean of the values; NaN without values."""
        return self.total / self.n if self.n else math.nan

    @property
    def deviation(self) -> float:
        """The standard deviation of these values, not of a population."""
        return math.sqrt(max(self.squares / self.n - self.mean**2, 0.0)) if self.n else math.nan

    def at_most(self, rank: int) -> float:
        """Upper bound of the value with this rank; rank 1 is the smallest value.

        A. V. Boyd, "Bounds for order statistics", Publikacije Elektrotehničkog fakulteta 365 (1971); D. M. Hawkins, "On the bounds of the range of order
        statistics", JASA 66 (1971): mean + deviation √((rank - 1) / (n - rank + 1)). And Markov's bound: the values from this rank on add up to at most the total.
        """
        above = self.n - rank + 1
        hawkins = self.mean + self.deviation * math.sqrt((rank - 1) / above)
        markov = (self.total - (rank - 1) * self.least) / above
        return min(self.most, hawkins, markov)

    def at_least(self, rank: int) -> float:
        """Lower bound of the value with this rank; rank 1 is the smallest value.

        The bounds of `at_most` from the other side, and one more bound if no value is negative.

        The values up to this rank have a sum of squares of at most this value times their sum. Each value above the rank is at most the maximum, and the
        quotient falls with each value that is left out, so that it is smallest if all of these are the maximum.
        """
        above = self.n - rank
        hawkins = self.mean - self.deviation * math.sqrt(above / rank)
        markov = (self.total - above * self.most) / rank
        rest = self.total - above * self.most
        squares = (self.squares - above * self.most**2) / rest if rest > 0 and self.least >= 0 else self.least
        return max(self.least, hawkins, markov, squares)


def quantile_by_moments(moments: KnownMoments, quantile: float, confidence: float) -> Bounds:
    """Bounds of a population quantile from a sample of values; `value` is the greatest possible quantile of the sample."""
    n = moments.n

    def low(sure: float) -> float:
        rank = rank_at_least(n, quantile, sure)
        return moments.at_least(rank) if rank else -math.inf

    def high(sure: float) -> float:
        rank = rank_at_most(n, quantile, sure)
        return moments.at_most(rank) if rank else math.inf

    own = max(math.ceil(round(quantile * n, 9)), 1)
    return Bounds(
        value=moments.at_most(own) if n else math.nan,
        low=low(confidence),
        high=high(confidence),
        fail_low=low(FAIL_CONFIDENCE),
        fail_high=high(FAIL_CONFIDENCE),
        confidence=confidence,
        n=n,
        method=_METHOD,
    )
