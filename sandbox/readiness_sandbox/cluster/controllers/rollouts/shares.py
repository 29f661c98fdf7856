"""How many pods stable and canary get where no router splits the traffic: the share of the pods is the share of the users.

The rule is that of Argo Rollouts for a canary without `trafficRouting` (`utils/replicaset/canary.go`); its own tables of tests are held against this
module in `tests/sandbox/rollouts/test_rollouts_shares.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALL = 100


class PodShares(NamedTuple):
    """Replicas of the canary's set and of the stable one."""

    canary: int
    stable: int


@dataclass(frozen=True, slots=True)
class PodBounds:
    """What a rollout keeps on its way: at most `most` pods that are asked for, at least `least` that serve."""

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        """Replicas of all sets together."""
        return self.replicas + self.surge

    @property
    def least(self) -> int:
        """Available pods of all sets together."""
        return self.replicas - min(self.unavailable, self.replicas)


@dataclass(frozen=True, slots=True)
class Pods:
    """Replicas that a set is asked for, and pods of it that serve."""

    replicas: int
    available: int

    @property
    def staying(self) -> int:
        """Available pods that stay: none beyond the replicas, since those are ending."""
        return min(self.replicas, self.available)

    def drained(self, target: int, spare: int, grown: int) -> int:
        """The replicas after so many were taken away, no further than to the target; `grown` where there is nothing to take."""
        return max(target, self.replicas - spare) if self.replicas > target else grown


def ideal(replicas: int, weight: int, surge: int) -> PodShares:
    """The shares closest to a weight in percent.

    One pod more than `replicas` may exist where `surge` allows it. A weight between 0 and 100 leaves at least one pod on either side as soon as two
    pods may exist; a tie goes to the canary. Doubles are compared, as the controller compares them.
    """
    low, high = math.floor(replicas * weight / _ALL), math.ceil(replicas * weight / _ALL)
    none_is_fine = weight in (0, _ALL) or (replicas == 1 and not surge)
    choices = []
    for total in (replicas, replicas + 1) if surge else (replicas,):
        if total > replicas or high < replicas or none_is_fine:
            choices.append((high, total))
        tied = total * (weight / _ALL) % 1 == 0.5
        if not tied and (low or none_is_fine):
            choices.append((low, total))
    if not replicas or not choices:
        return PodShares(0, replicas)
    canary, total = min(choices, key=lambda each: abs(each[0] * _ALL / each[1] - weight))
    return PodShares(canary, total - canary)


def step(bounds: PodBounds, weight: int, canary: Pods, stable: Pods | None, others: int) -> PodShares:
    """The next shares on the way to a weight: up as far as the bounds allow, the stable set first; then down.

    Args:
        bounds: that no step exceeds.
        weight: of the canary in percent.
        canary: the set of the new template.
        stable: the other one; None when the new template is the stable one: it gets everything.
        others: replicas of sets that are neither; nothing is scaled down before they are gone.
    """
    aim = PodShares(bounds.replicas, 0) if stable is None else ideal(bounds.replicas, weight, bounds.surge)
    old = stable or Pods(0, 0)
    room = max(0, bounds.most - canary.replicas - old.replicas - others)
    more_stable = min(room, max(0, aim.stable - old.replicas))
    more_canary = min(room - more_stable, max(0, aim.canary - canary.replicas))
    grown = PodShares(canary.replicas + more_canary, old.replicas + more_stable)
    if others > 0:
        return grown
    rises = aim.canary >= canary.replicas
    spare = (canary.staying + old.replicas if rises else canary.replicas + old.staying) - bounds.least
    if spare <= 0:
        return grown
    if rises:
        if stable is None:
            return grown
        left, kept = _within(bounds, old, old.drained(aim.stable, spare, grown.stable), canary, grown.canary)
        return PodShares(kept, left)
    left, kept = _within(bounds, canary, canary.drained(aim.canary, spare, grown.canary), old, grown.stable)
    return PodShares(left, kept)


def _within(bounds: PodBounds, draining: Pods, left: int, other: Pods, kept: int) -> tuple[int, int]:
    """(replicas of the set that is drained, of the other one) within both bounds; a pod that serves is given up last."""
    fewer = kept - max(0, left + kept - bounds.most)
    short = max(0, bounds.least - min(draining.available, left) - min(other.available, fewer))
    kept = fewer + min(max(0, other.available - fewer), short)
    return left - max(0, left + kept - bounds.most), kept


def leaving(bounds: PodBounds, others: Sequence[Pods], available: int) -> list[int]:
    """Replicas of the sets that are neither new nor stable, the newest first.

    What does not serve goes at once; what serves goes as far as enough pods are left.

    Args:
        bounds: of the rollout.
        others: the sets.
        available: available pods of all sets of the rollout.
    """
    spare = max(0, available - bounds.least)
    found = []
    for each in others:
        gone = min(spare, each.staying)
        spare -= gone
        found.append(each.staying - gone)
    return found
