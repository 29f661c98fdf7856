"""Time batches: equal parts of a window, longer than any stall, so that batches are independent even if requests are not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.special import stdtrit
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, Floats, share_at_least, share_at_most
from harness.model.records.table import Bools, Ints

FEWEST_BATCHES: Final = 20
"""Minimum number of time batches for an estimate of their variance."""

MOST_BATCHES: Final = 60
"""Maximum number of time batches: more, shorter ones do not narrow the bounds."""

SKEWED: Final = 1.5
"""Factor on Johnson's correction for skewness.

With episodes of exponential size in half of 40 batches the coverage is 93 % with this factor, 94 % with twice and 89 % with none.
"""

WAVES: Final = 4
"""Number of the slowest cosines: periods down to half of the window.

With connections of 5 s in batches of 2.5 s a share beyond its limit passes in 20 % of windows without them, in 6 % with six, in 5 % with four;
one at its limit fails in 10, 0.5 and 0.5 %.
"""

NO_REQUESTS: Final = "no requests were recorded to compare"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Counts of one sample in each time batch.

    Attributes:
        n: number of requests.
        bad: number of bad requests.
    """

    n: Ints
    bad: Ints

    @property
    def total(self) -> int:
        """Number of requests."""
        return int(self.n.sum())

    @property
    def bad_total(self) -> int:
        """Number of bad requests."""
        return int(self.bad.sum())

    @property
    def share(self) -> float:
        """Share of bad requests; NaN without requests."""
        return self.bad_total / self.total if self.total else math.nan

    @property
    def pull(self) -> Floats:
        """Linearised contribution of each batch to the share; the sum is 0."""
        return np.asarray((self.bad - self.share * self.n) / self.total, dtype=np.float64)

    @property
    def due(self) -> Floats:
        """The variance of each batch's pull for independent requests."""
        return np.asarray(self.share * (1 - self.share) * self.n / self.total**2, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchedSample:
    """Values of one sample with their time batches, in any order.

    Attributes:
        values: the values.
        batch: index of each value's batch, from 0.
        batches: number of batches.
    """

    values: Floats
    batch: Ints
    batches: int

    def tally(self, bad: Bools) -> Tally:
        """Count the values of each batch, and the bad ones."""
        return Tally(
            n=np.bincount(self.batch, minlength=self.batches),
            bad=np.bincount(self.batch[bad], minlength=self.batches),
        )


def batch_count(longest_stall_ns: int, start_ns: int, end_ns: int) -> int:
    """Number of equal time batches of a window; 0 if fewer than the minimum fit into it.

    At most MOST_BATCHES, each at least twice as long as the longest stall.
    """
    count = min(MOST_BATCHES, (end_ns - start_ns) // max(2 * longest_stall_ns, 1))
    return count if count >= FEWEST_BATCHES else 0


def batch_of(at_ns: Ints, start_ns: int, end_ns: int, batches: int) -> Ints:
    """Index of the batch, from 0, of each time in [start, end)."""
    return np.asarray((at_ns - start_ns) * batches // max(end_ns - start_ns, 1), dtype=np.int64)


def share_by_batches(tally: Tally, confidence: float) -> Bounds:
    """Bounds of the share of requests that go to one place, by time batches.

    The widest of three intervals counts: the exact interval for independent requests, the interval of the share linearised by batches (Cochran, as in
    `share_difference`), and the interval by the slowest waves of the batches, for connections that outlive a batch. They are intended for shares that
    always swing about their mean, such as the shares of a load balancer. Failures come in episodes; module `clustered` has their bounds.
    """
    n, batches = tally.total, len(tally.n)
    method = f"share of requests; the widest of three intervals: exact for independent requests, by {batches} time batches, by their {WAVES} slowest waves"
    if not n or batches < FEWEST_BATCHES:
        return unbounded(
            math.nan, n, confidence, method, NO_REQUESTS if not n else "the window has too few time batches"
        )
    return _for_so_long(tally, confidence, method, 1.0)


def _for_so_long(tally: Tally, confidence: float, method: str, times: float) -> Bounds:
    """The bounds that the same traffic would give over `times` the length."""
    n, bad = tally.total * times, tally.bad_total * times

    def low(sure: float) -> float:
        reach = max(batch_reach(-tally.pull, sure, times), wave_reach(tally.pull, sure, times))
        return min(share_at_least(bad, n, sure), tally.share - reach)

    def high(sure: float) -> float:
        reach = max(batch_reach(tally.pull, sure, times), wave_reach(tally.pull, sure, times))
        return max(share_at_most(bad, n, sure), tally.share + reach)

    return Bounds(
        value=tally.share,
        low=low(confidence),
        high=high(confidence),
        fail_low=low(FAIL_CONFIDENCE),
        fail_high=high(FAIL_CONFIDENCE),
        confidence=confidence,
        n=round(n),
        method=method,
        longer=lambda more: _for_so_long(tally, confidence, method, times * more),
    )


def batch_reach(pull: Floats, sure: float, times: float = 1.0) -> float:
    """The margin of the upper bound above the sum of the batches' pulls.

    Student's t, moved by the skewness of the batches: N. J. Johnson, "Modified t tests and confidence intervals for asymmetrical
    populations", JASA 73 (1978), equation 2.7, times SKEWED, and never to the side that would narrow the interval.

    Args:
        pull: contribution of each batch.
        sure: confidence of the bound.
        times: factor on the number of similar batches.
    """
    m, second = len(pull), float((pull * pull).mean())
    if second == 0:
        return 0.0
    error, t = math.sqrt(second * m * m / (m - 1) / times), stdtrit(m - 1, sure)
    skewness = (
        float((pull**3).mean()) / math.pow(second, 1.5) * math.sqrt(m * (m - 1)) / (m - 2)
    )  # from Fisher's g to G
    return error * (t + SKEWED * max(skewness, 0.0) * (1 + 2 * t * t) / (6 * math.sqrt(m * times)))


def wave_reach(pull: Floats, sure: float, times: float = 1.0) -> float:
    """The margin as in `batch_reach`, for correlated neighbouring batches, from their slowest waves.

    Source: E. Lazarus, D. J. Lewis, J. H. Stock and M. W. Watson, "HAR inference: recommendations for practice", Journal of Business &
    Economic Statistics 36 (2018), the equal-weighted cosine estimator of the long-run variance.
    """
    middles = (np.arange(len(pull)) + 0.5) / len(pull)
    waves = np.cos(np.pi * np.outer(np.arange(1, WAVES + 1), middles)) @ pull
    return math.sqrt(2 * float((waves * waves).mean()) / times) * stdtrit(WAVES, sure)


def unbounded(value: float, n: int, confidence: float, method: str, why: str) -> Bounds:
    """Infinite bounds of a figure, with the reason for which no bound can be computed."""
    return Bounds(
        value=value,
        low=-math.inf,
        high=math.inf,
        fail_low=-math.inf,
        fail_high=math.inf,
        confidence=confidence,
        n=n,
        method=method,
        why=why,
    )
