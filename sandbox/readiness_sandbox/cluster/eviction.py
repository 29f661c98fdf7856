"""Evictions: pods are ended only as far as their PodDisruptionBudget allows.

After `pkg/registry/core/pod/storage/eviction.go` of Kubernetes, with its messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.kubelet.status import condition, is_ready, with_condition
from readiness_sandbox.cluster.selectors import Selector
from readiness_sandbox.cluster.statuses import Object, StatusError, too_many_requests
from readiness_sandbox.cluster.timestamps import now_text

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Store

POD, BUDGET = kinds.by_name("Pod"), kinds.by_name("PodDisruptionBudget")
TARGET: Final = "DisruptionTarget"
_VIOLATES: Final = "Cannot evict pod as it would violate the pod's disruption budget."
_STILL_PROCESSED_S: Final = 10
"""Seconds after which a client may ask again when the budget's status is not up to date."""


def admit(store: Store, pod: Object, *, dry_run: bool) -> None:
    """Charge the eviction of this pod to its budget, and mark the pod.

    Raises:
        StatusError: 429 the budget does not allow it now; 500 more than one budget protects the pod.
    """
    if not _is_over(pod):
        budgets = [each for each in store.list(BUDGET, pod["metadata"]["namespace"]) if selects(each, pod)]
        if len(budgets) > 1:
            why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise StatusError(500, "InternalError", f"Internal error occurred: {why}")
        for budget in budgets:
            if is_ready(pod) or not _spares_unready(budget):
                _charge(store, budget, pod, dry_run=dry_run)
    if not dry_run:
        status = pod.get("status") or {}
        conditions = with_condition(
            status.get("conditions") or [],
            *(TARGET, "True", "EvictionByEvictionAPI", "Eviction API: evicting"),
            now=clock.wall_text(),
        )
        marked = {**pod, "status": {**status, "conditions": conditions}}
        marked["metadata"] = {key: value for key, value in pod["metadata"].items() if key != "resourceVersion"}
        store.update(POD, marked, subresource="status")


def selects(budget: Object, pod: Object) -> bool:
    """Whether a budget protects a pod of its namespace; one without a selector protects none."""
    selector = budget["spec"].get("selector")
    return selector is not None and Selector.of(selector).matches(pod["metadata"].get("labels"))


def _is_over(pod: Object) -> bool:
    """Whether the end of this pod disrupts nothing."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def _spares_unready(budget: Object) -> bool:
    """Whether pods that are not ready may go without being charged."""
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    return bool(0 < status.get("desiredHealthy", 0) <= status.get("currentHealthy", 0))


def _charge(store: Store, budget: Object, pod: Object, *, dry_run: bool) -> None:
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    if status.get("observedGeneration", 0) < budget["metadata"]["generation"]:
        why = f"The disruption budget {name} is still being processed by the server."
        raise too_many_requests(_VIOLATES, [("DisruptionBudget", why)], retry_after_s=_STILL_PROCESSED_S)
    if status["disruptionsAllowed"] <= 0:
        desired, healthy = status["desiredHealthy"], status["currentHealthy"]
        why = f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
        verdict = condition(budget, "DisruptionAllowed")
        if verdict.get("reason") == "SyncFailed":
            failed = verdict["message"]
            why = (
                f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {failed}"
            )
        raise too_many_requests(_VIOLATES, [("DisruptionBudget", why)])
    if dry_run:
        return
    disrupted = {**(status.get("disruptedPods") or {}), pod["metadata"]["name"]: now_text()}
    charged = {**status, "disruptionsAllowed": status["disruptionsAllowed"] - 1, "disruptedPods": disrupted}
    store.update(BUDGET, {**budget, "status": charged}, subresource="status")
