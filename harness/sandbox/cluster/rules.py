"""What an object may not say, beyond its shape: the rules that a Kubernetes API answers with 422 Invalid."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.sandbox.cluster.selectors import Selector
from harness.sandbox.cluster.statuses import Object, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.sandbox.cluster.kinds import Kind

Cause = tuple[str, str]

LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
DNS_LABEL = re.compile(LABEL)
DNS_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
LABEL_KEY = re.compile(rf"({LABEL}(\.{LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
NAMED_BY_LABEL = ("Namespace", "Service")

POD_MAY_CHANGE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")
STATEFUL_MAY_CHANGE = (
    *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"),
    *("persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
)


def check(kind: Kind, obj: Object, old: Object | None = None) -> None:
    """Hold the rules for an object, and for the change from `old`. Raises StatusError 422 with every cause."""
    causes = [*_metadata(kind, obj["metadata"])]
    if rule := RULES.get(kind.kind):
        causes += rule(obj)
    if old is not None and (rule_of_change := CHANGES.get(kind.kind)):
        causes += rule_of_change(old, obj)
    if causes:
        raise invalid(kind, obj["metadata"].get("name", ""), causes)


def _metadata(kind: Kind, meta: Object) -> Iterator[Cause]:
    name = meta.get("name")
    pattern = DNS_LABEL if kind.kind in NAMED_BY_LABEL else DNS_SUBDOMAIN
    if name is None and not meta.get("generateName"):
        yield "metadata.name", "Required value: name or generateName is required"
    elif name is not None and not pattern.fullmatch(name):
        yield (
            "metadata.name",
            f'Invalid value: "{name}": a lowercase RFC 1123 name must consist of lower case alphanumeric characters, "-" or "."',
        )
    yield from _labels("metadata.labels", meta.get("labels", {}))
    for key in meta.get("annotations", {}):
        if not LABEL_KEY.fullmatch(key.lower()):
            yield "metadata.annotations", f'Invalid value: "{key}": not a qualified name'


def _labels(path: str, labels: dict[str, str]) -> Iterator[Cause]:
    for key, value in labels.items():
        if not LABEL_KEY.fullmatch(key):
            yield path, f'Invalid value: "{key}": name part must consist of alphanumeric characters, "-", "_" or "."'
        if not LABEL_VALUE.fullmatch(value):
            yield (
                path,
                f'Invalid value: "{value}": a valid label must be at most 63 alphanumeric characters, "-", "_" or "."',
            )


def _pod(obj: Object) -> Iterator[Cause]:
    yield from _pod_spec(obj["spec"], "spec")


def _pod_spec(spec: Object, path: str) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield f"{path}.containers", "Required value"
    names: set[str] = set()
    volumes = {volume["name"] for volume in spec.get("volumes", ())}
    for field in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(field, ())):
            here = f"{path}.{field}[{i}]"
            if container["name"] in names:
                yield f"{here}.name", f'Duplicate value: "{container["name"]}"'
            names.add(container["name"])
            yield from _container(container, here, volumes)


def _container(container: Object, path: str, volumes: set[str]) -> Iterator[Cause]:
    if not DNS_LABEL.fullmatch(container["name"]):
        yield f"{path}.name", f'Invalid value: "{container["name"]}": must be a lowercase RFC 1123 label'
    if not container.get("image"):
        yield f"{path}.image", "Required value"
    for i, port in enumerate(container.get("ports", ())):
        yield from _port(port["containerPort"], f"{path}.ports[{i}].containerPort")
    for i, mount in enumerate(container.get("volumeMounts", ())):
        if mount["name"] not in volumes:
            yield f"{path}.volumeMounts[{i}].name", f'Not found: "{mount["name"]}"'


def _port(port: int, path: str) -> Iterator[Cause]:
    if not 1 <= port <= 65535:
        yield path, f"Invalid value: {port}: must be between 1 and 65535, inclusive"


def _workload(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    if spec["replicas"] < 0:
        yield "spec.replicas", f"Invalid value: {spec['replicas']}: must be greater than or equal to 0"
    selector = Selector.of(spec["selector"])
    if not selector:
        yield "spec.selector", "Invalid value: {}: empty selector is invalid for " + obj["kind"].lower()
    template = spec["template"]
    labels = template["metadata"].get("labels", {})
    yield from _labels("spec.template.metadata.labels", labels)
    if not selector.matches(labels):
        yield "spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`"
    pod = template["spec"]
    if pod.get("restartPolicy", "Always") != "Always":
        yield (
            "spec.template.spec.restartPolicy",
            f'Unsupported value: "{pod["restartPolicy"]}": supported values: "Always"',
        )
    claims = [{"name": claim.get("metadata", {}).get("name", "")} for claim in spec.get("volumeClaimTemplates", ())]
    yield from _pod_spec({**pod, "volumes": [*pod.get("volumes", ()), *claims]}, "spec.template.spec")


def _service(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    if spec["type"] not in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"):
        yield "spec.type", f'Unsupported value: "{spec["type"]}"'
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            yield "spec.externalName", "Required value"
    elif not spec.get("ports") and spec.get("clusterIP") != "None":
        yield "spec.ports", "Required value"
    for i, port in enumerate(spec.get("ports", ())):
        yield from _port(port["port"], f"spec.ports[{i}].port")
        if len(spec["ports"]) > 1 and not port.get("name"):
            yield f"spec.ports[{i}].name", "Required value"


def _deployment_change(old: Object, new: Object) -> Iterator[Cause]:
    if old["spec"]["selector"] != new["spec"]["selector"]:
        yield "spec.selector", "Invalid value: field is immutable"


def _stateful_change(old: Object, new: Object) -> Iterator[Cause]:
    if _without(old["spec"], STATEFUL_MAY_CHANGE) != _without(new["spec"], STATEFUL_MAY_CHANGE):
        yield (
            "spec",
            f"Forbidden: updates to statefulset spec for fields other than {', '.join(STATEFUL_MAY_CHANGE)} are forbidden",
        )


def _pod_change(old: Object, new: Object) -> Iterator[Cause]:
    if _fixed_of_pod(old["spec"]) != _fixed_of_pod(new["spec"]):
        allowed = ", ".join(("spec.containers[*].image", *(f"spec.{field}" for field in POD_MAY_CHANGE)))
        yield "spec", f"Forbidden: pod updates may not change fields other than {allowed}"


def _fixed_of_pod(spec: Object) -> Object:
    containers = [_without(container, ("image", "imagePullPolicy")) for container in spec["containers"]]
    return {**_without(spec, POD_MAY_CHANGE), "containers": containers}


def _service_change(old: Object, new: Object) -> Iterator[Cause]:
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if before and after != before and new["spec"]["type"] != "ExternalName" != old["spec"]["type"]:
        yield "spec.clusterIP", f'Invalid value: "{after}": field is immutable'


def _without(spec: Object, fields: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in fields}


RULES: dict[str, Callable[[Object], Iterator[Cause]]] = {
    "Pod": _pod,
    "Deployment": _workload,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
    "Service": _service,
}
CHANGES: dict[str, Callable[[Object, Object], Iterator[Cause]]] = {
    "Pod": _pod_change,
    "Deployment": _deployment_change,
    "ReplicaSet": _deployment_change,
    "StatefulSet": _stateful_change,
    "Service": _service_change,
}
