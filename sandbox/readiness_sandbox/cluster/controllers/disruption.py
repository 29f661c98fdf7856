"""PodDisruptionBudgets: how many of the pods that a budget protects may go now."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from harness import clock
from readiness_sandbox.cluster.controllers.view import (
    DEPLOYMENT,
    POD,
    REPLICASET,
    STATEFULSET,
    write_status,
)
from readiness_sandbox.cluster.eviction import BUDGET, selects
from readiness_sandbox.cluster.kubelet.status import condition, is_ready
from readiness_sandbox.cluster.store import controller_of
from readiness_sandbox.cluster.timestamps import moment, now_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Object, Store

FORGOTTEN_AFTER: Final = timedelta(minutes=2)
"""An eviction that was charged and never carried out is given back."""
_SCALED: Final = {kind.kind: kind for kind in (REPLICASET, STATEFULSET)}


class UnknownScale(Exception):
    """A pod's controller has no number of replicas."""


def reconcile(store: Store) -> None:
    """All budgets."""
    for budget in store.list(BUDGET):
        pods = [pod for pod in store.list(POD, budget["metadata"]["namespace"]) if selects(budget, pod)]
        disrupted = _disrupted(budget, pods)
        try:
            expected, desired = _expected(store, budget["spec"], pods)
        except UnknownScale as error:
            _write(store, budget, (len(pods), 0, 0, 0), disrupted, ("SyncFailed", str(error)))
            continue
        healthy = sum(is_ready(pod) and pod["metadata"]["name"] not in disrupted for pod in pods)
        allowed = max(0, healthy - desired) if expected else 0
        reason = "SufficientPods" if allowed else "InsufficientPods"
        _write(store, budget, (expected, desired, healthy, allowed), disrupted, (reason, ""))


def _expected(store: Store, spec: Object, pods: Sequence[Object]) -> tuple[int, int]:
    """(expected, healthy at least).

    `maxUnavailable` and percentages are of what the pods' controllers are asked for.
    """
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most is not None:
        total = _asked_for(store, pods)
        return total, max(0, total - _number(most, total))
    if isinstance(least, str):
        total = _asked_for(store, pods)
        return total, _number(least, total)
    return len(pods), int(least or 0)


def _number(value: int | str, total: int) -> int:
    """A number, or a percentage rounded up."""
    return value if isinstance(value, int) else math.ceil(int(value.rstrip("%")) * total / 100)


def _asked_for(store: Store, pods: Sequence[Object]) -> int:
    """The replicas of all controllers of these pods; pods without one do not count.

    Raises UnknownScale.
    """
    found: dict[str, int] = {}
    for pod in pods:
        owner = controller_of(pod)
        if owner is None:
            continue
        kind = _SCALED.get(owner["kind"])
        above = None if kind is None else _owner(store, kind, pod, owner)
        if above is None:
            raise UnknownScale(f'found no controllers for pod "{pod["metadata"]["name"]}"')
        found[above["metadata"]["uid"]] = above["spec"].get("replicas", 1)
    return sum(found.values())


def _owner(store: Store, kind: Kind, pod: Object, owner: Object) -> Object | None:
    """The workload that an owner reference means.

    Of a ReplicaSet its Deployment, when it has one.
    """
    listed = {each["metadata"]["uid"]: each for each in store.list(kind, pod["metadata"]["namespace"])}
    workload = listed.get(owner["uid"])
    above = controller_of(workload) if workload and kind is REPLICASET else None
    if workload is None or above is None or above["kind"] != DEPLOYMENT.kind:
        return workload
    deployments = store.list(DEPLOYMENT, pod["metadata"]["namespace"])
    return next((each for each in deployments if each["metadata"]["uid"] == above["uid"]), workload)


def _disrupted(budget: Object, pods: Sequence[Object]) -> Object:
    """The evictions that were charged and are not carried out yet."""
    living = {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
    noted: Object = (budget.get("status") or {}).get("disruptedPods") or {}
    now = clock.wall()
    return {name: at for name, at in noted.items() if name in living and now - moment(at) < FORGOTTEN_AFTER}


def _write(
    store: Store, budget: Object, counts: tuple[int, int, int, int], disrupted: Object, why: tuple[str, str]
) -> None:
    generation, old = budget["metadata"]["generation"], condition(budget, "DisruptionAllowed")
    expected, desired, healthy, allowed = counts
    verdict = "True" if allowed else "False"
    since = old["lastTransitionTime"] if old.get("status") == verdict else now_text()
    status: Object = {
        "expectedPods": expected,
        "desiredHealthy": desired,
        "currentHealthy": healthy,
        "disruptionsAllowed": allowed,
        "observedGeneration": generation,
        "conditions": [
            {
                "type": "DisruptionAllowed",
                "status": verdict,
                "reason": why[0],
                "message": why[1],
                "observedGeneration": generation,
                "lastTransitionTime": since,
            }
        ],
    }
    write_status(store, BUDGET, budget, status | ({"disruptedPods": disrupted} if disrupted else {}))
