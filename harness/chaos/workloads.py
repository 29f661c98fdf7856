"""Actions that remove services completely, with their undo; chaostoolkit-kubernetes scales Deployments alone, and a service may be a Rollout."""

from __future__ import annotations

from typing import Final

from harness.chaos.confirmation.hits import HITS, Hits, name_of, pod_hits, remembered
from harness.chaos.session import session
from harness.errors import FaultNotInjected
from harness.targets.access import access, accesses
from harness.targets.cluster.objects import Objects, Ref
from harness.targets.cluster.workloads import ARGO, DEPLOYMENT, REPLICATED, ROLLOUT, replicas_of, replicated
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, has_condition, is_terminating, labels_of, workload_of
from harness.targets.places import namespaces
from harness.targets.undo import undoable, undoes

SCALING: Final = access("patch deployments.apps", "patch rollouts.argoproj.io")


def _set_replicas(cluster: Cluster, kind: str, namespace: str, name: str, replicas: int) -> None:
    version, plural = (ARGO, "rollouts") if kind == ROLLOUT else ("apps/v1", "deployments")
    Objects(cluster.api).merge(Ref(version, plural, name, namespace), {"spec": {"replicas": replicas}})


def _scale_back(
    cluster: Cluster, _target: Target, *, namespace: str, name: str, replicas: int, kind: str = DEPLOYMENT
) -> None:
    """Restore the replicas, unless the workload has some again, because a person or an autoscaler scaled it."""
    there = (one for one in replicated(cluster, namespace) if (one["kind"], name_of(one)) == (kind, name))
    if any(replicas_of(one) for one in there):
        return
    _set_replicas(cluster, kind, namespace, name, replicas)


@undoable("scale-back", undo=_scale_back, of_a_cluster=True)
def scale_to_none(cluster: Cluster, kind: str, namespace: str, name: str) -> None:
    """Scale a Deployment or a Rollout to 0 pods."""
    _set_replicas(cluster, kind, namespace, name, 0)


@accesses(*access("list pods"), *HITS, *REPLICATED, *SCALING)
def take_service(service: str) -> Hits:
    """Scale every Deployment or Rollout of a service to 0 replicas, in every namespace of the target.

    Args:
        service: value of the label `app`, else `app.kubernetes.io/name`, of the pods.

    Raises:
        FaultNotInjected: no Deployment has such pods, or a pod is not ready.
    """
    here = session()
    own = [
        (namespace, deployment)
        for namespace in places_of(here.target)
        for deployment in replicated(here.cluster, namespace)
        if workload_of(deployment["spec"]["selector"].get("matchLabels", {})) == service and replicas_of(deployment)
    ]
    around = [pod for namespace in places_of(here.target) for pod in here.cluster.pods(namespace)]
    pods = [pod for pod in around if workload_of(labels_of(pod)) == service and not is_terminating(pod)]
    down = [name_of(pod) for pod in pods if not has_condition(pod, "Ready")]
    if not own or not pods or down:
        raise FaultNotInjected(
            f"not every pod of {service} is ready before the fault: {', '.join(sorted(down)) or 'there is none'}"
        )
    hits = pod_hits(here, pods)
    here.destructive(hits)
    for namespace, deployment in own:
        name, replicas, kind = name_of(deployment), replicas_of(deployment), str(deployment["kind"])
        what = f"scale {namespace}/{name} to none"
        here.intend(scale_to_none, what, namespace=namespace, name=name, replicas=replicas, kind=kind)
    for namespace, deployment in own:
        scale_to_none(here.cluster, str(deployment["kind"]), namespace, name_of(deployment))
    return remembered(here, hits)


def places_of(target: Target) -> list[str]:
    """The namespaces of the regions, or the target's own namespace."""
    return sorted({*namespaces(target).values()})


@undoes(scale_to_none)
@accesses(*SCALING)
def give_services_back() -> list[str]:
    """Restore the replicas of every Deployment that the harness scaled to 0; returns their names."""
    return session().undo(scale_to_none)
