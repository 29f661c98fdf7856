"""The server-side tables that `kubectl get` prints.

Columns of Kubernetes' own printers, a row of `COLUMNS` a kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import clock
from harness.sandbox.cluster.selectors import Selector
from harness.sandbox.cluster.timestamps import moment, passed_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.sandbox.cluster.kinds import Kind
    from harness.sandbox.cluster.statuses import Object

NONE = "<none>"
UNKNOWN = "<unknown>"
MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400
AGES = (
    (2 * MINUTE, 1, "s", 0, ""),
    (10 * MINUTE, MINUTE, "m", 1, "s"),
    (3 * HOUR, MINUTE, "m", 0, ""),
    (8 * HOUR, HOUR, "h", MINUTE, "m"),
    (2 * DAY, HOUR, "h", 0, ""),
    (8 * DAY, DAY, "d", HOUR, "h"),
    (2 * YEAR, DAY, "d", 0, ""),
    (8 * YEAR, YEAR, "y", DAY, "d"),
    (math.inf, YEAR, "y", 0, ""),
)
"""Formats of an age: its limit, then unit and letter of both figures.

The second is 0 where it is not printed.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """How one cell of a kind's row is called and computed.

    Priority 1 shows with `-o wide` only.
    """

    name: str
    cell: Callable[[Object], Any]
    type: str = "string"
    priority: int = 0

    @property
    def definition(self) -> Object:
        """The TableColumnDefinition."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": "",
            "priority": self.priority,
        }


def table(kind: Kind, objects: Iterable[Object], version: str, *, include: str = "Metadata") -> Object:
    """A Table of these objects.

    `include` is the query parameter includeObject: None, Metadata or Object.
    """
    columns = kind.custom.columns if kind.custom else COLUMNS.get(kind.kind, DEFAULT)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [column.definition for column in columns],
        "rows": [{"cells": [column.cell(obj) for column in columns], **_included(obj, include)} for obj in objects],
    }


def human(seconds: float) -> str:
    """An age as `kubectl` prints it: `duration.HumanDuration` of k8s.io/apimachinery."""
    age = max(0, int(seconds))
    _, unit, letter, small, small_letter = next(step for step in AGES if age < step[0])
    rest = age % unit // small if small else 0
    return f"{age // unit}{letter}{rest}{small_letter}" if rest else f"{age // unit}{letter}"


def _included(obj: Object, include: str) -> Object:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": obj}
    return {"object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}}


def _get(obj: Any, path: str, default: Any = None) -> Any:
    for step in path.split("."):
        obj = obj.get(step) if isinstance(obj, dict) else None
    return default if obj is None else obj


def _text(path: str, default: str = NONE) -> Callable[[Object], Any]:
    return lambda obj: _get(obj, path) or default


def _number(path: str) -> Callable[[Object], Any]:
    return lambda obj: _get(obj, path, 0)


def since(timestamp: str | None) -> str:
    """The time since then as `kubectl` prints it."""
    if not timestamp:
        return UNKNOWN
    return human(passed_s(timestamp, clock.wall()))


def _age(obj: Object) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def _labels(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def _selector(path: str) -> Callable[[Object], str]:
    return lambda obj: str(Selector.of(_get(obj, path))) or NONE


def _containers(field: str, template: str = "spec.template") -> Callable[[Object], str]:
    return lambda obj: ",".join(each.get(field, "") for each in _get(obj, f"{template}.spec.containers", []))


def _fraction(of: str, total: str) -> Callable[[Object], str]:
    return lambda obj: f"{_get(obj, of, 0)}/{_get(obj, total, 0)}"


def _pod_ready(pod: Object) -> str:
    statuses = _get(pod, "status.containerStatuses", [])
    return f"{sum(1 for each in statuses if each.get('ready'))}/{len(_get(pod, 'spec.containers', []))}"


def _pod_status(pod: Object) -> str:
    """The column of many sources, after `printPod` of kubernetes/pkg/printers."""
    if _get(pod, "metadata.deletionTimestamp"):
        return UNKNOWN if _get(pod, "status.reason") == "NodeLost" else "Terminating"
    for status in reversed(_get(pod, "status.containerStatuses", [])):
        state = status.get("state") or {}
        if reason := _get(state, "waiting.reason") or _get(state, "terminated.reason"):
            return str(reason)
        if terminated := state.get("terminated"):
            return f"ExitCode:{terminated.get('exitCode', 0)}"
    return str(_get(pod, "status.reason") or _get(pod, "status.phase") or UNKNOWN)


def _pod_restarts(pod: Object) -> str:
    statuses = _get(pod, "status.containerStatuses", [])
    count = sum(each.get("restartCount", 0) for each in statuses)
    ended = [at for each in statuses if (at := _get(each, "lastState.terminated.finishedAt"))]
    return f"{count} ({since(max(ended))} ago)" if count and ended else str(count)


def _pod_gates(pod: Object) -> str:
    gates = _get(pod, "spec.readinessGates", [])
    true = {each["type"] for each in _get(pod, "status.conditions", []) if each["status"] == "True"}
    return f"{sum(1 for gate in gates if gate['conditionType'] in true)}/{len(gates)}" if gates else NONE


def _node_status(node: Object) -> str:
    conditions = {each["type"]: each["status"] for each in _get(node, "status.conditions", [])}
    ready = {"True": "Ready", None: "Unknown"}.get(conditions.get("Ready"), "NotReady")
    return f"{ready},SchedulingDisabled" if _get(node, "spec.unschedulable") else ready


def _node_roles(node: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = _get(node, "metadata.labels", {})
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or NONE


def _node_address(kind: str) -> Callable[[Object], str]:
    return lambda node: next((a["address"] for a in _get(node, "status.addresses", []) if a["type"] == kind), NONE)


def _service_ports(service: Object) -> str:
    return (
        ",".join(
            f"{port['port']}:{port['nodePort']}/{port.get('protocol', 'TCP')}"
            if port.get("nodePort")
            else f"{port['port']}/{port.get('protocol', 'TCP')}"
            for port in _get(service, "spec.ports", [])
        )
        or NONE
    )


def _service_external(service: Object) -> str:
    return ",".join(_get(service, "spec.externalIPs", [])) or _get(service, "spec.externalName") or NONE


def _endpoints(endpoints: Object) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    shown = ",".join(found[:3])
    return f"{shown} + {len(found) - 3} more..." if len(found) > 3 else shown or NONE


def _slice_ports(slice_: Object) -> str:
    return ",".join(str(port.get("port", "*")) for port in slice_.get("ports") or ()) or "<unset>"


def _slice_addresses(slice_: Object) -> str:
    found = [address for each in slice_.get("endpoints") or () for address in each["addresses"]]
    shown = ",".join(found[:3])
    return f"{shown} + {len(found) - 3} more..." if len(found) > 3 else shown or "<unset>"


def _job_status(job: Object) -> str:
    true = {each["type"] for each in _get(job, "status.conditions", []) if each["status"] == "True"}
    told = ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet")
    if _get(job, "metadata.deletionTimestamp"):
        return "Terminating"
    return next((name for name in told if name in true), "Running")


def _job_completions(job: Object) -> str:
    done, parallel = _get(job, "status.succeeded", 0), _get(job, "spec.parallelism", 0)
    desired = _get(job, "spec.completions")
    if desired is not None:
        return f"{done}/{desired}"
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job_duration(job: Object) -> str:
    began, ended = _get(job, "status.startTime"), _get(job, "status.completionTime")
    if not began or not ended:
        return since(began) if began else ""
    return human(passed_s(began, moment(ended)))


def _cron_last(cronjob: Object) -> str:
    last = _get(cronjob, "status.lastScheduleTime")
    return since(last) if last else NONE


def _event_seen(event: Object) -> str:
    return since(event.get("lastTimestamp") or event.get("deprecatedLastTimestamp") or event.get("eventTime"))


def _event_object(event: Object) -> str:
    about = event.get("involvedObject") or event.get("regarding") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _scaled(autoscaler: Object) -> str:
    return f"{_get(autoscaler, 'spec.scaleTargetRef.kind')}/{_get(autoscaler, 'spec.scaleTargetRef.name')}"


def _targets(autoscaler: Object) -> str:
    """`cpu: 43%/70%, memory: <unknown>/80%`, as kubectl has it since 1.30; a source is found by type, name and container."""

    def source(metric: Object) -> Object:
        found: Object = metric.get(metric["type"][:1].lower() + metric["type"][1:]) or {}
        return found

    def key(metric: Object) -> tuple[str, str, str]:
        return metric["type"], source(metric).get("name", ""), source(metric).get("container", "")

    current = {key(each): source(each)["current"] for each in _get(autoscaler, "status.currentMetrics", [])}
    cells = []
    for metric in _get(autoscaler, "spec.metrics", []):
        value, target = current.get(key(metric), {}), source(metric).get("target", {})
        field = "averageUtilization" if "averageUtilization" in target else "averageValue"
        percent = "%" if field == "averageUtilization" else ""
        shown = f"{value[field]}{percent}" if field in value else UNKNOWN
        cells.append(f"{source(metric).get('name', metric['type'])}: {shown}/{target.get(field, UNKNOWN)}{percent}")
    return ", ".join(cells) or NONE


NAME = Column("Name", _text("metadata.name"))
AGE = Column("Age", _age)
WORKLOAD = (
    Column("Containers", _containers("name"), priority=1),
    Column("Images", _containers("image"), priority=1),
)
SELECTOR = Column("Selector", _selector("spec.selector"), priority=1)
DEFAULT = (NAME, Column("Created At", _text("metadata.creationTimestamp"), "date"))

COLUMNS: dict[str, tuple[Column, ...]] = {
    "Namespace": (NAME, Column("Status", _text("status.phase")), AGE),
    "Node": (
        NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        AGE,
        Column("Version", _text("status.nodeInfo.kubeletVersion")),
        Column("Internal-IP", _node_address("InternalIP"), priority=1),
        Column("External-IP", _node_address("ExternalIP"), priority=1),
        Column("OS-Image", _text("status.nodeInfo.osImage", UNKNOWN), priority=1),
        Column("Kernel-Version", _text("status.nodeInfo.kernelVersion", UNKNOWN), priority=1),
        Column("Container-Runtime", _text("status.nodeInfo.containerRuntimeVersion", UNKNOWN), priority=1),
    ),
    "Pod": (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        AGE,
        Column("IP", _text("status.podIP"), priority=1),
        Column("Node", _text("spec.nodeName"), priority=1),
        Column("Nominated Node", _text("status.nominatedNodeName"), priority=1),
        Column("Readiness Gates", _pod_gates, priority=1),
    ),
    "Service": (
        NAME,
        Column("Type", _text("spec.type")),
        Column("Cluster-IP", _text("spec.clusterIP")),
        Column("External-IP", _service_external),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", lambda obj: _labels(_get(obj, "spec.selector")), priority=1),
    ),
    "Endpoints": (NAME, Column("Endpoints", _endpoints), AGE),
    "EndpointSlice": (
        NAME,
        Column("AddressType", _text("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        AGE,
    ),
    "ConfigMap": (
        NAME,
        Column("Data", lambda obj: len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), "integer"),
        AGE,
    ),
    "Secret": (
        NAME,
        Column("Type", _text("type")),
        Column("Data", lambda obj: len(obj.get("data") or {}), "integer"),
        AGE,
    ),
    "ServiceAccount": (NAME, Column("Secrets", lambda obj: len(obj.get("secrets") or ()), "integer"), AGE),
    "Event": (
        Column("Last Seen", _event_seen),
        Column("Type", _text("type")),
        Column("Reason", _text("reason")),
        Column("Object", _event_object),
        Column("Message", lambda obj: (obj.get("message") or obj.get("note") or "").strip()),
        Column("Count", lambda obj: obj.get("count") or obj.get("deprecatedCount") or 1, "integer", 1),
        Column("Name", _text("metadata.name"), priority=1),
    ),
    "Lease": (NAME, Column("Holder", _text("spec.holderIdentity")), AGE),
    "Deployment": (
        NAME,
        Column("Ready", _fraction("status.readyReplicas", "spec.replicas")),
        Column("Up-to-date", _number("status.updatedReplicas"), "integer"),
        Column("Available", _number("status.availableReplicas"), "integer"),
        AGE,
        *WORKLOAD,
        SELECTOR,
    ),
    "ReplicaSet": (
        NAME,
        Column("Desired", _number("spec.replicas"), "integer"),
        Column("Current", _number("status.replicas"), "integer"),
        Column("Ready", _number("status.readyReplicas"), "integer"),
        AGE,
        *WORKLOAD,
        SELECTOR,
    ),
    "StatefulSet": (NAME, Column("Ready", _fraction("status.readyReplicas", "spec.replicas")), AGE, *WORKLOAD),
    "Job": (
        NAME,
        Column("Status", _job_status),
        Column("Completions", _job_completions),
        Column("Duration", _job_duration),
        AGE,
        *WORKLOAD,
        SELECTOR,
    ),
    "CronJob": (
        NAME,
        Column("Schedule", _text("spec.schedule")),
        Column("Timezone", _text("spec.timeZone")),
        Column("Suspend", lambda obj: str(_get(obj, "spec.suspend", default=False))),
        Column("Active", lambda obj: len(_get(obj, "status.active", [])), "integer"),
        Column("Last Schedule", _cron_last),
        AGE,
        Column("Containers", _containers("name", "spec.jobTemplate.spec.template"), priority=1),
        Column("Images", _containers("image", "spec.jobTemplate.spec.template"), priority=1),
    ),
    "PodDisruptionBudget": (
        NAME,
        Column("Min Available", lambda obj: str(_get(obj, "spec.minAvailable", "N/A"))),
        Column("Max Unavailable", lambda obj: str(_get(obj, "spec.maxUnavailable", "N/A"))),
        Column("Allowed Disruptions", _number("status.disruptionsAllowed"), "integer"),
        AGE,
    ),
    "HorizontalPodAutoscaler": (
        NAME,
        Column("Reference", _scaled),
        Column("Targets", _targets),
        Column("MinPods", lambda obj: str(_get(obj, "spec.minReplicas", "<unset>"))),
        Column("MaxPods", _number("spec.maxReplicas"), "integer"),
        Column("Replicas", _number("status.currentReplicas"), "integer"),
        AGE,
    ),
    "NetworkPolicy": (NAME, Column("Pod-Selector", _selector("spec.podSelector")), AGE),
}
