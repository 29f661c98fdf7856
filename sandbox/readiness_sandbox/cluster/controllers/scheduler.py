"""The scheduler: binds each pod to the node that fits, has room and has the fewest of its siblings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness import clock
from readiness_sandbox.cluster.controllers import room
from readiness_sandbox.cluster.controllers.view import BURST, NODE, POD, is_active
from readiness_sandbox.cluster.kubelet.status import condition, with_condition
from readiness_sandbox.cluster.pod_rules import REQUIRED
from readiness_sandbox.cluster.selectors import Selector, field_values
from readiness_sandbox.cluster.store import controller_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store


def reconcile(store: Store, record: Recorder) -> None:
    """All pods that are not bound, the longest waiting first."""
    if not (waiting := unbound(store)):
        return
    bound = [pod for pod in store.list(POD) if pod["spec"].get("nodeName")]
    nodes, rest = store.list(NODE), BURST
    left = {node["metadata"]["name"]: node_room(node, bound) for node in nodes}
    for pod in waiting:
        asked = room.requested(pod)
        why = {
            node["metadata"]["name"]: refusals(pod, node) or room.lacking(asked, left[node["metadata"]["name"]])
            for node in nodes
        }
        if fitting := [node for node in nodes if not why[node["metadata"]["name"]]]:
            name = best(pod, fitting, [each for each in bound if is_active(each)])["metadata"]["name"]
            pod = store.update(POD, {**pod, "spec": {**pod["spec"], "nodeName": name}})  # noqa: PLW2901 - the newer one
            bound.append(pod)
            left[name] = {resource: value - asked.get(resource, 0) for resource, value in left[name].items()}
            rest -= 1
            where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            record(pod, "Normal", "Scheduled", f"Successfully assigned {where} to {name}")
        _say(store, pod, "" if fitting else _explained(why), record)
        if not rest:
            return


def unbound(store: Store) -> list[Object]:
    """The pods that wait for a node, the longest waiting first."""
    waiting = [pod for pod in store.list(POD) if not pod["spec"].get("nodeName") and is_active(pod)]
    return sorted(waiting, key=lambda each: int(each["metadata"]["resourceVersion"]))


def node_room(node: Object, bound: Iterable[Object]) -> room.Amounts:
    """What is free of a node; of one whose kubelet has not reported what it has, nothing is known to be. Pure."""
    name = node["metadata"]["name"]
    if "allocatable" not in (node.get("status") or {}):
        return {}
    return room.free(node, (pod for pod in bound if pod["spec"]["nodeName"] == name))


def refusals(pod: Object, node: Object) -> list[str]:
    """Why a node is not for a pod, room apart, in the scheduler's words; empty where it is.

    Pure. A node must be Ready, schedulable, tolerated, and selected by labels and required affinity.
    """
    spec = node.get("spec") or {}
    if spec.get("unschedulable"):
        return ["node(s) were unschedulable"]
    if condition(node, "Ready").get("status") != "True":
        return ["node(s) were not ready"]
    tolerations = pod["spec"].get("tolerations") or ()
    taints = [each for each in spec.get("taints") or () if each["effect"] != "PreferNoSchedule"]
    if not all(any(tolerates(each, taint) for each in tolerations) for taint in taints):
        return ["node(s) had untolerated taint(s)"]
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(name) != value for name, value in selector.items()) or not _attracted(pod, node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    return []


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


def _explained(why: Mapping[str, Sequence[str]]) -> str:
    """The message of a pod for which there is no node, as the scheduler sums up what each node lacks."""
    if not why:
        return "no nodes available to schedule pods"
    counts = Counter(each for reasons in why.values() for each in reasons)
    reasons = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    return f"0/{len(why)} nodes are available: {reasons}."


def _say(store: Store, pod: Object, message: str, record: Recorder) -> None:
    """Write the condition PodScheduled; a message says why it is False."""
    status, scheduled = pod.get("status") or {}, not message
    old = condition(pod, "PodScheduled")
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
