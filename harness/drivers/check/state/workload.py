"""Checks one workload of the primary region: variables and ports of its containers; and an autoscaler's target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.check.state.fields import FieldUnknown, variables_of
from harness.drivers.check.state.objects import SOURCES, Source, source_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import AccessDenied
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.workloads import (
    SCALED,
    WORKLOADS,
    default_container,
    referred,
    running_containers,
    workloads,
)
from harness.targets.kubernetes import Object, has_condition
from harness.targets.places import Clusters, primary_namespace

_NOT_STATED: Final = "not stated"
_UNREAD: Final = "its value comes from a Secret or the pod, which the check does not read"


class _ContainerField(NamedTuple):
    """One field of a container; `ok` is None if it cannot be read."""

    subject: str
    expected: str
    observed: str
    ok: bool | None


def named_workload(target: Target, name: str) -> tuple[str, Object | None, Source]:
    """A workload of the primary region: its subject, its pod template, None if there is no such workload, and what reads ConfigMaps beside it."""
    namespace = primary_namespace(target)
    cluster = Clusters(target).of(target.primary_region)
    found = next(
        (one for one in workloads(cluster, namespace) if name in (one["metadata"]["name"], referred(one))), None
    )
    template = None if found is None else {"metadata": {}, **found["spec"]["template"]}
    return f"{namespace}/{name}", template, source_of(cluster, namespace)


@claim(
    'every container of deployment "<deployment:name>" has NODE_ENV "<value:name>" and port <port>',
    example='every container of deployment "web" has NODE_ENV "production" and port 3000',
    fixed={"variable": "NODE_ENV", "value": "<value>", "port": "<port>"},
    needs=(API,),
)
@accesses(*WORKLOADS, *SOURCES)
def container_environment(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The variable by its row of `env`, else by `envFrom`, of a ConfigMap too; the ports that it declares, and the variable PORT where it has one."""

    def probe() -> Sequence[FactReading]:
        subject, template, source = named_workload(target, params["deployment"])
        if template is None:
            return [FactReading(subject=subject, expected="a workload", observed="none of that name", ok=False)]
        return [
            FactReading(
                subject=f"{subject}, container {container['name']}: {field.subject}",
                expected=field.expected,
                observed=field.observed,
                ok=field.ok,
            )
            for container in running_containers(template["spec"])
            for field in _environment(container, source, params)
        ]

    return probe


def _environment(container: Object, source: Source, params: Mapping[str, str]) -> Sequence[_ContainerField]:
    ports = sorted(str(one["containerPort"]) for one in container.get("ports") or [])
    declared = _ContainerField("port", params["port"], ", ".join(ports) or _NOT_STATED, params["port"] in ports)
    stated = _variable(container, source, params["variable"], params["value"])
    named = _variable(container, source, "PORT", params["port"], asked=False)
    return [one for one in (stated, declared, named) if one is not None]


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
        return _ContainerField(name, expected, _NOT_STATED, ok=False) if asked else None
    value = variables[name]
    if value is None:
        return _ContainerField(name, expected, _UNREAD, ok=None)
    return _ContainerField(name, expected, value or "an empty text", value == expected)


def probed_containers(template: Object) -> Sequence[Object]:
    """Containers whose liveness probe is checked: the container that an annotation names, else the first, else those with a probe."""
    if named := default_container(template):
        return [named]
    first = template["spec"]["containers"][0]
    probed = [one for one in running_containers(template["spec"]) if one.get("livenessProbe")]
    return [first] if first in probed or not probed else probed


@claim(
    'the autoscaler "<autoscaler:name>" targets deployment "<deployment:name>" and reports ScalingActive true',
    about=(
        "What its `scaleTargetRef` names is there, and its condition is True; so says its history, too, while no fault is in: not a "
        "PASS where it says otherwise for more than 15 s, FAIL from 60 s on that no fault began."
    ),
    example='the autoscaler "web-hpa" targets deployment "web" and reports ScalingActive true',
    needs=(API,),
)
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
