"""Checks one workload of the primary region: user, variables, ports and probes of its containers; and an autoscaler's target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from harness.drivers.check.state.fields import FieldUnknown, variables_of
from harness.drivers.check.state.objects import SOURCES, Source, source_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import AccessDenied
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object, has_condition
from harness.targets.places import Clusters, primary_namespace
from harness.targets.workloads import (
    SCALED,
    WORKLOADS,
    all_containers,
    default_container,
    referred,
    running_containers,
    workloads,
)

_DEFAULTS: Final = {"initialDelaySeconds": 0, "periodSeconds": 10}
"""Kubernetes' defaults for fields of a probe."""
_NOT_STATED: Final = "not stated"
_UNREAD: Final = "its value comes from a Secret or the pod, which the check does not read"


class _ContainerField(NamedTuple):
    """One field of a container; `ok` is None if it cannot be read."""

    subject: str
    expected: str
    observed: str
    ok: bool | None


def _equal(subject: str, expected: str, observed: str) -> _ContainerField:
    return _ContainerField(subject, expected, observed, expected == observed)


def _of_containers(
    target: Target,
    params: Mapping[str, str],
    read: Callable[[Object, Object, Source], Sequence[_ContainerField]],
    containers: Callable[[Object], Sequence[Object]] = lambda template: running_containers(template["spec"]),
) -> FactProbe:
    """Facts on each container of `deployment`, from its specification, its pod's, and ConfigMaps of the namespace."""
    namespace, name = primary_namespace(target), params["deployment"]
    cluster = Clusters(target).of(target.primary_region)

    def probe() -> Sequence[FactReading]:
        found = next(
            (one for one in workloads(cluster, namespace) if name in (one["metadata"]["name"], referred(one))), None
        )
        if found is None:
            subject = f"{namespace}/{name}"
            return [FactReading(subject=subject, expected="a workload", observed="none of that name", ok=False)]
        template, source = {"metadata": {}, **found["spec"]["template"]}, source_of(cluster, namespace)
        return [
            FactReading(
                subject=f"{namespace}/{name}, container {container['name']}: {field.subject}",
                expected=field.expected,
                observed=field.observed,
                ok=field.ok,
            )
            for container in containers(template)
            for field in read(container, template["spec"], source)
        ]

    return probe


@accesses(*WORKLOADS)
def container_user(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read the user id of each container and init container of `deployment`: it must be `user`."""

    def read(container: Object, pod: Object, _source: Source) -> Sequence[_ContainerField]:
        own, common = container.get("securityContext") or {}, pod.get("securityContext") or {}
        return [_equal("user id", params["user"], _stated(own.get("runAsUser", common.get("runAsUser"))))]

    return _of_containers(target, params, read, lambda template: all_containers(template["spec"]))


@accesses(*WORKLOADS, *SOURCES)
def container_environment(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read each container of `deployment`: `variable` must have `value`, and `port` must be declared and match PORT, if set."""

    def read(container: Object, _pod: Object, source: Source) -> Sequence[_ContainerField]:
        ports = sorted(str(one["containerPort"]) for one in container.get("ports") or [])
        declared = _ContainerField("port", params["port"], ", ".join(ports) or _NOT_STATED, params["port"] in ports)
        stated = _variable(container, source, params["variable"], params["value"])
        named = _variable(container, source, "PORT", params["port"], asked=False)
        return [one for one in (stated, declared, named) if one is not None]

    return _of_containers(target, params, read)


def _variable(
    container: Object, source: Source, name: str, expected: str, *, asked: bool = True
) -> _ContainerField | None:
    """The fact on a variable from `env`, else from `envFrom`. None if it is not set and need not be (not `asked`)."""
    rows = [row for row in container.get("env") or [] if row["name"] == name]
    try:
        variables = variables_of({"env": rows}, source)
        if name not in variables:
            variables = variables_of({"envFrom": container.get("envFrom")}, source)
    except (FieldUnknown, AccessDenied) as unknown:
        return _ContainerField(name, expected, str(unknown), ok=None) if asked or rows else None
    if name not in variables:
        return _equal(name, expected, _NOT_STATED) if asked else None
    value = variables[name]
    if value is None:
        return _ContainerField(name, expected, _UNREAD, ok=None)
    return _equal(name, expected, value or "an empty text")


@accesses(*WORKLOADS)
def container_probes(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read the liveness and readiness probes of `deployment`: path of liveness, and delay and period of both, in s."""
    expected = {
        ("livenessProbe", "initialDelaySeconds"): params["live_delay"],
        ("livenessProbe", "periodSeconds"): params["live_period"],
        ("readinessProbe", "initialDelaySeconds"): params["ready_delay"],
        ("readinessProbe", "periodSeconds"): params["ready_period"],
    }

    def read(container: Object, _pod: Object, _source: Source) -> Sequence[_ContainerField]:
        path = ((container.get("livenessProbe") or {}).get("httpGet") or {}).get("path")
        seconds = [
            _equal(f"{probe} {key}", words, _seconds(container.get(probe), key))
            for (probe, key), words in expected.items()
        ]
        return [_equal("livenessProbe path", params["path"], _stated(path)), *seconds]

    return _of_containers(target, params, read, _probed)


def _probed(template: Object) -> Sequence[Object]:
    """Containers whose liveness probe is checked: the container that an annotation names, else the first, else those with a probe."""
    if named := default_container(template):
        return [named]
    first = template["spec"]["containers"][0]
    probed = [one for one in running_containers(template["spec"]) if one.get("livenessProbe")]
    return [first] if first in probed or not probed else probed


@accesses(*access("get horizontalpodautoscalers.autoscaling"), *SCALED)
def autoscaler_target(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read `autoscaler` in the primary region: it must target `deployment`, which must exist, and have ScalingActive true."""
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
                observed=str(reference["name"]) if there else f"{reference['name']}, which does not exist",
                ok=reference["name"] == workload and there is not None,
            ),
            FactReading(subject=f"{subject}: ScalingActive", expected="true", observed=str(active).lower(), ok=active),
        ]

    return probe


def _stated(value: Any) -> str:
    return _NOT_STATED if value is None else str(value)


def _seconds(probe: Object | None, key: str) -> str:
    return "no probe" if probe is None else f"{probe.get(key) or _DEFAULTS[key]} s"
