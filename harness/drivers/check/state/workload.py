"""One workload of the primary region: who its containers run as, their variables, ports and probes; and what an autoscaler targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object, has_condition
from harness.targets.places import Clusters, primary_namespace
from harness.targets.workloads import SCALED, WORKLOADS, referred, running_containers, workloads

_DEFAULTS: Final = {"initialDelaySeconds": 0, "periodSeconds": 10}
"""What Kubernetes takes where a probe leaves it out."""


def _of_containers(
    target: Target,
    params: Mapping[str, str],
    read: Callable[[Object, Object], Sequence[tuple[str, str, str]]],
    containers: Callable[[Object], Sequence[Object]] = running_containers,
) -> FactProbe:
    """Facts of each container of `deployment`: subject, expected and observed, from the container and its pod's specification."""
    namespace, name = primary_namespace(target), params["deployment"]
    cluster = Clusters(target).of(target.primary_region)

    def probe() -> Sequence[FactReading]:
        found = next(
            (one for one in workloads(cluster, namespace) if name in (one["metadata"]["name"], referred(one))), None
        )
        if found is None:
            subject = f"{namespace}/{name}"
            return [FactReading(subject=subject, expected="a workload", observed="none of that name", ok=False)]
        pod = found["spec"]["template"]["spec"]
        return [
            FactReading(
                subject=f"{namespace}/{name}, container {container['name']}: {subject}",
                expected=expected,
                observed=observed,
                ok=expected == observed,
            )
            for container in containers(pod)
            for subject, expected, observed in read(container, pod)
        ]

    return probe


@accesses(*WORKLOADS)
def container_user(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read the user id that each container of `deployment`, and each init container, runs as: `user`."""

    def read(container: Object, pod: Object) -> Sequence[tuple[str, str, str]]:
        own, common = container.get("securityContext") or {}, pod.get("securityContext") or {}
        user = own.get("runAsUser", common.get("runAsUser"))
        return [("user id", params["user"], "not stated" if user is None else str(user))]

    return _of_containers(target, params, read, lambda pod: [*pod["containers"], *(pod.get("initContainers") or [])])


@accesses(*WORKLOADS)
def container_environment(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read a `variable` of each container of `deployment`, its `value`, and the port that it names: `port`."""

    def read(container: Object, _pod: Object) -> Sequence[tuple[str, str, str]]:
        variables = {one["name"]: one.get("value") for one in container.get("env") or []}
        ports = sorted(str(one["containerPort"]) for one in container.get("ports") or [])
        named = variables.get("PORT")
        return [
            (params["variable"], params["value"], _stated(variables.get(params["variable"]))),
            ("port", params["port"], ", ".join(ports) or "not stated"),
            *([] if named is None else [("PORT", params["port"], named)]),
        ]

    return _of_containers(target, params, read)


@accesses(*WORKLOADS)
def container_probes(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read the probes of each container of `deployment`: `path` of liveness, and delay and period of both, in seconds."""
    expected = {
        ("livenessProbe", "initialDelaySeconds"): params["live_delay"],
        ("livenessProbe", "periodSeconds"): params["live_period"],
        ("readinessProbe", "initialDelaySeconds"): params["ready_delay"],
        ("readinessProbe", "periodSeconds"): params["ready_period"],
    }

    def read(container: Object, _pod: Object) -> Sequence[tuple[str, str, str]]:
        path = ((container.get("livenessProbe") or {}).get("httpGet") or {}).get("path")
        seconds = [
            (f"{probe} {key}", words, _seconds(container.get(probe), key)) for (probe, key), words in expected.items()
        ]
        return [("livenessProbe path", params["path"], _stated(path)), *seconds]

    return _of_containers(target, params, read)


@accesses(*access("get horizontalpodautoscalers.autoscaling"), *SCALED)
def autoscaler_target(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read `autoscaler` in the primary region: it targets `deployment`, which is there, and its condition ScalingActive is true."""
    namespace, name, workload = primary_namespace(target), params["autoscaler"], params["deployment"]
    cluster = Clusters(target).of(target.primary_region)
    subject = f"{namespace}/{name}"

    def probe() -> Sequence[FactReading]:
        found = cluster.read("autoscaling/v2", "HorizontalPodAutoscaler", name, namespace)
        if found is None:
            return [FactReading(subject=subject, expected="an autoscaler", observed="none of that name", ok=False)]
        reference = found["spec"]["scaleTargetRef"]
        there = cluster.read(reference.get("apiVersion", "apps/v1"), reference["kind"], reference["name"], namespace)
        active = has_condition(found, "ScalingActive")
        return [
            FactReading(
                subject=f"{subject}: target",
                expected=workload,
                observed=str(reference["name"]) if there else f"{reference['name']}, which is not there",
                ok=reference["name"] == workload and there is not None,
            ),
            FactReading(subject=f"{subject}: ScalingActive", expected="true", observed=str(active).lower(), ok=active),
        ]

    return probe


def _stated(value: Any) -> str:
    return "not stated" if value is None else str(value)


def _seconds(probe: Object | None, key: str) -> str:
    return "no probe" if probe is None else f"{probe.get(key) or _DEFAULTS[key]} s"
