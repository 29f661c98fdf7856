"""What a part of the evidence proves on its own: beyond the limit, or worse than before.

A guard never makes a PASS. Guards of one objective share one budget of error (Bonferroni): with g of them, each is judged at
1 - 0.25 % / g, so that a platform within its limit fails by any of them in one run of 400 at most, whatever they have in common.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Slots
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model import Op


def guard_confidence(guards: int) -> float:
    """The confidence of each of so many guards."""
    return 1 - (1 - FAIL_CONFIDENCE) / max(guards, 1)


def proven_beyond(slots: Slots, limit: float, guards: int, op: Op = Op.BELOW, tolerance: float = 0.0) -> bool:
    """Whether the share of bad ones is beyond its limit with the confidence of one of so many guards.

    Args:
        slots: the bad ones of one window, route, region or release in time. For a quantile q the values at or over its limit are bad.
        limit: of the share; 1 - q for a quantile.
        guards: how many guards the objective has.
        op: `below`: proven when the lower bound is at or over the limit; `at least`: when the upper bound is under it; `within`: either,
            by more than the tolerance.
        tolerance: of `within`.
    """
    bounds = share_in_time(slots, guard_confidence(guards))
    if not bounds.n:
        return False
    over = bounds.low > limit + tolerance if op is Op.WITHIN else bounds.low >= limit
    under = bounds.high < limit - tolerance
    return {Op.BELOW: over, Op.AT_LEAST: under, Op.WITHIN: over or under}[op]


@dataclass(frozen=True, kw_only=True, slots=True)
class Worsening:
    """The share of bad ones after an event, less that before it.

    Attributes:
        before, after: the shares with their bounds.
        difference: after less before.
        least: lower bound of the difference.
    """

    before: Bounds
    after: Bounds
    difference: float
    least: float

    @property
    def proven(self) -> bool:
        """Whether the share is larger than before."""
        return self.least > 0


def proven_worse(before: Slots, after: Slots, guards: int = 1) -> Worsening:
    """Compare the share of bad ones in two windows that follow each other.

    Both have bounds that hold for clustered requests; their distances are added as variances are. So two windows of one clustered
    process differ no more often than those bounds err. Source: G. Y. Zou and A. Donner, "Construction of confidence limits about effect
    measures: a general approach", Statistics in Medicine 27 (2008), section 2.
    """
    sure = guard_confidence(guards)
    first, second = share_in_time(before, sure), share_in_time(after, sure)
    difference = second.value - first.value
    reach = math.hypot(second.value - second.low, first.high - first.value)
    least = difference - reach if first.n and second.n else -math.inf
    return Worsening(before=first, after=second, difference=difference, least=least)
