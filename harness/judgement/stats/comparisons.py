"""Comparisons of two samples: a canary with the stable release, a run with its baseline.

Requests are not independent during a stall. Two releases in one window have the same stalls, so their difference is computed per time
batch, where common effects cancel out. An interval for independent requests is computed as well, and the wider one counts. Two runs
have different stalls: each has its own bounds, and the bounds of their ratio are computed from these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import chdtri, ndtri, stdtrit

from harness.judgement.stats.effective import ENOUGH, NEXT_LARGER, sum_at_most
from harness.judgement.stats.statistics import (
    FAIL_CONFIDENCE,
    Bounds,
    Floats,
    quantile_of,
    share_at_least,
    share_at_most,
)
from harness.model.table import Bools, Ints

FEWEST_BATCHES: Final = 20
"""Minimum number of time batches for an estimate of their variance."""

MOST_BATCHES: Final = 60
"""Maximum number of time batches: more, shorter ones do not narrow the bounds."""

CLUSTERED: Final = 0.95
"""Failures come in episodes if the batches vary more than those of independent requests, at this confidence."""

UNUSUAL: Final = 3.0
"""Standard deviations of independent requests beyond which a batch is part of an episode."""


SKEWED: Final = 1.5
"""Factor on Johnson's correction for skewness.

