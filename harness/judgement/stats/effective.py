"""Exact bounds of a share of clustered bad requests.

Requests that fail for one cause are one piece of evidence, not many. The bounds are those of Clopper and Pearson for the effective number of independent
requests. The original bounds assume one more failure; these bounds assume one more cluster of the largest expected size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from harness.judgement.special import betaincinv, gammaincinv, ndtri, stdtrit
from harness.judgement.stats.statistics import share_at_least

NEXT_LARGER: Final = 5.0
"""Assumed size of the next cluster, as a multiple of the largest observed.

With log-normal sizes of sigma 1.5, of the windows that have one of 2.6 expected clusters a platform at its limit passes in 12 %; with 2
in 23 %. With 6 in 6 to 10 %, hardly less, but one stall of 0.5 s in three minutes then passes a p95 in 47 % of windows in place of 91 %.
"""
ENOUGH: Final = 15
"""Minimum number of clusters that shows how much their sizes vary."""
LEAST_SURE: Final = 0.6
"""Confidence below which t / z is constant, as z is 0 at one half; t / z hardly changes there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clustering:
    """The bad requests of a window, clustered by one rule.

    Attributes:
        rule: common property of the bad requests of a cluster, in words.
        n: number of requests in the window.
        bad: number of bad requests in the window.
        squares: sum of the squared sizes of clusters; at least `bad`. A size excludes requests that are bad by chance.
        next_size: assumed size of the worst future cluster.
        few: whether the number of clusters is below ENOUGH.
        degrees: degrees of freedom of `squares` if clusters are few; 0 if `squares` is well known.
        note: why the bounds are wide, if the cause is not the number of clusters.
        telling: whether chance alone rarely gives such clusters; if not, the rule only prevents a FAIL.
    """

    rule: str
    n: float
    bad: float
    squares: float
    next_size: float
    few: bool = False
    degrees: int = 0
    note: str = ""
    telling: bool = True

    @property
    def size(self) -> float:
        """The design effect: number of bad requests that are worth one independent bad request."""
        return self.squares / self.bad if self.bad else 1.0

    @property
    def effective(self) -> float:
        """Effective number of clusters (Kish)."""
        return self.bad / self.size

    @property
    def method(self) -> str:
        """The method of the bounds, in words."""
        how = "exact binomial bounds (Clopper-Pearson)"
        return f"share, clustered by {self.rule}: {how} for an effective count of {self.effective:.3g}"

    @property
    def why(self) -> str:
        """Why the bounds are wide; empty if more requests narrow them."""
        if not self.few or self.effective >= ENOUGH:
            return self.note
        return f"bad samples are clustered by {self.rule}, and with fewer than {ENOUGH} clusters the next may be {NEXT_LARGER:g} times as large"

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
        return betaincinv(total / size, (self.n - self.bad) / size, confidence)

    def longer(self, times: float) -> Clustering:
        """The clustering for `times` the length: more clusters of the same sizes, and still one assumed worst cluster."""
        return replace(self, n=self.n * times, bad=self.bad * times, squares=self.squares * times)

    def _unsure(self, confidence: float) -> float:
        """Factor on the size of clusters because it is estimated: (t / z)², after Korn and Graubard."""
        if not self.degrees:
            return 1.0
        sure = max(confidence, LEAST_SURE)
        return (stdtrit(self.degrees, sure) / ndtri(sure)) ** 2


def sum_at_most(total: float, squares: float, next_size: float, confidence: float) -> float:
    """Upper bound of the sum of the sizes of a Poisson number of clusters; source as for `Clustering.at_most`.

    Args:
        total: sum of the observed sizes.
        squares: sum of the squared sizes.
        next_size: assumed size of one more cluster.
        confidence: confidence of the bound.
    """
    if total + next_size <= 0:
        return 0.0
    size = (squares + next_size**2) / (total + next_size)
    return size * gammaincinv((total + next_size) / size, confidence)


def sum_at_least(total: float, squares: float, confidence: float) -> float:
    """Lower bound of the sum of the sizes of clusters; 0.0 without clusters. Source as for `Clustering.at_most`, equation 3."""
    return squares / total * gammaincinv(total**2 / squares, 1 - confidence) if total > 0 < squares else 0.0
