"""What the spec of a pod may not say, beyond its shape: containers, volumes, probes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster import names
from readiness_sandbox.cluster.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from readiness_sandbox.cluster.names import Cause
    from readiness_sandbox.cluster.statuses import Object

LONGEST_S: Final = 86400 * 365
_SOURCES: Final = ("configMap", "secret", "downwardAPI")
"""Sources of volumes that put files in place."""
_SERVED: Final = frozenset({*_SOURCES, "name", "emptyDir", "persistentVolumeClaim", "projected"})
_PROBES: Final = ("readinessProbe", "livenessProbe", "startupProbe")
_RESTARTS: Final = ("Always", "OnFailure", "Never")
_DNS: Final = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_PULLS: Final = ("Always", "IfNotPresent", "Never")
_SECCOMP: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_LARGEST: Final = (1 << 31) - 1
_FIELD: Final = re.compile(
    r"metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|spec\.(nodeName|serviceAccountName)|status\.(host|pod)IPs?"
)
"""Fields of a pod that a variable may have the value of."""
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_NOT_SERVED: Final[Sequence[tuple[str, str | None]]] = (
    (f"affinity.podAffinity.{REQUIRED}[]", None),
    (f"affinity.podAntiAffinity.{REQUIRED}[]", None),
    ("topologySpreadConstraints[].whenUnsatisfiable", "DoNotSchedule"),
    ("initContainers[].restartPolicy", "Always"),
    ("containers[].lifecycle.postStart", None),
    *((f"containers[].{probe}.grpc", None) for probe in _PROBES),
)
"""Fields of a pod that are refused, with any value or with that one: they would be passed over in silence.

What only prefers, as `ScheduleAnyway`, is a hint that a scheduler is free to pass over.
"""
_NODE_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_HANDLERS: Final = ("exec", "grpc", "httpGet", "tcpSocket")
_PROBE_NUMBERS: Final[Mapping[str, int]] = {
    "initialDelaySeconds": 0,
    "timeoutSeconds": 1,
    "periodSeconds": 1,
    "successThreshold": 1,
    "failureThreshold": 1,
}
"""Fields of a probe and the least they may be."""


def pod_spec(spec: Object, path: str) -> Iterator[Cause]:
    """The rules for a pod's spec, also within a template."""
    if not spec.get("containers"):
        yield f"{path}.containers", "Required value"
    for field, allowed in (("restartPolicy", _RESTARTS), ("dnsPolicy", _DNS)):
        yield from choice(f"{path}.{field}", spec.get(field), allowed)
    grace_s = spec.get("terminationGracePeriodSeconds", 0)
    yield from at_least(f"{path}.terminationGracePeriodSeconds", grace_s, 0, LONGEST_S)
    if "activeDeadlineSeconds" in spec:
        yield from between(f"{path}.activeDeadlineSeconds", spec["activeDeadlineSeconds"], 1)
    yield from _security(spec.get("securityContext"), f"{path}.securityContext")
    yield from _tolerations(spec.get("tolerations", ()), f"{path}.tolerations")
    yield from _node_affinity(spec, f"{path}.affinity.nodeAffinity.{REQUIRED}")
    yield from _not_served(spec, path)
    volumes: set[str] = set()
    for i, volume in enumerate(spec.get("volumes", ())):
        here = f"{path}.volumes[{i}]"
        if volume["name"] in volumes:
            yield f"{here}.name", f'Duplicate value: "{names.shown(volume["name"])}"'
        volumes.add(volume["name"])
        yield from _volume(volume, here)
    found: set[str] = set()
    for field in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(field, ())):
            here = f"{path}.{field}[{i}]"
            if container["name"] in found:
                yield f"{here}.name", f'Duplicate value: "{names.shown(container["name"])}"'
            found.add(container["name"])
            yield from _container(container, here, volumes)


def port(path: str, number: int) -> Iterator[Cause]:
    """The number of a port."""
    if not 1 <= number <= 65535:
        yield path, f"Invalid value: {number}: must be between 1 and 65535, inclusive"


def choice(path: str, value: str | None, allowed: Sequence[str]) -> Iterator[Cause]:
    """One of some words, or nothing."""
    if value is not None and value not in allowed:
        listed = ", ".join(f'"{each}"' for each in allowed)
        yield path, f'Unsupported value: "{names.shown(value)}": supported values: {listed}'


