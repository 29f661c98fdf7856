"""Guards: whether a part of the evidence is proven beyond the limit, or worse than before.

A guard never makes a PASS. The guards of one objective share one error budget (Bonferroni): each of g guards is judged at 1 - 0.25 % / g. So a platform
within its limit fails by any guard in at most one run of 400, even if guards are correlated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness.judgement.stats.clustered import share_in_time, without_episodes
from harness.judgement.stats.clusters import Slots
from harness.judgement.stats.floors import least_share
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model import Op


def guard_confidence(guards: int) -> float:
    """The confidence of each guard, if an objective has this many guards."""
    return 1 - (1 - FAIL_CONFIDENCE) / max(guards, 1)


def proven_excess(slots: Slots, limit: float, guards: int, op: Op = Op.BELOW, tolerance: float = 0.0) -> float | None:
    """How far the share of bad requests is proven beyond its limit, as one of several guards.

    Args:
        slots: requests of one window, route, region or release in time. For a quantile, values at or over its limit are bad.
        limit: limit of the share; 1 - q for a quantile q.
        guards: number of guards of the objective.
        op: comparison with the limit. `below`: the lower bound must be at or over the limit; `at least`: the upper bound must be under the limit;
            `within`: a bound must be beyond the limit by more than the tolerance.
        tolerance: tolerance of `within`.

    Returns:
        The bound that proves it, as a multiple of the limit, of 1 minus the limit (`at least`) or of the tolerance (`within`). None: not proven.
    """
    sure = guard_confidence(guards)
    bounds = share_in_time(slots, sure)
    if bounds.clustered:
        least, least_good = (
            max(least_share(one, sure, 1 - sure), without_episodes(one, sure).low) for one in (slots, slots.mirrored())
        )
        bounds = replace(bounds, low=max(bounds.low, least), high=min(bounds.high, 1 - least_good))
    return excess_of(bounds, limit, op, tolerance)


def excess_of(bounds: Bounds, limit: float, op: Op = Op.BELOW, tolerance: float = 0.0) -> float | None:
    """How far a share with these bounds is proven beyond its limit, as in `proven_excess`; None also without samples."""
    if not bounds.n:
        return None
    if op is Op.WITHIN:
        away = max(bounds.low - limit, limit - bounds.high)
        return _parts(away, tolerance) if away > tolerance else None
    if op is Op.AT_LEAST:
        return _parts(1 - bounds.high, 1 - limit) if bounds.high < limit else None
    return _parts(bounds.low, limit) if bounds.low >= limit else None


def _parts(bound: float, allowed: float) -> float:
    return bound / allowed if allowed > 0 else math.inf


@dataclass(frozen=True, kw_only=True, slots=True)
class Worsening:
    """The change of a share of bad requests at an event.

    Attributes:
        before: share before the event, with its bounds.
        after: share after the event, with its bounds.
        difference: share after minus share before.
        least: lower bound of the difference.
    """

    before: Bounds
    after: Bounds
    difference: float
    least: float

    @property
    def proven(self) -> bool:
        """Whether the share is proven larger after the event."""
        return self.least > 0


def proven_worse(before: Slots, after: Slots, guards: int = 1) -> Worsening:
    """Compare the shares of bad requests of two consecutive windows.

    Both shares have bounds that are valid for clustered requests. The squared distances to the bounds are added, so that two windows of one clustered
    process are found different no more often than the bounds are wrong. Source: G. Y. Zou and A. Donner, "Construction of confidence limits about effect
    measures: a general approach", Statistics in Medicine 27 (2008), section 2.
    """
    sure = guard_confidence(guards)
    first, second = share_in_time(before, sure), share_in_time(after, sure)
    difference = second.value - first.value
    reach = math.hypot(second.value - second.low, first.high - first.value)
    least = difference - reach if first.n and second.n else -math.inf
    return Worsening(before=first, after=second, difference=difference, least=least)
