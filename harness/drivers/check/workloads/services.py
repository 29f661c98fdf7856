"""The services of the regions, with their declared and ready pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.targets import Target
from harness.targets.access import access
from harness.targets.cluster.selectors import selects
from harness.targets.cluster.workloads import CONTROLLERS, controllers, pods_declared, workload_name
from harness.targets.kubernetes import Cluster, Object, has_condition, labels_of, workload_of
from harness.targets.places import Clusters, is_of_workload, namespaces

SERVICES: Final = (*access("list pods"), *CONTROLLERS)
"""API permissions that `services_in` needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServicePods:
    """The pods of one service in one region.

    Attributes:
        region: region of the service.
        name: the label `app` of its pods, else the name of their controller.
        declared: number of pods that its controllers declare; 0 if no controller is known.
        ready: pods that are ready and not being deleted.
    """

    region: str
    name: str
    declared: int
    ready: Sequence[Object]


def services_in(target: Target, clusters: Clusters) -> list[ServicePods]:
    """Every service of every region that has a ready pod or declares at least one pod."""
    return [
        service
        for region, namespace in namespaces(target).items()
        for service in _services(region, clusters.of(region), namespace)
    ]


def _services(region: str, cluster: Cluster, namespace: str) -> list[ServicePods]:
    known = [one for _, one in controllers(cluster, namespace)]
    declared: dict[str, int] = {}
    for one in known:
        if number := pods_declared(one):
            declared[workload_name(one)] = declared.get(workload_name(one), 0) + number
    ready: dict[str, list[Object]] = {}
    for pod in cluster.pods(namespace):
        if is_of_workload(pod) and has_condition(pod, "Ready"):
            ready.setdefault(_service_of(pod, known), []).append(pod)
    return [
        ServicePods(region=region, name=name, declared=declared.get(name, 0), ready=ready.get(name, []))
        for name in sorted({*declared, *ready})
    ]


def _service_of(pod: Object, known: Sequence[Object]) -> str:
    own = workload_of(labels_of(pod))
    return str(own or next((workload_name(one) for one in known if selects(one, pod)), pod["metadata"]["name"]))
