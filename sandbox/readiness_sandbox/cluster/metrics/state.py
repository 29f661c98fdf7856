"""What kube-state-metrics exposes of a cluster's objects, under its names: pods, containers, workloads, nodes and autoscalers.

https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.kubelet.status import condition
from readiness_sandbox.cluster.metrics.exposition import Family, exposed
from readiness_sandbox.cluster.quantities import amount
from readiness_sandbox.cluster.store import controller_of
from readiness_sandbox.cluster.timestamps import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness_sandbox.cluster.store import Object, Store

PATH: Final = "/api/v1/namespaces/kube-system/services/kube-state-metrics:http-metrics/proxy/metrics"
"""Where the API server proxies to it in a cluster that has its standard manifests."""
_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_STATUSES = ("true", "false", "unknown")
_UNITS = {"cpu": "core", "memory": "byte"}


class StateFamilies(dict[str, Family]):
    """Families by name, each made when it gets its first sample."""

    def add(self, name: str, value: float, /, **labels: str) -> None:
        """A sample; names that end in `_total` are counters."""
        if name not in self:
            self[name] = Family(
                name, "counter" if name.endswith("_total") else "gauge", "As kube-state-metrics has it."
            )
        self[name].add(value, labels)


def exposition(store: Store) -> str:
    """The whole exposition of a cluster."""
    families = StateFamilies()
    for name, describe in _DESCRIBED.items():
        for obj in store.list(kinds.by_name(name)):
            describe(families, obj)
    return exposed(families.values())


def _pod(families: StateFamilies, pod: Object) -> None:
    status, place = pod.get("status") or {}, _place(pod, "pod")
    owner = controller_of(pod) or {}
    families.add(
        "kube_pod_info",
        1,
        **place,
        uid=pod["metadata"]["uid"],
        node=pod["spec"].get("nodeName", ""),
        pod_ip=status.get("podIP", ""),
        host_ip=status.get("hostIP", ""),
        created_by_kind=owner.get("kind", ""),
        created_by_name=owner.get("name", ""),
    )
    families.add("kube_pod_created", moment(pod["metadata"]["creationTimestamp"]).timestamp(), **place)
    families.add("kube_pod_labels", 1, **place, **_label_names(pod))
    for phase in _PHASES:
        families.add("kube_pod_status_phase", status.get("phase", "Pending") == phase, **place, phase=phase)
    for kind, name in (("Ready", "ready"), ("PodScheduled", "scheduled")):
        _condition(families, f"kube_pod_status_{name}", condition(pod, kind).get("status", "False"), place)
    containers = {each["name"]: each for each in status.get("containerStatuses") or ()}
    for spec in pod["spec"]["containers"]:
        _requested(families, spec, {**place, "container": spec["name"], "node": pod["spec"].get("nodeName", "")})
        if spec["name"] in containers:
            _container(families, containers[spec["name"]], {**place, "container": spec["name"]})


def _container(families: StateFamilies, status: Object, labels: dict[str, str]) -> None:
    image = {"image": status.get("image", ""), "image_id": status.get("imageID", "")}
    families.add("kube_pod_container_info", 1, **labels, **image, container_id=status.get("containerID", ""))
    families.add("kube_pod_container_status_ready", bool(status.get("ready")), **labels)
    families.add("kube_pod_container_status_restarts_total", status.get("restartCount", 0), **labels)
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    for kind in ("running", "waiting", "terminated"):
        families.add(f"kube_pod_container_status_{kind}", kind in state, **labels)
        if reason := (state.get(kind) or {}).get("reason"):
            families.add(f"kube_pod_container_status_{kind}_reason", 1, **labels, reason=reason)
    if last:
        families.add("kube_pod_container_status_last_terminated_reason", 1, **labels, reason=last.get("reason", ""))
        families.add("kube_pod_container_status_last_terminated_exitcode", last["exitCode"], **labels)


def _requested(families: StateFamilies, spec: Object, labels: dict[str, str]) -> None:
    resources = spec.get("resources") or {}
    for what in ("requests", "limits"):
        for resource, quantity in (resources.get(what) or {}).items():
            value, unit = float(amount(quantity)), _UNITS.get(resource, "byte")
            families.add(f"kube_pod_container_resource_{what}", value, **labels, resource=resource, unit=unit)


def _deployment(families: StateFamilies, deployment: Object) -> None:
    spec, status, place = deployment["spec"], deployment.get("status") or {}, _place(deployment, "deployment")
    families.add("kube_deployment_spec_replicas", spec.get("replicas", 1), **place)
    families.add("kube_deployment_metadata_generation", deployment["metadata"].get("generation", 1), **place)
    families.add("kube_deployment_status_observed_generation", status.get("observedGeneration", 0), **place)
    families.add("kube_deployment_status_replicas", status.get("replicas", 0), **place)
    for of in ("available", "unavailable", "updated", "ready"):
        families.add(f"kube_deployment_status_replicas_{of}", status.get(f"{of}Replicas", 0), **place)
    for each in status.get("conditions") or ():
        labels = {**place, "condition": each["type"]}
        _condition(families, "kube_deployment_status_condition", each["status"], labels, name="status")


def _stateful_set(families: StateFamilies, workload: Object) -> None:
    status, place = workload.get("status") or {}, _place(workload, "statefulset")
    families.add("kube_statefulset_replicas", workload["spec"].get("replicas", 1), **place)
    families.add("kube_statefulset_status_replicas", status.get("replicas", 0), **place)
    for of in ("available", "current", "ready", "updated"):
        families.add(f"kube_statefulset_status_replicas_{of}", status.get(f"{of}Replicas", 0), **place)


def _replica_set(families: StateFamilies, workload: Object) -> None:
    status, place = workload.get("status") or {}, _place(workload, "replicaset")
    families.add("kube_replicaset_spec_replicas", workload["spec"].get("replicas", 1), **place)
    families.add("kube_replicaset_status_replicas", status.get("replicas", 0), **place)
    families.add("kube_replicaset_status_ready_replicas", status.get("readyReplicas", 0), **place)


def _node(families: StateFamilies, node: Object) -> None:
    name, status = node["metadata"]["name"], node.get("status") or {}
    families.add(
        "kube_node_info", 1, node=name, kubelet_version=(status.get("nodeInfo") or {}).get("kubeletVersion", "")
    )
    families.add("kube_node_spec_unschedulable", bool((node.get("spec") or {}).get("unschedulable")), node=name)
    for each in status.get("conditions") or ():
        labels = {"node": name, "condition": each["type"]}
        _condition(families, "kube_node_status_condition", each["status"], labels, name="status")
    for resource, quantity in (status.get("allocatable") or {}).items():
        labels = {"node": name, "resource": resource.replace("-", "_"), "unit": _UNITS.get(resource, "integer")}
        families.add("kube_node_status_allocatable", float(amount(quantity)), **labels)


def _condition(
    families: StateFamilies, family: str, status: str, labels: dict[str, str], *, name: str = "condition"
) -> None:
    """0 or 1 for each status that a condition can have."""
    for each in _STATUSES:
        families.add(family, status.lower() == each, **labels, **{name: each})


def _place(obj: Object, kind: str) -> dict[str, str]:
    return {"namespace": obj["metadata"]["namespace"], kind: obj["metadata"]["name"]}


def _label_names(obj: Object) -> dict[str, str]:
    labels: dict[str, str] = obj["metadata"].get("labels") or {}
    return {f"label_{''.join(c if c.isalnum() else '_' for c in name)}": value for name, value in labels.items()}


_DESCRIBED: dict[str, Callable[[StateFamilies, Any], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "ReplicaSet": _replica_set,
    "Node": _node,
}
