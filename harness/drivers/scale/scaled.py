"""A workload with an autoscaler: its replicas, its pods, and their usage divided by their requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.drivers.scale.times import DOWN_AS_DEFAULT, UP_AS_DEFAULT, ScalingPace
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.access import access
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.usage import METRICS, METRICS_READ, measured_time
from harness.targets.cluster.workloads import (
    AUTOSCALERS,
    DEPLOYMENT,
    SCALED,
    autoscalers_in,
    referred,
    running_containers,
)
from harness.targets.kubernetes import Cluster, Object, has_condition, is_terminating
from harness.targets.places import Clusters, common_namespace, namespaces

READ: Final = (
    *AUTOSCALERS,
    *access("list pods"),
    *METRICS_READ,
    *SCALED,
)
"""API permissions needed to find a service, its usage, and whether it is at rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Usage of a resource by the pods of a workload, divided by their request; pods without a measurement are left out.

    Attributes:
        mean: mean of the pods.
        pods: number of measured pods.
    """

    mean: float
    pods: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CpuReading:
    """CPU use of a pod over one window of the metrics API.

    Attributes:
        pod: name of the pod.
        cores: CPU use, in cores.
        until_s: end of the window, in seconds since 1970.
        window_s: length of the window, in seconds.
    """

    pod: str
    cores: float
    until_s: float
    window_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaled:
    """A workload with its autoscaler.

    Attributes:
        cluster: cluster of the workload.
        namespace: namespace of the workload.
        name: name of the workload.
        kind: kind of the workload, as the autoscaler names it.
        version: API version of the workload, as the autoscaler names it.
        autoscaler: name of the autoscaler; empty if there is none.
        least: minimum number of replicas.
        requests: resource requests of a pod (all containers together) by resource, in cores and bytes.
        labels: labels that select the pods.
        up: pace of scale-ups.
        down: pace of scale-downs.
    """

    cluster: Cluster = field(repr=False)
    namespace: str
    name: str
    kind: str = "Deployment"
    version: str = "apps/v1"
    autoscaler: str = ""
    least: int = 1
    requests: Mapping[str, float]
    labels: Mapping[str, str]
    up: ScalingPace = UP_AS_DEFAULT
    down: ScalingPace = DOWN_AS_DEFAULT

    @property
    def subject(self) -> str:
        """Namespace and name: `us-east-1/user-service`."""
        return f"{self.namespace}/{self.name}"

    def replicas(self) -> int:
        """The present number of replicas in the workload's spec.

        Raises:
            DriverError: the workload was deleted.
        """
        found = self.cluster.read(self.version, self.kind, self.name, self.namespace)
        if found is None:
            raise DriverError(f"{self.kind} {self.subject} does not exist any more")
        return int(found["spec"].get("replicas", 1))

    def pods(self) -> list[Object]:
        """The pods of the workload, without terminating ones."""
        chosen = ",".join(f"{key}={value}" for key, value in self.labels.items())
        found = self.cluster.pods(self.namespace, label_selector=chosen)
        return [pod for pod in found if not is_terminating(pod)]

    def at_rest(self) -> bool:
        """Whether the workload has the minimum number of replicas of its autoscaler, and all are ready."""
        pods = self.pods()
        return self.replicas() == len(pods) == self.least and all(has_condition(pod, "Ready") for pod in pods)

    def usage(self, resource: str) -> Usage:
        """The usage of the pods, as the metrics API reports it."""
        there = {pod["metadata"]["name"] for pod in self.pods()}
        measured = self.cluster.customs(METRICS, "pods", self.namespace)
        used = [_used(one, resource) for one in measured if one["metadata"]["name"] in there]
        mean = sum(used) / len(used) / self.requests[resource] if used else 0.0
        return Usage(mean=mean, pods=len(used))

    def cpu_readings(self) -> list[CpuReading]:
        """The last CPU reading of every pod in the namespace; pods without a reading are left out."""
        return [cpu_reading(one) for one in self.cluster.customs(METRICS, "pods", self.namespace)]


def cpu_reading(measured: Object) -> CpuReading:
    """The CPU reading in a `PodMetrics` object."""
    at = measured_time(measured)
    return CpuReading(
        pod=measured["metadata"]["name"],
        cores=_used(measured, "cpu"),
        until_s=at.until.timestamp(),
        window_s=at.window_s,
    )


def find_scaled(target: Target, name: str) -> Scaled:
    """The workload with the given name in the primary region.

    Raises:
        DriverError: the workload does not exist, or its pods have no request for CPU or memory.
    """
    cluster, namespace = _primary(target)
    named = next((one for one in autoscalers_in(cluster, namespace) if _target(one)["name"] == name), None)
    reference: Object = _target(named) if named else {}
    kind, version = reference.get("kind", "Deployment"), reference.get("apiVersion", "apps/v1")
    workload = cluster.read(version, kind, name, namespace)
    if workload is None:
        raise DriverError(
            f"{kind} {namespace}/{name} does not exist", hint=f"write the name of a {kind} in the primary region"
        )
    spec = pod_spec(cluster, namespace, workload)
    containers = running_containers(spec["template"]["spec"])
    return Scaled(
        cluster=cluster,
        namespace=namespace,
        name=name,
        kind=kind,
        version=version,
        autoscaler=named["metadata"]["name"] if named else "",
        least=named["spec"].get("minReplicas", 1) if named else int(workload["spec"].get("replicas", 1)),
        requests={resource: _asked(containers, resource, f"{namespace}/{name}") for resource in ("cpu", "memory")},
        labels=spec["selector"]["matchLabels"],
        up=ScalingPace.of(named, "scaleUp") if named else UP_AS_DEFAULT,
        down=ScalingPace.of(named, "scaleDown") if named else DOWN_AS_DEFAULT,
    )


def pod_spec(cluster: Cluster, namespace: str, workload: Object) -> Object:
    """Selector and pod template of a workload, for a Rollout also from the Deployment in `workloadRef`.

    Raises:
        DriverError: the workload has no selector or no pod template.
    """
    name, there = referred(workload), None
    if name:
        there = cluster.read("apps/v1", DEPLOYMENT, name, namespace)
    spec: Object = {**(there["spec"] if there else {}), **workload["spec"]}
    if "template" not in spec or not (spec.get("selector") or {}).get("matchLabels"):
        where = f"{namespace}/{workload['metadata']['name']}"
        raise DriverError(
            f"{where} has no pod template, or no label selector",
            hint=f"check `workloadRef`, and whether the Deployment {name} exists"
            if name
            else "check `template` and `selector`",
        )
    return spec


def cheapest(target: Target) -> Scaled:
    """The autoscaled service behind the entry with the lowest CPU request, so that its load costs the machine least.

    Raises:
        DriverError: no service is autoscaled.
    """
    cluster, namespace = _primary(target)
    scaled = {str(_target(one)["name"]) for one in autoscalers_in(cluster, namespace)}
    found = [find_scaled(target, name) for name in sorted(scaled & {*target.probes.services})]
    if not found:
        raise DriverError(
            f"no service behind the entry has an autoscaler in {namespace}",
            hint="add an autoscaled service to `probes.services` of the target file",
        )
    return min(found, key=lambda one: one.requests["cpu"] * one.least)


def every_service(target: Target) -> list[str]:
    """The names of the workloads with an autoscaler in the primary region, and of the services that `probes.services` names.

    Raises:
        DriverError: there is none.
    """
    cluster, namespace = _primary(target)
    found = {str(_target(one)["name"]) for one in autoscalers_in(cluster, namespace)} | {*target.probes.services}
    if not found:
        raise DriverError(
            f"there is no autoscaler in {namespace}, and the target file names no service behind the entry",
            hint="check the autoscalers of the primary region, and add `services:` to `probes:` of the target file",
        )
    return sorted(found)


def _primary(target: Target) -> tuple[Cluster, str]:
    """The cluster and the namespace of the primary region; the common one where it has none of its own."""
    namespace = namespaces(target).get(target.primary_region) or common_namespace(target)
    return Clusters(target).of(target.primary_region), namespace


def _target(autoscaler: Object) -> Object:
    found: Object = autoscaler["spec"]["scaleTargetRef"]
    return found


def _asked(containers: Iterable[Object], resource: str, subject: str) -> float:
    stated = [((one.get("resources") or {}).get("requests") or {}).get(resource) for one in containers]
    if None in stated or not stated:
        raise DriverError(f"{subject} has a container without a resource request for {resource}")
    return float(sum(amount(str(one)) for one in stated))


def _used(measured: Object, resource: str) -> float:
    return float(sum(amount(one["usage"][resource]) for one in measured.get("containers") or []))
