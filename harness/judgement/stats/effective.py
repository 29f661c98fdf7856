"""Exact bounds of a share whose bad ones come in clusters.

Requests that fail for one cause are one piece of evidence, not many. The bounds here are those of Clopper and Pearson for as many independent
requests as the clusters are worth, with one more cluster, the worst to come, where theirs have one more failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scipy.special import betaincinv, gammaincinv, ndtri, stdtrit

from harness.judgement.stats.statistics import share_at_least

NEXT_LARGER: Final = 5.0
"""The next cluster may be so many times as large as the largest observed. With log-normal sizes, of the windows that have a cluster a
platform at its limit passes in 3 % (sigma 1) or 11 % (sigma 1.5); with 2 in place of 5 in 8 or 23 %; with 7 one stall of 0.5 s in three
minutes would not pass a p95."""
ENOUGH: Final = 15
"""Fewer clusters do not show how unequal they are."""
LEAST_SURE: Final = 0.6
"""Below it t / z is taken as it is there, as z is 0 at a half; it hardly changes there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clustering:
    """The bad ones of a window, clustered by one rule.

    Attributes:
        rule: what bad ones of a cluster have in common, for people.
        n, bad: counts of the window.
        squares: sum of the squares of the sizes; at least `bad`. What is bad by chance within a cluster is no part of its size.
        next_size: size of the worst cluster to come.
        few: whether fewer than ENOUGH clusters do not show how unequal they are.
        degrees: degrees of freedom that the squares rest on, where these are few; 0 where they are known well.
        note: why the bounds are wide, where that is not that clusters are few.
    """

    rule: str
    n: int
    bad: int
    squares: float
    next_size: float
    few: bool = False
    degrees: int = 0
    note: str = ""

    @property
    def size(self) -> float:
        """How many bad ones are worth one independent one: the design effect."""
        return self.squares / self.bad if self.bad else 1.0

    @property
    def effective(self) -> float:
        """How many clusters of equal size are worth as much (Kish)."""
        return self.bad / self.size

    @property
    def why(self) -> str:
        """Why the bounds are wide; empty where more requests narrow them."""
        if not self.few or self.effective >= ENOUGH:
            return self.note
        return f"clustered by {self.rule}; with fewer than {ENOUGH} clusters the next may be {NEXT_LARGER:g} times as large"

    def at_least(self, confidence: float) -> float:
        """Lower bound of the share.

        Source: E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected number of positive counts
        estimated from survey data", Survey Methodology 24 (1998): Clopper and Pearson's bound of n over the design effect.
        """
        size = self.size * self._unsure(confidence)
        return share_at_least(self.bad / size, self.n / size, confidence)

    def at_most(self, confidence: float) -> float:
        """Upper bound of the share.

        Source: M. P. Fay and E. J. Feuer, "Confidence intervals for directly standardized rates: a method based on the gamma distribution",
        Statistics in Medicine 16 (1997), equation 2, with the beta distribution in place of the gamma, as there are no more than n.
        """
        if self.bad >= self.n:
            return 1.0
        total = self.bad + self.next_size
        size = (self.squares + self.next_size**2) / total * self._unsure(confidence)
        return float(betaincinv(total / size, (self.n - self.bad) / size, confidence))

    def _unsure(self, confidence: float) -> float:
        """How many times as large clusters count because their size is estimated: (t / z)², as Korn and Graubard have it."""
        if not self.degrees:
            return 1.0
        sure = max(confidence, LEAST_SURE)
        return float((stdtrit(self.degrees, sure) / ndtri(sure)) ** 2)


def sum_at_most(total: float, squares: float, next_size: float, confidence: float) -> float:
    """Upper bound of a sum of clusters whose number is Poisson; `squares` is the sum of their squares. Source as `Clustering.at_most`."""
    if total + next_size <= 0:
        return 0.0
    size = (squares + next_size**2) / (total + next_size)
    return size * float(gammaincinv((total + next_size) / size, confidence))


def sum_at_least(total: float, squares: float, confidence: float) -> float:
    """Lower bound of a sum of clusters; 0.0 of none. Source as `Clustering.at_most`, equation 3."""
    return squares / total * float(gammaincinv(total**2 / squares, 1 - confidence)) if total > 0 < squares else 0.0
