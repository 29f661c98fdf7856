"""How many replicas each ReplicaSet of a Deployment gets.

One step of a rolling update, or of a scaling. Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.store import Object

REVISION: Final = "deployment.kubernetes.io/revision"
DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
MOST: Final = "deployment.kubernetes.io/max-replicas"
"""With surge: what a later scaling is proportional to."""


def plan(spec: Object, new: Object, old: Sequence[Object], *, old_run: bool = False) -> list[tuple[Object, int]]:
    """(ReplicaSet, replicas) to set now: one step of a rollout.

    `old_run`: whether a pod of the old ones is there that is not over; of interest where none may live beside the new ones.
    """
    desired = spec.get("replicas", 1)
    if not is_rolling(spec):
        living = [each for each in old if replicas_of(each)]
        return [(each, 0) for each in living] or ([] if old_run else [(new, desired)])
    surge, unavailable = limits(spec)
    total = replicas_of(new) + sum(map(replicas_of, old))
    room = desired + surge - total
    steps = []
    if replicas_of(new) > desired:
        steps.append((new, desired))
    elif replicas_of(new) < desired and room > 0:
        steps.append((new, min(desired, replicas_of(new) + room)))
    return steps + _shrunk(desired - unavailable, new, old)


def scaled(spec: Object, new: Object | None, old: Sequence[Object]) -> list[tuple[Object, int]]:
    """(ReplicaSet, replicas) after a scaling that is no rollout.

    Those that share the pods grow and shrink in proportion.
    """
    desired = spec.get("replicas", 1)
    every = [*old, *([new] if new else [])]
    active = [each for each in every if replicas_of(each)]
    if len(active) <= 1:
        only = active[0] if active else new or max(old, key=revision_of, default=None)
        return [] if only is None else [(only, desired)]
    if new and replicas_of(new) == desired == (new.get("status") or {}).get("availableReplicas", 0):
        return [(each, 0) for each in active if each is not new]
    return _in_proportion(spec, active) if is_rolling(spec) else []


def was_scaled(spec: Object, every: Sequence[Object]) -> bool:
    """Whether the number of replicas changed since the ReplicaSets were last written."""
    noted = [(each["metadata"].get("annotations") or {}).get(DESIRED) for each in every if replicas_of(each)]
    return any(each is not None and each != str(spec.get("replicas", 1)) for each in noted)


def is_rolling(spec: Object) -> bool:
    """Whether old and new pods may live side by side."""
    return bool((spec.get("strategy") or {}).get("type") != "Recreate")


def limits(spec: Object) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers.

    Per cent are of the replicas, surge rounded up, unavailable down; never both are 0.
    """
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    desired: int = spec.get("replicas", 1)

    def number(name: str, *, up: bool) -> int:
        value: str | int = rolling.get(name, "25%")
        if isinstance(value, int):
            return value
        part = desired * float(value.rstrip("%")) / 100
        return math.ceil(part) if up else math.floor(part)

    surge, unavailable = number("maxSurge", up=True), number("maxUnavailable", up=False)
    return surge, unavailable or (0 if surge else 1)


def most_replicas(spec: Object) -> int:
    """Replicas with surge, of a Deployment that has any."""
    desired: int = spec.get("replicas", 1)
    return desired + limits(spec)[0] if desired and is_rolling(spec) else desired


def replicas_of(replicaset: Object) -> int:
    """How many pods a ReplicaSet is asked for."""
    return int(replicaset["spec"].get("replicas", 0))


def revision_of(replicaset: Object) -> int:
    """The revision in its annotation, 0 when it has none."""
    return int((replicaset["metadata"].get("annotations") or {}).get(REVISION, 0))


def _in_proportion(spec: Object, active: Sequence[Object]) -> list[tuple[Object, int]]:
    """Kubernetes' proportional scaling.

    The largest first, of equal ones the newer grows and the older shrinks; it gets what is left over.
    """
    most = most_replicas(spec)
    more = most - sum(map(replicas_of, active))
    newer = 1 if more > 0 else -1
    ordered = sorted(active, key=lambda each: (-replicas_of(each), -newer * revision_of(each)))
    sizes, added = [], 0
    for each in ordered:
        before = int((each["metadata"].get("annotations") or {}).get(MOST) or 0) or sum(map(replicas_of, active))
        part = math.floor(replicas_of(each) * most / before + 0.5) - replicas_of(each)
        part = -replicas_of(each) if not most else min(part, more - added) if more > 0 else max(part, more - added)
        part = part if more else 0
        sizes.append(replicas_of(each) + part)
        added += part
    sizes[0] = max(0, sizes[0] + more - added)
    return list(zip(ordered, sizes, strict=True))


def _shrunk(least: int, new: Object, old: Sequence[Object]) -> list[tuple[Object, int]]:
    """Remove old replicas.

    Those not available go first, the others while `least` stay available.
    """
    new_unavailable = replicas_of(new) - _available(new)
    spare = replicas_of(new) + sum(map(replicas_of, old)) - least - new_unavailable
    steps = {}
    for replicaset in old:
        broken = min(max(0, spare), max(0, replicas_of(replicaset) - _available(replicaset)))
        spare -= broken
        steps[replicaset["metadata"]["name"]] = (replicaset, replicas_of(replicaset) - broken)
    spare = min(spare, _available(new) + sum(map(_available, old)) - least)
    for name, (replicaset, replicas) in steps.items():
        fewer = min(max(0, spare), replicas)
        spare -= fewer
        steps[name] = (replicaset, replicas - fewer)
    return [step for step in steps.values() if step[1] != replicas_of(step[0])]


def _available(replicaset: Object) -> int:
    return int((replicaset.get("status") or {}).get("availableReplicas", 0))
