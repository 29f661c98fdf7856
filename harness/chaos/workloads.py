"""Actions that remove services completely, with their undo; chaostoolkit-kubernetes scales Deployments alone, and a service may be a Rollout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.chaos.confirmation.hits import HITS, Hits, name_of, pod_hits, remembered
from harness.chaos.session import session
from harness.errors import FaultNotInjected
from harness.targets.access import access, accesses
from harness.targets.cluster.objects import Objects, Ref
from harness.targets.cluster.workloads import ARGO, DEPLOYMENT, ROLLOUT, WORKLOADS, replicas_of, workloads
from harness.targets.files.target import Target
from harness.targets.kubernetes import (
    Cluster,
    Object,
    has_condition,
    is_terminating,
    labels_of,
    namespaces_of,
    workload_of,
)
from harness.targets.places import namespaces
from harness.targets.undo import undoable, undoes

SCALING: Final = access("patch deployments.apps", "patch rollouts.argoproj.io", "patch statefulsets.apps")
_PLURALS: Final = {ROLLOUT: (ARGO, "rollouts"), DEPLOYMENT: ("apps/v1", "deployments")}
_STATEFUL: Final = ("apps/v1", "statefulsets")


def _set_replicas(cluster: Cluster, kind: str, namespace: str, name: str, replicas: int) -> None:
    version, plural = _PLURALS.get(kind, _STATEFUL)
    Objects(cluster.api).merge(Ref(version, plural, name, namespace), {"spec": {"replicas": replicas}})


def _scale_back(
    cluster: Cluster, _target: Target, *, namespace: str, name: str, replicas: int, kind: str = DEPLOYMENT
) -> None:
    """Restore the replicas, unless the workload has some again, because a person or an autoscaler scaled it."""
    there = (one for one in workloads(cluster, namespace) if (one["kind"], name_of(one)) == (kind, name))
    if any(replicas_of(one) for one in there):
        return
    _set_replicas(cluster, kind, namespace, name, replicas)


@undoable("scale-back", undo=_scale_back, of_a_cluster=True)
def scale_to_none(cluster: Cluster, kind: str, namespace: str, name: str) -> None:
    """Scale a Deployment, a Rollout or a StatefulSet to 0 pods."""
    _set_replicas(cluster, kind, namespace, name, 0)


@accesses(*access("list pods"), *HITS, *WORKLOADS, *SCALING)
def take_service(service: str) -> Hits:
    """Scale every Deployment, Rollout and StatefulSet of a service to 0 replicas: in the namespaces of the regions, or if none is there in every namespace of the target.

    Args:
        service: value of the label `app`, else `app.kubernetes.io/name`, of the pods.

    Raises:
        FaultNotInjected: no workload has such pods, or a pod is not ready.
    """
    here = session()
    places = places_of(here.target)
    if not (own := _own(here.cluster, places, service)):
        places = sorted(namespaces_of(here.target))
        own = _own(here.cluster, places, service)
    around = [pod for namespace in places for pod in here.cluster.pods(namespace)]
    pods = [pod for pod in around if workload_of(labels_of(pod)) == service and not is_terminating(pod)]
    down = [name_of(pod) for pod in pods if not has_condition(pod, "Ready")]
    if not own or not pods or down:
        raise FaultNotInjected(
            f"not every pod of {service} is ready before the fault: {', '.join(sorted(down)) or 'there is none'}"
        )
    hits = pod_hits(here, pods)
    here.destructive(hits)
    for namespace, workload in own:
        name, replicas, kind = name_of(workload), replicas_of(workload), str(workload["kind"])
        what = f"scale {namespace}/{name} to none"
        here.intend(scale_to_none, what, namespace=namespace, name=name, replicas=replicas, kind=kind)
    for namespace, workload in own:
        scale_to_none(here.cluster, str(workload["kind"]), namespace, name_of(workload))
    return remembered(here, hits)


def _own(cluster: Cluster, places: Sequence[str], service: str) -> list[tuple[str, Object]]:
    """The workloads of a service that have replicas, each with its namespace."""
    return [
        (namespace, one)
        for namespace in places
        for one in workloads(cluster, namespace)
        if workload_of(one["spec"]["selector"].get("matchLabels", {})) == service and replicas_of(one)
    ]


def places_of(target: Target) -> list[str]:
    """The namespaces of the regions, or the target's own namespace."""
    return sorted({*namespaces(target).values()})


@undoes(scale_to_none)
@accesses(*SCALING)
def give_services_back() -> list[str]:
    """Restore the replicas of every workload that the harness scaled to 0; returns their names."""
    return session().undo(scale_to_none)
