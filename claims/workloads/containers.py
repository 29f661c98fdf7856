"""`container-environment`: checks variables and ports of the containers of one workload of the primary region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.check.state.fields import FieldUnknown, variables_of
from harness.drivers.check.state.objects import SOURCES, Source
from harness.drivers.check.state.workload import named_workload
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import AccessDenied
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.cluster.workloads import WORKLOADS, running_containers
from harness.targets.kubernetes import Object

_NOT_STATED: Final = "not stated"
_UNREAD: Final = "its value comes from a Secret or the pod, which the check does not read"


class _ContainerField(NamedTuple):
    """One field of a container; `ok` is None if it cannot be read."""

    subject: str
    expected: str
    observed: str
    ok: bool | None


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
