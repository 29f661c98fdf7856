"""Reads workloads, the controllers of pods, including Rollouts of Argo Rollouts, which replace Deployments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.errors import AccessDenied
from harness.targets.access import access
from harness.targets.kubernetes import (
    Cluster,
    Object,
    annotations_of,
    has_condition,
    labels_of,
    workload_of,
)

ARGO: Final = "argoproj.io/v1alpha1"
DEPLOYMENT: Final = "Deployment"
ROLLOUT: Final = "Rollout"
TEMPLATE_HASHES: Final = ("pod-template-hash", "rollouts-pod-template-hash")
"""Labels with the hash that also ends the names of the ReplicaSets of Deployments and Rollouts."""
COMPONENT_LABELS: Final = ("app.kubernetes.io/component", "component")
"""Labels with the component of an application; the second is used with `app`. Source: Kubernetes, Recommended Labels."""
REPLICATED: Final = access("list deployments.apps", "list rollouts.argoproj.io")
WORKLOADS: Final = (*REPLICATED, *access("list statefulsets.apps"))
CONTROLLERS: Final = (*WORKLOADS, *access("list daemonsets.apps"))
JOB: Final = "Job"
CRON_JOB: Final = "CronJob"
JOBS: Final = access("list jobs.batch", "list cronjobs.batch")
AUTOSCALERS: Final = access("list horizontalpodautoscalers.autoscaling")
SCALED: Final = access("get deployments.apps", "get statefulsets.apps", "get rollouts.argoproj.io")
"""API permissions of the functions below: `replicated`, `workloads`, `controllers`, `jobs_of`, `autoscalers_in`, one workload."""


def replicated(cluster: Cluster, namespace: str = "") -> list[Object]:
    """Deployments and Rollouts of one namespace, or of all namespaces, each with its `kind`.

    A Rollout with `workloadRef` is returned with the selector and pod template of its Deployment, in place of the
    Deployment.
    """
    deployments = {_key(one): one for one in cluster.deployments(namespace)}
    rollouts = _rollouts(cluster, namespace)
    stood_for = {(one["metadata"]["namespace"], name): one for one in rollouts if (name := referred(one))}
    found: list[Object] = [{**one, "kind": DEPLOYMENT} for key, one in deployments.items() if key not in stood_for]
    for one in rollouts:
        there = deployments.get((one["metadata"]["namespace"], referred(one)))
        own: dict[str, Any] = {key: there["spec"][key] for key in ("selector", "template")} if there else {}
        if own or "template" in one["spec"]:
            found.append({**one, "kind": ROLLOUT, "spec": {**own, **one["spec"]}})
    return found


def _rollouts(cluster: Cluster, namespace: str) -> list[Object]:
    """The Rollouts; None if the user may not list them: without Argo Rollouts the answer is 403 or 404, depending on roles."""
    try:
        return cluster.customs(ARGO, "rollouts", namespace)
    except AccessDenied:
        return []


def workloads(cluster: Cluster, namespace: str = "") -> list[Object]:
    """Deployments, Rollouts and StatefulSets of one namespace, or of all namespaces."""
    return [
        *replicated(cluster, namespace),
        *({**one, "kind": "StatefulSet"} for one in cluster.stateful_sets(namespace)),
    ]


def controllers(cluster: Cluster, namespace: str) -> Iterator[tuple[str, Object]]:
    """Kind and object of every controller of a namespace with its own pods: workloads and DaemonSets."""
    yield from ((str(one["kind"]), one) for one in workloads(cluster, namespace))
    yield from (("DaemonSet", one) for one in cluster.daemon_sets(namespace))


def jobs_of(cluster: Cluster, namespace: str) -> Iterator[tuple[str, Object]]:
    """Kind and object of every Job and CronJob of a namespace."""
    for kind, collection in ((JOB, "jobs"), (CRON_JOB, "cronjobs")):
        yield from ((kind, one) for one in cluster.customs("batch/v1", collection, namespace))


def has_ended(job: Object) -> bool:
    """Whether a Job has completed or failed and starts no more pods; a CronJob never ends."""
    return has_condition(job, "Complete") or has_condition(job, "Failed")


def autoscalers_in(cluster: Cluster, namespace: str) -> list[Object]:
    """Every HorizontalPodAutoscaler of a namespace."""
    return cluster.customs("autoscaling/v2", "horizontalpodautoscalers", namespace)


def autoscaled(cluster: Cluster, namespace: str) -> Mapping[tuple[str, str], range]:
    """The range of replicas of each autoscaler, by kind and name of the workload.

    The result is empty if the user may not list HorizontalPodAutoscalers. Source: Kubernetes API reference,
    HorizontalPodAutoscalerSpec; `minReplicas` is 1 by default, and may be 0.
    """
    try:
        specs = [one["spec"] for one in autoscalers_in(cluster, namespace)]
    except AccessDenied:
        return {}
    return {
        (spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]): range(
            int(spec.get("minReplicas", 1)), int(spec["maxReplicas"]) + 1
        )
        for spec in specs
    }


def workload_name(controller: Object) -> str:
    """The workload of a controller's pods by the labels of its template, else the name of the controller."""
    return workload_of(template_labels(controller)) or str(controller["metadata"]["name"])


def component_name(controller: Object) -> str:
    """Workload and component of a controller's pods: `shop/worker`; charts often name all controllers alike."""
    labels = template_labels(controller)
    component = next((labels[label] for label in COMPONENT_LABELS if labels.get(label)), "")
    return f"{workload_name(controller)}/{component}" if component else workload_name(controller)


