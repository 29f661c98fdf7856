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
    owner_of,
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
    leaving: ClassVar[bool] = False
    subject: str
    container: Object
    pod: Object

    @property
    def document(self) -> Object:
        """What paths lead into: the container, with the specification of its pod under `pod`."""
        return {**self.container, "pod": self.pod}


@dataclass(frozen=True, slots=True)
class ObjectState:
    """One object of the Kubernetes API; `subject` as `north/Deployment/web`, `leaving` where it is being deleted."""

    only: ClassVar[str] = ""
    subject: str
    document: Object
    leaving: bool = False


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

    leaving: ClassVar[bool] = False
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
    """Every container of controllers, CronJobs, unfinished Jobs and pods that no controller of these declares, and what was added to a pod."""
    jobs = [(state.subject, one) for state in jobs_in(target) for one in state.controllers if not has_ended(one)]
    found = [one for subject, job in jobs for one in _containers(subject, job["spec"]["template"]["spec"])]
    for _, namespace, cluster in _clusters(target):
        declared = list(controllers(cluster, namespace))
        for kind, controller in declared:
            subject = f"{namespace}/{kind}/{controller['metadata']['name']}"
            found += _containers(subject, controller["spec"]["template"]["spec"])
        for pod in cluster.pods(namespace):
            subject = f"{namespace}/Pod/{pod['metadata']['name']}"
            if not is_own(pod) and not (has_controller(pod) and any(selects(one, pod) for _, one in declared)):
                found += _containers(subject, pod["spec"])
            found += containers_of(subject, _debugging(pod), pod["spec"])
    return found


def _debugging(pod: Object) -> list[Object]:
    """The ephemeral containers of a pod that have not ended."""
    states = (pod.get("status") or {}).get("ephemeralContainerStatuses") or []
    ended = {one["name"] for one in states if (one.get("state") or {}).get("terminated")}
    return [one for one in pod["spec"].get("ephemeralContainers") or [] if one["name"] not in ended]


def workloads_in(target: Target) -> list[WorkloadState]:
    """Every workload in every namespace of the target; one without controllers is of pods that belong to none that was read."""
    found: list[WorkloadState] = []
    for region, namespace, cluster in _clusters(target):
        pods = [pod for pod in cluster.pods(namespace) if not is_terminating(pod)]
        grouped: dict[str, list[Object]] = {}
        for _, controller in controllers(cluster, namespace):
            grouped.setdefault(component_name(controller), []).append(controller)
        read = [one for own in grouped.values() for one in own]
        for pod in pods:
            if has_controller(pod) and not is_own(pod) and not any(selects(one, pod) for one in read):
                grouped.setdefault(f"{controller_of(pod)}/{owner_of(pod)}", [])
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
    kinds = {one["name"]: "init " for one in pod.get("initContainers") or []}
    kinds |= {one["name"]: "ephemeral " for one in pod.get("ephemeralContainers") or []}
    return [
        ContainerState(
            subject=f"{subject}, {kinds.get(one['name'], '')}container {one['name']}",
            container=one,
            pod=pod,
        )
        for one in containers
    ]