def between(path: str, value: int, least: int) -> Iterator[Cause]:
    """A number from the least to the largest of 32 bits."""
    if not least <= value <= _LARGEST:
        yield path, f"Invalid value: {value}: must be between {least} and {_LARGEST}, inclusive"


def at_least(path: str, value: int, least: int, most: int) -> Iterator[Cause]:
    """A number within bounds."""
    if value < least:
        yield path, f"Invalid value: {value}: must be greater than or equal to {least}"
    elif value > most:
        yield path, f"Invalid value: {value}: must be less than or equal to {most}"


def _tolerations(tolerations: Sequence[Object], path: str) -> Iterator[Cause]:
    for i, toleration in enumerate(tolerations):
        if toleration.get("operator") == "Exists" and (value := toleration.get("value")):
            why = "value must be empty when `operator` is 'Exists'"
            yield f"{path}[{i}].operator", f'Invalid value: "{names.shown(value)}": {why}'


def _not_served(spec: Object, path: str) -> Iterator[Cause]:
    for field, value in _NOT_SERVED:
        for here, found in _at(spec, path, field.split(".")):
            if value in (None, found):
                yield here, "Forbidden: this field is not served here" + (f" as {value}" if value else "")


def _at(value: Any, path: str, steps: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Path and value of each field that the steps lead to; a step that ends with `[]` goes on in each item of a list."""
    if not steps:
        yield path, value
        return
    name = steps[0].removesuffix("[]")
    found = value.get(name) if isinstance(value, dict) else None
    if name != steps[0]:
        for i, item in enumerate(found or ()):
            yield from _at(item, f"{path}.{name}[{i}]", steps[1:])
    elif found is not None:
        yield from _at(found, f"{path}.{name}", steps[1:])


def _node_affinity(spec: Object, path: str) -> Iterator[Cause]:
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED) or {}
    for field in ("matchExpressions", "matchFields"):
        for here, each in _at(required, path, ["nodeSelectorTerms[]", f"{field}[]"]):
            yield from choice(f"{here}.operator", each["operator"], _NODE_OPERATORS)
            values: Sequence[str] = each.get("values") or ()
            if each["operator"] in ("In", "NotIn") and not values:
                yield f"{here}.values", "Required value: must be specified when `operator` is 'In' or 'NotIn'"
            if each["operator"] in ("Gt", "Lt") and (len(values) != 1 or not _NUMBER.fullmatch(values[0])):
                yield f"{here}.values", "Required value: must be a single integer when `operator` is 'Lt' or 'Gt'"


def _container(container: Object, path: str, volumes: set[str]) -> Iterator[Cause]:
    yield from names.name(f"{path}.name", container["name"], label=True)
    if not container.get("image"):
        yield f"{path}.image", "Required value"
    yield from choice(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULLS)
    yield from _ports(container, path)
    for field in ("command", "args"):
        for i, word in enumerate(container.get(field, ())):
            yield from names.text(f"{path}.{field}[{i}]", word)
    for i, entry in enumerate(container.get("env", ())):
        yield from names.variable(f"{path}.env[{i}].name", entry["name"])
        yield from names.text(f"{path}.env[{i}].value", entry.get("value", ""))
        yield from _source(entry, f"{path}.env[{i}].valueFrom")
    yield from names.text(f"{path}.workingDir", container.get("workingDir", ""))
    yield from _resources(container.get("resources") or {}, f"{path}.resources")
    yield from _security(container.get("securityContext"), f"{path}.securityContext")
    yield from _mounts(container, path, volumes)
    for probe in _PROBES:
        if probe in container:
            yield from _probe(container[probe], f"{path}.{probe}")
            once = container[probe].get("successThreshold", 1)
            if probe != "readinessProbe" and once > 1:
                yield f"{path}.{probe}.successThreshold", f"Invalid value: {once}: must be 1"


def _source(entry: Object, path: str) -> Iterator[Cause]:
    """Where a variable has its value from."""
    source = entry.get("valueFrom") or {}
    if source and entry.get("value"):
        yield path, 'Invalid value: "": may not be specified when `value` is not empty'
    field = (source.get("fieldRef") or {}).get("fieldPath")
    if field and not _FIELD.fullmatch(field):
        why = f"error converting fieldPath: field label not supported: {names.shown(field)}"
        yield f"{path}.fieldRef.fieldPath", f'Invalid value: "{names.shown(field)}": {why}'


def _resources(resources: Object, path: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, quantity in amounts.items():
            if amount(quantity) < 0:
                yield f"{path}.{field}[{name}]", f'Invalid value: "{quantity}": must be greater than or equal to 0'
    for name, quantity in requests.items():
        if name in limits and amount(quantity) > amount(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield f"{path}.requests", f'Invalid value: "{quantity}": {why}'


def _security(context: Any, path: str) -> Iterator[Cause]:
    for field in ("runAsUser", "runAsGroup"):
        if (number := (context or {}).get(field)) is not None:
            yield from between(f"{path}.{field}", number, 0)
    profile = (context or {}).get("seccompProfile") or {}
    yield from choice(f"{path}.seccompProfile.type", profile.get("type"), _SECCOMP)


def _ports(container: Object, path: str) -> Iterator[Cause]:
    found: set[str] = set()
    for i, each in enumerate(container.get("ports", ())):
        here = f"{path}.ports[{i}]"
        yield from port(f"{here}.containerPort", each["containerPort"])
        yield from choice(f"{here}.protocol", each.get("protocol"), _PROTOCOLS)
        if name := each.get("name"):
            if name in found:
                yield f"{here}.name", f'Duplicate value: "{names.shown(name)}"'
            found.add(name)


def _probe(probe: Object, path: str) -> Iterator[Cause]:
    handlers = [name for name in _HANDLERS if name in probe]
    if not handlers:
        yield path, "Required value: must specify a handler type"
    for name in handlers[1:]:
        yield f"{path}.{name}", "Forbidden: may not specify more than 1 handler type"
    for name in ("tcpSocket", "httpGet"):
        number = (probe.get(name) or {}).get("port")
        if isinstance(number, int):
            yield from port(f"{path}.{name}.port", number)
    for field, least in _PROBE_NUMBERS.items():
        yield from at_least(f"{path}.{field}", probe.get(field, least), least, LONGEST_S)


def _mounts(container: Object, path: str, volumes: set[str]) -> Iterator[Cause]:
    for i, mount in enumerate(container.get("volumeMounts", ())):
        here = f"{path}.volumeMounts[{i}]"
        if mount["name"] not in volumes:
            yield f"{here}.name", f'Not found: "{names.shown(mount["name"])}"'
        if not mount["mountPath"]:
            yield f"{here}.mountPath", "Required value"
        yield from names.inside(f"{here}.subPath", mount.get("subPath", ""))


def _volume(volume: Object, path: str) -> Iterator[Cause]:
    """One volume: its name and its source become parts of a path in the sandbox's directory."""
    yield from names.name(f"{path}.name", volume["name"], label=True)
    for source in sorted(volume.keys() - _SERVED):
        yield (
            f"{path}.{source}",
            f"Forbidden: volumes of this type are not served here, only {', '.join(sorted(_SERVED - {'name'}))}",
        )
    if len(volume) > 2:
        yield path, "Forbidden: may not specify more than 1 volume type"
    if claim := volume.get("persistentVolumeClaim"):
        yield from names.name(f"{path}.persistentVolumeClaim.claimName", claim["claimName"])
    yield from _files(volume, path)
    for i, source in enumerate(volume.get("projected", {}).get("sources", ())):
        yield from _files(source, f"{path}.projected.sources[{i}]")


def _files(source: Object, path: str) -> Iterator[Cause]:
    for field in _SOURCES:
        for i, item in enumerate(source.get(field, {}).get("items", ())):
            here = f"{path}.{field}.items[{i}].path"
            if not item["path"]:
                yield here, "Required value"
            yield from names.inside(here, item["path"])
            if field == "downwardAPI" and not (item.get("fieldRef") or item.get("resourceFieldRef")):
                why = "Required value: one of fieldRef and resourceFieldRef is required"
                yield f"{path}.{field}.items[{i}]", why
