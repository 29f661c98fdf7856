"""From a recommendation to the replicas that windows, rate limits and bounds allow; pure. After Kubernetes' horizontal.go."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Select = Literal["Max", "Min", "Disabled"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScalingPolicy:
    """By how much replicas may change in any `period_s`: a number of pods, or a percentage of the replicas at its start."""

    type: Literal["Pods", "Percent"]
    value: int
    period_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ScalingRules:
    """One direction: its stabilization window, its policies, and which of them decides."""

    window_s: float
    policies: Sequence[ScalingPolicy]
    select: Select = "Max"


@dataclass(frozen=True, kw_only=True, slots=True)
class Behavior:
    """Both directions and the bounds."""

    up: ScalingRules
    down: ScalingRules
    least: int
    most: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoscalerPast:
    """What an autoscaler remembers: recommendations (when, replicas), and scalings up and down (when, by how many)."""

    recommendations: tuple[tuple[float, int], ...] = ()
    ups: tuple[tuple[float, int], ...] = ()
    downs: tuple[tuple[float, int], ...] = ()

    def scaled(self, at_s: float, before: int, after: int) -> AutoscalerPast:
        """With a scaling that was carried out."""
        if after > before:
            return replace(self, ups=(*self.ups, (at_s, after - before)))
        return replace(self, downs=(*self.downs, (at_s, before - after)))


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaDecision:
    """Replicas, and why they are not those that were recommended: (reason, message) of AbleToScale and of ScalingLimited.

    Attributes:
        limited: whether a rate limit or a bound has cut the recommendation.
        past: to decide the next time with.
    """

    replicas: int
    able: tuple[str, str]
    limited: bool
    limit: tuple[str, str]
    past: AutoscalerPast = field(repr=False)


def decide(desired: int, current: int, behavior: Behavior, past: AutoscalerPast, now_s: float) -> ReplicaDecision:
    """What a recommendation of `desired` replicas comes to, `current` being those that the target asks for."""
    known = past.recommendations or ((now_s, current),)
    stabilized = _stabilized(desired, current, behavior, known, now_s)
    if stabilized == desired:
        able = ("ReadyForNewScale", "recommended size matches current size")
    elif desired >= current:
        able = (
            "ScaleUpStabilized",
            "recent recommendations were lower than current one, applying the lowest recent recommendation",
        )
    else:
        able = (
            "ScaleDownStabilized",
            "recent recommendations were higher than current one, applying the highest recent recommendation",
        )
    replicas, limit = _limited(stabilized, current, behavior, past, now_s)
    return ReplicaDecision(
        replicas=replicas,
        able=able,
        limited=replicas != stabilized,
        limit=limit,
        past=_kept(past, (*known, (now_s, desired)), behavior, now_s),
    )


def _stabilized(
    desired: int, current: int, behavior: Behavior, known: Iterable[tuple[float, int]], now_s: float
) -> int:
    """Up to the lowest, down to the highest recommendation of the window of that direction."""
    up = min([desired, *(replicas for at_s, replicas in known if at_s > now_s - behavior.up.window_s)])
    down = max([desired, *(replicas for at_s, replicas in known if at_s > now_s - behavior.down.window_s)])
    return min(max(current, up), down)


def _limited(
    desired: int, current: int, behavior: Behavior, past: AutoscalerPast, now_s: float
) -> tuple[int, tuple[str, str]]:
    if desired > current:
        most = max(current, _reachable(current, behavior.up, past, now_s, 1))
        if desired > min(most, behavior.most):
            if most < behavior.most:
                why = "the desired replica count is increasing faster than the maximum scale rate"
                return most, ("ScaleUpLimit", why)
            return behavior.most, (
                "TooManyReplicas",
                "the desired replica count is more than the maximum replica count",
            )
    elif desired < current:
        least = min(current, _reachable(current, behavior.down, past, now_s, -1))
        if desired < max(least, behavior.least):
            if least > behavior.least:
                why = "the desired replica count is decreasing faster than the maximum scale rate"
                return least, ("ScaleDownLimit", why)
            return behavior.least, (
                "TooFewReplicas",
                "the desired replica count is less than the minimum replica count",
            )
    return desired, ("DesiredWithinRange", "the desired count is within the acceptable range")


def _reachable(current: int, rules: ScalingRules, past: AutoscalerPast, now_s: float, sign: Literal[1, -1]) -> int:
    """The replicas to which the policies let it grow (1) or shrink (-1) now; `Max` is the largest change."""
    if rules.select == "Disabled":
        return current
    rounded = math.ceil if sign > 0 else math.trunc
    reached = []
    for policy in rules.policies:
        start, change = _at_start(current, policy, past, now_s), sign * policy.value
        reached.append(start + change if policy.type == "Pods" else rounded(start * (100 + change) / 100))
    return sign * (max if rules.select == "Max" else min)(sign * each for each in reached)


def _at_start(current: int, policy: ScalingPolicy, past: AutoscalerPast, now_s: float) -> int:
    """The replicas at the start of the policy's period."""
    since_s = now_s - policy.period_s
    added = sum(change for at_s, change in past.ups if at_s > since_s)
    deleted = sum(change for at_s, change in past.downs if at_s > since_s)
    return current - added + deleted


def _kept(
    past: AutoscalerPast, recommendations: Iterable[tuple[float, int]], behavior: Behavior, now_s: float
) -> AutoscalerPast:
    """Without what no window and no period reaches any more; the newest recommendation stays, so that it is not seeded again."""
    window_s = max(behavior.up.window_s, behavior.down.window_s)
    period_s = max((each.period_s for rules in (behavior.up, behavior.down) for each in rules.policies), default=0.0)
    return AutoscalerPast(
        recommendations=tuple(each for each in recommendations if each[0] > now_s - window_s or each[0] == now_s),
        ups=tuple(each for each in past.ups if each[0] > now_s - period_s),
        downs=tuple(each for each in past.downs if each[0] > now_s - period_s),
    )