With episodes of exponential size in half of 40 batches the coverage is 93 % with this factor, 94 % with twice and 89 % with none.
"""

MOST_LOG: Final = 700.0
"""A logarithm from which on a ratio counts as infinite, to avoid an overflow."""

NO_REQUESTS: Final = "there are no requests to compare"
NO_ANSWERS: Final = "too many requests had no answer: the quantile is undefined"
TOO_LONG: Final = "stalls are too long: 20 time batches of twice the longest do not fit into the window"
TOO_FEW: Final = "what differs came in fewer than 15 episodes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Number of requests of one sample, and of bad ones, in each time batch."""

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
        """Contribution of each batch to the share, linearised; the sum is 0."""
        return np.asarray((self.bad - self.share * self.n) / self.total, dtype=np.float64)

    @property
    def due(self) -> Floats:
        """The variance of each batch's pull for independent requests."""
        return np.asarray(self.share * (1 - self.share) * self.n / self.total**2, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchedSample:
    """Values of one sample with the time batch of each, from 0 to `batches`; in any order."""

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
    """Number of equal time batches of a window; 0 if there would be too few.

    At most MOST_BATCHES, each at least twice as long as the longest stall.
    """
    count = min(MOST_BATCHES, (end_ns - start_ns) // max(2 * longest_stall_ns, 1))
    return count if count >= FEWEST_BATCHES else 0


def batch_of(at_ns: Ints, start_ns: int, end_ns: int, batches: int) -> Ints:
    """The batch, from 0, of each time in [start, end)."""
    return np.asarray((at_ns - start_ns) * batches // max(end_ns - start_ns, 1), dtype=np.int64)


def share_difference(
    first: Tally, second: Tally, confidence: float, fail_confidence: float = FAIL_CONFIDENCE
) -> Bounds:
    """Difference of two shares of bad requests, of samples in the same batches of one window.

    For independent requests: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10, with the exact bounds of each share in place of Wilson's, which are short for rare failures. From batches:
    the variance of the difference linearised by batches (W. G. Cochran, "Sampling Techniques", 3rd ed., section 6), with Student's t.
    Assumes that batches are independent of each other: they are longer than any stall. Where failures come in fewer than
    ENOUGH episodes, each counts as the worst, and the next may be NEXT_LARGER times as bad.
    """
    method = f"difference of shares, independent (Newcombe) and from {len(first.n)} paired time batches, the wider"
    n = min(first.total, second.total)
    if not n or len(first.n) < FEWEST_BATCHES:
        return _unbounded(math.nan, n, confidence, method, TOO_LONG if n else NO_REQUESTS)
    value = first.share - second.share
    pull = first.pull - second.pull
    episodes = few_episodes(pull, first.due + second.due)

    def reach(over: Tally, under: Tally, sure: float) -> float:
        """How far the share of `over` minus that of `under` may be above the measured difference."""
        most = share_at_most(over.bad_total, over.total, sure) - over.share
        least = under.share - share_at_least(under.bad_total, under.total, sure)
        reached = max(math.hypot(most, least), _reach(pull if over is first else -pull, sure))
        if episodes is None:
            return reached
        worst = float(np.max(over.bad, initial=0)) / over.total
        most = sum_at_most(episodes * worst, episodes * worst**2, NEXT_LARGER * worst, sure)
        return max(reached, most - over.share + under.share)

    return Bounds(
        value=value,
        low=value - reach(second, first, confidence),
        high=value + reach(first, second, confidence),
        fail_low=value - reach(second, first, fail_confidence),
        fail_high=value + reach(first, second, fail_confidence),
        confidence=confidence,
        n=n,
        method=method,
        why="" if episodes is None else TOO_FEW,
    )


def share_by_batches(tally: Tally, confidence: float) -> Bounds:
    """A share of requests that are sent here or there, by time batches that are independent of each other.

    The wider of two intervals counts: that of independent requests, exact, and that of the share linearised by batches (Cochran, as in
    `share_difference`). For what swings about its mean all the time, as the turns of a balancer do; failures come in episodes, and
    have bounds of their own (`clustered`).
    """
    n, batches = tally.total, len(tally.n)
    method = f"share, independent (exact) and from {batches} time batches, the wider"
    if not n or batches < FEWEST_BATCHES:
        return _unbounded(math.nan, n, confidence, method, NO_REQUESTS if not n else "there are too few time batches")

    def low(sure: float) -> float:
        return min(share_at_least(tally.bad_total, n, sure), tally.share - _reach(-tally.pull, sure))

    def high(sure: float) -> float:
        return max(share_at_most(tally.bad_total, n, sure), tally.share + _reach(tally.pull, sure))

    return Bounds(
        value=tally.share,
        low=low(confidence),
        high=high(confidence),
        fail_low=low(FAIL_CONFIDENCE),
        fail_high=high(FAIL_CONFIDENCE),
        confidence=confidence,
        n=n,
        method=method,
    )


def quantile_ratio(
    first: BatchedSample,
    second: BatchedSample,
    quantile: float,
    confidence: float,
    fail_confidence: float = FAIL_CONFIDENCE,
) -> Bounds:
    """Ratio of a quantile of two samples in the same batches of one window.

    Infinite values count as over any limit.
    The interval of R. S. Woodruff ("Confidence intervals for medians and other position measures", JASA 47, 1952) for two samples: how far the
    difference of the two shares above their quantiles may be off is estimated for independent requests and from the batches, the wider
    one counts, and is converted back into a ratio along the distribution of either sample, of which again the wider one counts. Neither
    density nor shape is assumed; batches must be independent of each other, hence longer than any stall.
    """
    batches = first.batches
    method = f"ratio of quantiles, independent and from {batches} paired time batches, the wider (Woodruff)"
    ordered, other = np.sort(first.values), np.sort(second.values)
    mine, theirs = quantile_of(ordered, quantile), quantile_of(other, quantile)
    n = min(len(ordered), len(other))
    if not n or not math.isfinite(mine) or not 0 < theirs < math.inf:
        return _unbounded(math.nan, n, confidence, method, NO_ANSWERS if n else NO_REQUESTS)
    if batches < FEWEST_BATCHES:
        return _unbounded(mine / theirs, n, confidence, method, TOO_LONG)
    over, under = first.tally(first.values > mine), second.tally(second.values > theirs)
    pull = over.pull - under.pull
    if few_episodes(pull, over.due + under.due) is not None:
        return _unbounded(mine / theirs, n, confidence, method, TOO_FEW)
    alone = math.sqrt(quantile * (1 - quantile) * (1 / over.total + 1 / under.total))

    def reach(side: int, sure: float) -> float:
        """Error of the shares above the quantiles, where the first is larger (1) or smaller (-1)."""
        return max(_reach(side * pull, sure), float(ndtri(sure)) * alone)

    def low(sure: float) -> float:
        down = reach(-1, sure)
        return min(_lower(ordered, quantile - down) / theirs, mine / _upper(other, quantile + down))

    def high(sure: float) -> float:
        up = reach(1, sure)
        return max(_upper(ordered, quantile + up) / theirs, _over(mine, _lower(other, quantile - up)))

    return Bounds(
        value=mine / theirs,
        low=low(confidence),
        high=high(confidence),
        fail_low=low(fail_confidence),
        fail_high=high(fail_confidence),
        confidence=confidence,
        n=n,
        method=method,
    )


def widened(bounds: Bounds, sample: BatchedSample, quantile: float) -> Bounds:
    """The bounds of a quantile, widened to those from time batches (Woodruff, see `quantile_ratio`).

    If requests depend on each other slightly in most batches, the test for clusters does not detect it and the bounds are those of
    independent requests: in a ratio of two their coverage was 91 %. Too few batches, or episodes, add nothing: the test detects those.
    """
    value = quantile_of(ordered := np.sort(sample.values), quantile)
    over = sample.tally(sample.values > value)
    if sample.batches < FEWEST_BATCHES or not over.total or few_episodes(over.pull, over.due) is not None:
        return bounds

    def low(sure: float) -> float:
        return _lower(ordered, quantile - _reach(-over.pull, sure))

    def high(sure: float) -> float:
        return _upper(ordered, quantile + _reach(over.pull, sure))

    return replace(
        bounds,
        low=min(bounds.low, low(bounds.confidence)),
        high=max(bounds.high, high(bounds.confidence)),
        fail_low=min(bounds.fail_low, low(FAIL_CONFIDENCE)),
        fail_high=max(bounds.fail_high, high(FAIL_CONFIDENCE)),
        method=f"{bounds.method}, or from {sample.batches} time batches where that is wider",
    )


def ratio_of(first: Bounds, second: Bounds) -> Bounds:
    """The ratio of two independent positive figures, from their bounds.

    On the scale of logarithms the distances of both bounds are added as variances are ("method of variance estimates recovery"): G. Y. Zou and A. Donner,
    "Construction of confidence limits about effect measures: a general approach", Statistics in Medicine 27 (2008).
    It is as valid as the bounds themselves, clustered or not, and has the lower of the two confidences.
    """
    n, confidence = min(first.n, second.n), min(first.confidence, second.confidence)
    methods = list(dict.fromkeys([first.method, second.method]))
    method = f"ratio of two figures (Zou and Donner), by {' and '.join(methods)}"
    if not (0 < first.value < math.inf and 0 < second.value < math.inf):
        return _unbounded(math.nan, n, confidence, method, NO_ANSWERS if n else NO_REQUESTS)
    value = first.value / second.value

    def off(mine: float, theirs: float) -> float:
        """The factor, at least 1, by which the ratio may be off given one bound of each figure."""
        reach = math.hypot(_log(mine / first.value), _log(theirs / second.value))
        return math.exp(reach) if reach < MOST_LOG else math.inf

    return Bounds(
        value=value,
        low=value / off(first.low, second.high),
        high=value * off(first.high, second.low),
        fail_low=value / off(first.fail_low, second.fail_high),
        fail_high=value * off(first.fail_high, second.fail_low),
        confidence=confidence,
        n=n,
        method=method,
        why=first.why or second.why,
    )


def difference_of(first: Bounds, second: Bounds) -> Bounds:
    """The difference of two independent figures, the first less the second, from their bounds.

    The distances of both bounds are added as variances are, as in `ratio_of` (Zou and Donner); of two shares this is method 10 of
    R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17 (1998), for
    whatever bounds the shares have.
    """
    n, confidence = min(first.n, second.n), min(first.confidence, second.confidence)
    methods = list(dict.fromkeys([first.method, second.method]))
    method = f"difference of two figures (Zou and Donner), by {' and '.join(methods)}"
    value = first.value - second.value
    if not math.isfinite(value):
        return _unbounded(math.nan, n, confidence, method, NO_ANSWERS if n else NO_REQUESTS)
    return Bounds(
        value=value,
        low=value - math.hypot(first.value - first.low, second.high - second.value),
        high=value + math.hypot(first.high - first.value, second.value - second.low),
        fail_low=value - math.hypot(first.value - first.fail_low, second.fail_high - second.value),
        fail_high=value + math.hypot(first.fail_high - first.value, second.value - second.fail_low),
        confidence=confidence,
        n=n,
        method=method,
        why=first.why or second.why,
    )


def _log(ratio: float) -> float:
    """The logarithm; infinite for an unbounded or a missing value."""
    return math.log(ratio) if 0 < ratio < math.inf else math.inf


def few_episodes(pull: Floats, due: Floats) -> int | None:
    """The number of episodes if they are too few for an interval, else None.

    None also if requests appear independent.

    Batches vary too much when the sum of their squared pulls over the due one exceeds chi-squared's quantile at CLUSTERED. A batch
    beyond UNUSUAL standard deviations, either way, is then an episode, since a stall is shorter than half a batch; they are too few when less than
    ENOUGH of them make more than half of the variance. Else all batches vary much alike, and they are many.
    """
    squares, variance = pull * pull, float(due.sum())
    most = float(chdtri(len(pull) - 1, 1 - CLUSTERED)) / len(pull)
    if squares.sum() <= most * variance:
        return None
    unusual = squares > UNUSUAL**2 * due
    episodes = int(unusual.sum())
    return episodes if episodes < ENOUGH and squares[unusual].sum() > squares.sum() / 2 else None


def _reach(pull: Floats, sure: float) -> float:
    """How far a sum may be above its measured value; its parts are the batches' pulls.

    Student's t, moved by the skewness of the batches: N. J. Johnson, "Modified t tests and confidence intervals for asymmetrical
    populations", JASA 73 (1978), equation 2.7, times SKEWED, and never to the side that would narrow the interval.
    """
    m, second = len(pull), float((pull * pull).mean())
    if second == 0:
        return 0.0
    error, t = math.sqrt(second * m * m / (m - 1)), float(stdtrit(m - 1, sure))
    skewness = (
        float((pull**3).mean()) / math.pow(second, 1.5) * math.sqrt(m * (m - 1)) / (m - 2)
    )  # from Fisher's g to G
    return error * (t + SKEWED * max(skewness, 0.0) * (1 + 2 * t * t) / (6 * math.sqrt(m)))


def _over(value: float, other: float) -> float:
    """A ratio of positive values; infinite over zero."""
    return value / other if other > 0 else math.inf


def _lower(ordered: Floats, level: float) -> float:
    """The largest value at or below this level of the distribution; 0 if there is none."""
    rank = math.floor(level * len(ordered))
    return float(ordered[rank - 1]) if rank >= 1 else 0.0


def _upper(ordered: Floats, level: float) -> float:
    """The smallest value at or above this level of the distribution; infinite if there is none."""
    rank = math.ceil(level * len(ordered)) + 1
    return float(ordered[rank - 1]) if rank <= len(ordered) else math.inf


def _unbounded(value: float, n: int, confidence: float, method: str, why: str) -> Bounds:
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