def template_labels(controller: Object) -> Mapping[str, str]:
    """The labels that a controller declares for its pods."""
    return (controller["spec"]["template"].get("metadata") or {}).get("labels") or {}


def controller_of(pod: Object) -> str:
    """The kind of a pod's owner, like `ReplicaSet` or `DaemonSet`; `Node` for a static pod, empty without an owner."""
    owner = controller_reference(pod)
    return str(owner["kind"]) if owner else ""


def controller_reference(obj: Object) -> Object | None:
    """The owner reference of an object; None without an owner."""
    references: list[Object] = obj["metadata"].get("ownerReferences") or []
    return next((one for one in references if one.get("controller")), None)


def owner_of(pod: Object) -> str:
    """The workload of a pod by its owner, not by its labels; empty without an owner.

    The name of a ReplicaSet is the name of its Deployment or Rollout, followed by the hash of the pod template.
    """
    owner = controller_reference(pod)
    name = str(owner["name"]) if owner else ""
    hashes = [f"-{value}" for key in TEMPLATE_HASHES if (value := labels_of(pod).get(key))]
    return next((name.removesuffix(each) for each in hashes if name.endswith(each)), name)


def replicas_of(workload: Object) -> int:
    """Number of replicas that a workload declares."""
    return int(workload["spec"].get("replicas", 1))


def pods_declared(controller: Object) -> int:
    """Number of pods that a controller declares; for a DaemonSet the number of its nodes."""
    status = controller.get("status") or {}
    return int(status["desiredNumberScheduled"]) if "desiredNumberScheduled" in status else replicas_of(controller)


def ready_of(workload: Object) -> int:
    """Number of a workload's ready replicas."""
    return int((workload.get("status") or {}).get("readyReplicas") or 0)


def is_complete(workload: Object) -> bool:
    """Whether the controller has observed the present spec, and all replicas are ready."""
    return _is_observed(workload) and ready_of(workload) == replicas_of(workload)


def _is_observed(workload: Object) -> bool:
    """Whether the status is of the present spec. The generation that the controller of a Rollout has seen is a text."""
    observed = str((workload.get("status") or {}).get("observedGeneration") or 0)
    seen = int(observed) if observed.isdigit() else 0
    return seen >= int(workload["metadata"].get("generation", 0))


def of_one_template(workload: Object) -> bool:
    """Whether every pod of a Deployment, StatefulSet or Rollout is of the present template. A count of 0 is left out by the API."""
    status = workload.get("status") or {}
    return int(status.get("updatedReplicas") or 0) == int(status.get("replicas") or 0)


def is_settled(workload: Object) -> bool:
    """Whether a workload has only ready pods, all of the present template; a DaemonSet counts its pods by node."""
    status = workload.get("status") or {}
    if "desiredNumberScheduled" not in status:
        return is_complete(workload) and of_one_template(workload)
    counts = ("desiredNumberScheduled", "updatedNumberScheduled", "numberReady")
    desired, updated, ready = (int(status.get(one) or 0) for one in counts)
    return _is_observed(workload) and desired == updated == ready


def referred(rollout: Object) -> str:
    """Name of the Deployment that a Rollout refers to; empty if the Rollout has its own pod template."""
    reference = rollout["spec"].get("workloadRef") or {}
    return str(reference.get("name", "")) if reference.get("kind") == DEPLOYMENT else ""


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def all_containers(spec: Object) -> list[Object]:
    """The containers of a pod specification in starting order: init containers, then main containers."""
    return [*(spec.get("initContainers") or []), *spec["containers"]]


def running_containers(spec: Object) -> list[Object]:
    """The containers of a pod specification that run as long as the pod: main containers and sidecars.

    Source: Kubernetes, Sidecar Containers: init containers with `restartPolicy: Always`.
    """
    return [*spec["containers"], *_sidecars(spec)]


def _sidecars(spec: Object) -> list[Object]:
    return [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]


def restarts_of(pod: Object) -> int:
    """Number of restarts of all containers of a pod, including sidecars."""
    status = pod.get("status") or {}
    sidecars = {one["name"] for one in _sidecars(pod.get("spec") or {})}
    beside = [one for one in status.get("initContainerStatuses") or [] if one.get("name") in sidecars]
    return sum(int(one.get("restartCount") or 0) for one in (*(status.get("containerStatuses") or []), *beside))


def own_container(pod: Object) -> Object:
    """The main container of a workload: the container that an annotation names, else the first."""
    container: Object = default_container(pod) or pod["spec"]["containers"][0]
    return container


def default_container(pod: Object) -> Object | None:
    """The container that an annotation names as the main container; None without the annotation.

    A service mesh, for example, puts its proxy first. Source: Kubernetes, Well-Known Labels, Annotations and Taints.
    """
    name = annotations_of(pod).get("kubectl.kubernetes.io/default-container")
    return next((one for one in pod["spec"]["containers"] if name and one.get("name") == name), None)


def http_port(pod: Object) -> int:
    """The port of a pod that is named `http`, else the first declared port, else 80.

    With an annotated main container only its ports count.
    """
    first = next((int(port["containerPort"]) for port in _ports(pod)), 80)
    return port_named(pod, "http") or first


def port_named(pod: Object, name: str) -> int:
    """The port of a pod that has this name; 0: none has it. With an annotated main container only its ports count."""
    return next((int(port["containerPort"]) for port in _ports(pod) if port.get("name") == name), 0)


def _ports(pod: Object) -> list[Object]:
    named = default_container(pod)
    containers = [named] if named else pod["spec"]["containers"]
    return [port for container in containers for port in container.get("ports") or []]
