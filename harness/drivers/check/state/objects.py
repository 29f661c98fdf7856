"""Reads containers and workloads of a target from the Kubernetes API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from harness.targets import Target
from harness.targets.access import access
from harness.targets.cluster.own import is_own
from harness.targets.cluster.selectors import selects
from harness.targets.cluster.workloads import (
    CRON_JOB,
    component_name,
    controller_of,
    controllers,
    has_ended,
    jobs_of,
    pods_declared,
)
from harness.targets.kubernetes import Cluster, Object, is_terminating
from harness.targets.places import Clusters, every_place, has_controller

SOURCES: Final = access("get configmaps", "get secrets")
"""API permissions that `WorkloadState.source` needs."""

BYPASS_SWITCHES: Final = "bypass switches"
"""The field that is also read from Jobs and CronJobs."""
Source = Callable[[str, str], Mapping[str, str | None] | None]
"""Returns keys and values of a ConfigMap or a Secret by kind and name, without values of Secrets; None if it does not exist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerState:
    """One container with its pod specification.

    Attributes:
        subject: `us-east-1/Deployment/api-gateway, container api-gateway`.
        container: specification of the container.
        pod: specification of its pod.
    """

    only: ClassVar[str] = ""
    subject: str
    container: Object
    pod: Object

    @property
    def document(self) -> Object:
        """What paths lead into: the container, with the specification of its pod under `pod`."""
        return {**self.container, "pod": self.pod}


@dataclass(frozen=True, slots=True)
class ObjectState:
    """One object of the Kubernetes API; `subject` as `north/Deployment/web`."""

    only: ClassVar[str] = ""
    subject: str
    document: Object


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkloadState:
    """One workload: controllers of a namespace whose pods have the same `app` label and component, with these pods.

    Attributes:
        subject: `us-east-1/api-gateway`.
        region: region of the workload; empty if its namespace belongs to no region.
        name: value of the label, else name of the controller; with a component `shop/worker`.
        controllers: the Deployments, Rollouts, StatefulSets and DaemonSets.
        pods: pods that they select, without pods that are being deleted.
        source: function that reads ConfigMaps and Secrets of their namespace.
        only: the one field that a condition may be on; empty: any.
    """

    subject: str
    region: str
    name: str
    controllers: tuple[Object, ...]
    pods: tuple[Object, ...] = field(default=())
    source: Source = lambda _kind, _name: None
    only: str = ""

    @property
    def document(self) -> Object:
        """What paths lead into."""
        return {"controllers": [*self.controllers], "pods": [*self.pods]}

    @property
    def templates(self) -> tuple[Object, ...]:
        """The pod specification of each controller."""
        return tuple(one["spec"]["template"]["spec"] for one in self.controllers)

    @property
    def declared(self) -> int:
        """Number of pods that the controllers declare."""
        return sum(map(pods_declared, self.controllers))


def containers_in(target: Target) -> list[ContainerState]:
    """Every container of controllers, CronJobs, unfinished Jobs and pods without a controller."""
    jobs = [(state.subject, one) for state in jobs_in(target) for one in state.controllers if not has_ended(one)]
    found = [one for subject, job in jobs for one in _containers(subject, job["spec"]["template"]["spec"])]
    for _, namespace, cluster in _clusters(target):
        for kind, controller in controllers(cluster, namespace):
            subject = f"{namespace}/{kind}/{controller['metadata']['name']}"
            found += _containers(subject, controller["spec"]["template"]["spec"])
        for pod in cluster.pods(namespace):
            if not has_controller(pod) and not is_own(pod):
                found += _containers(f"{namespace}/Pod/{pod['metadata']['name']}", pod["spec"])
    return found


def workloads_in(target: Target) -> list[WorkloadState]:
    """Every workload in every namespace of the target."""
    found: list[WorkloadState] = []
    for region, namespace, cluster in _clusters(target):
        pods = [pod for pod in cluster.pods(namespace) if not is_terminating(pod)]
        grouped: dict[str, list[Object]] = {}
        for _, controller in controllers(cluster, namespace):
            grouped.setdefault(component_name(controller), []).append(controller)
        found += [
            WorkloadState(
                subject=f"{namespace}/{name}",
                region=region,
                name=name,
                controllers=tuple(own),
                pods=tuple(pod for pod in pods if any(selects(one, pod) for one in own)),
                source=source_of(cluster, namespace),
            )
            for name, own in sorted(grouped.items())
        ]
    return found


def jobs_in(target: Target) -> list[WorkloadState]:
    """Every CronJob, and every Job that belongs to no CronJob, in all namespaces of the target; without their pods.

    Only conditions on bypass switches are about them.
    """
    found: list[WorkloadState] = []
    for region, namespace, cluster in _clusters(target):
        jobs = [
            (kind, {**one, "spec": one["spec"]["jobTemplate"]["spec"]} if kind == CRON_JOB else one)
            for kind, one in jobs_of(cluster, namespace)
            if kind == CRON_JOB or controller_of(one) != CRON_JOB
        ]
        found += [
            WorkloadState(
                subject=f"{namespace}/{kind}/{one['metadata']['name']}",
                region=region,
                name=str(one["metadata"]["name"]),
                controllers=(one,),
                source=source_of(cluster, namespace),
                only=BYPASS_SWITCHES,
            )
            for kind, one in jobs
        ]
    return found


def source_of(cluster: Cluster, namespace: str) -> Source:
    """A function that reads a namespace's ConfigMaps and Secrets, each only once; it returns no values of Secrets."""
    known: dict[tuple[str, str], Mapping[str, str | None] | None] = {}

    def read(kind: str, name: str) -> Mapping[str, str | None] | None:
        if (kind, name) not in known:
            found = cluster.read("v1", kind, name, namespace)
            data = (found or {}).get("data") or {}
            values = {key: None if kind == "Secret" else str(value) for key, value in data.items()}
            known[kind, name] = None if found is None else values
        return known[kind, name]

    return read


def _clusters(target: Target) -> Iterator[tuple[str, str, Cluster]]:
    clusters = Clusters(target)
    for region, namespace in every_place(target):
        yield region, namespace, clusters.of(region)


def _containers(subject: str, pod: Object) -> Sequence[ContainerState]:
    return containers_of(subject, [*(pod.get("containers") or []), *(pod.get("initContainers") or [])], pod)


def containers_of(subject: str, containers: Iterable[Object], pod: Object) -> Sequence[ContainerState]:
    """These containers of a pod specification, each with its subject."""
    first = [one["name"] for one in pod.get("initContainers") or []]
    return [
        ContainerState(
            subject=f"{subject}, {'init ' if one['name'] in first else ''}container {one['name']}",
            container=one,
            pod=pod,
        )
        for one in containers
    ]
