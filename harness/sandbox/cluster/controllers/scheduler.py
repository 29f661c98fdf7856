"""The scheduler: binds each pod to the node that fits and has the fewest of its siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import clock
from harness.sandbox.cluster.controllers.view import BURST, NODE, POD, controller_of, is_active
from harness.sandbox.cluster.kubelet.status import condition, with_condition
from harness.sandbox.cluster.pod_rules import REQUIRED
from harness.sandbox.cluster.selectors import Selector, field_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.sandbox.cluster.recorder import Recorder
    from harness.sandbox.cluster.store import Object, Store


def reconcile(store: Store, record: Recorder) -> None:
    """All pods that are not bound, the longest waiting first."""
    waiting = [pod for pod in store.list(POD) if not pod["spec"].get("nodeName") and is_active(pod)]
    bound = [pod for pod in store.list(POD) if pod["spec"].get("nodeName") and is_active(pod)]
    nodes, rest = store.list(NODE), BURST
    for pod in sorted(waiting, key=lambda each: int(each["metadata"]["resourceVersion"])):
        if fitting := [node for node in nodes if fits(pod, node)]:
            name = best(pod, fitting, bound)["metadata"]["name"]
            pod = store.update(POD, {**pod, "spec": {**pod["spec"], "nodeName": name}})  # noqa: PLW2901 - the newer one
            bound.append(pod)
            rest -= 1
            where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            record(pod, "Normal", "Scheduled", f"Successfully assigned {where} to {name}")
        _say(store, pod, scheduled=bool(fitting), record=record)
        if not rest:
            return


def fits(pod: Object, node: Object) -> bool:
    """Whether a node is Ready, schedulable, tolerated, and selected by labels and required affinity. Pure."""
    if condition(node, "Ready").get("status") != "True" or (node.get("spec") or {}).get("unschedulable"):
        return False
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(name) != value for name, value in selector.items()) or not _attracted(pod, node):
        return False
    tolerations = pod["spec"].get("tolerations") or ()
    taints = (node.get("spec") or {}).get("taints") or ()
    return all(
        taint["effect"] == "PreferNoSchedule" or any(tolerates(each, taint) for each in tolerations) for taint in taints
    )


def _attracted(pod: Object, node: Object) -> bool:
    """Whether one of the terms of the pod's required node affinity takes the node; an empty term takes none."""
    required = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    if required is None:
        return True
    of_node = {"matchExpressions": node["metadata"].get("labels"), "matchFields": field_values(node, ["metadata.name"])}
    return any(
        all(Selector.of({"matchExpressions": term.get(field)}).matches(found) for field, found in of_node.items())
        for term in required["nodeSelectorTerms"]
        if any(term.get(field) for field in of_node)
    )


def best(pod: Object, nodes: Sequence[Object], bound: Sequence[Object]) -> Object:
    """The node with the fewest pods of the same owner, then the fewest pods, then by name.

    Pure.
    """
    owner = (controller_of(pod) or {}).get("uid")

    def load(node: Object) -> tuple[int, int, str]:
        name = node["metadata"]["name"]
        here = [each for each in bound if each["spec"]["nodeName"] == name]
        siblings = sum(owner is not None and (controller_of(each) or {}).get("uid") == owner for each in here)
        return siblings, len(here), name

    return min(nodes, key=load)


def _say(store: Store, pod: Object, *, scheduled: bool, record: Recorder) -> None:
    status = pod.get("status") or {}
    old = condition(pod, "PodScheduled")
    message = "" if scheduled else "0 nodes are available: none is ready, schedulable, tolerated and selected"
    conditions = with_condition(
        status.get("conditions") or [],
        "PodScheduled",
        "True" if scheduled else "False",
        "" if scheduled else "Unschedulable",
        message,
        now=clock.wall_text(),
    )
    if not scheduled and old.get("reason") != "Unschedulable":
        record(pod, "Warning", "FailedScheduling", message)
    store.update(POD, {**pod, "status": {**status, "phase": "Pending", "conditions": conditions}}, subresource="status")


def tolerates(toleration: Object, taint: Object) -> bool:
    """Whether a toleration is for that taint."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return not toleration.get("key") or bool(toleration["key"] == taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))
