"""The columns that `kubectl get` prints of each kind, after Kubernetes' own printers: a row of `COLUMNS` a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.cells import (
    AGE,
    NAME,
    NONE,
    SELECTOR,
    UNKNOWN,
    WORKLOAD,
    Column,
    containers,
    field_of,
    fraction,
    number,
    selector,
    since,
    text,
)
from readiness_sandbox.cluster.durations import human
from readiness_sandbox.cluster.timestamps import moment, passed_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness_sandbox.cluster.statuses import Object


MOST_HOSTS = 3
"""Of an Ingress, that a cell names."""


def _pod_ready(pod: Object) -> str:
    statuses = field_of(pod, "status.containerStatuses", [])
    return f"{sum(1 for each in statuses if each.get('ready'))}/{len(field_of(pod, 'spec.containers', []))}"


def _pod_status(pod: Object) -> str:
    """The column of many sources, after `printPod` of kubernetes/pkg/printers."""
    if field_of(pod, "metadata.deletionTimestamp"):
        return UNKNOWN if field_of(pod, "status.reason") == "NodeLost" else "Terminating"
    for status in reversed(field_of(pod, "status.containerStatuses", [])):
        state = status.get("state") or {}
        if reason := field_of(state, "waiting.reason") or field_of(state, "terminated.reason"):
            return str(reason)
        if terminated := state.get("terminated"):
            return f"ExitCode:{terminated.get('exitCode', 0)}"
    return str(field_of(pod, "status.reason") or field_of(pod, "status.phase") or UNKNOWN)


def _pod_restarts(pod: Object) -> str:
    statuses = field_of(pod, "status.containerStatuses", [])
    count = sum(each.get("restartCount", 0) for each in statuses)
    ended = [at for each in statuses if (at := field_of(each, "lastState.terminated.finishedAt"))]
    return f"{count} ({since(max(ended))} ago)" if count and ended else str(count)


def _pod_gates(pod: Object) -> str:
    gates = field_of(pod, "spec.readinessGates", [])
    true = {each["type"] for each in field_of(pod, "status.conditions", []) if each["status"] == "True"}
    return f"{sum(1 for gate in gates if gate['conditionType'] in true)}/{len(gates)}" if gates else NONE


def _node_status(node: Object) -> str:
    conditions = {each["type"]: each["status"] for each in field_of(node, "status.conditions", [])}
    ready = {"True": "Ready", None: "Unknown"}.get(conditions.get("Ready"), "NotReady")
    return f"{ready},SchedulingDisabled" if field_of(node, "spec.unschedulable") else ready


def _node_roles(node: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = field_of(node, "metadata.labels", {})
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or NONE


def _node_address(kind: str) -> Callable[[Object], str]:
    return lambda node: next((a["address"] for a in field_of(node, "status.addresses", []) if a["type"] == kind), NONE)


def _access_modes(claim: Object) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short[mode] for mode in short if mode in field_of(claim, "status.accessModes", []))


def _service_ports(service: Object) -> str:
    return (
        ",".join(
            f"{port['port']}:{port['nodePort']}/{port.get('protocol', 'TCP')}"
            if port.get("nodePort")
            else f"{port['port']}/{port.get('protocol', 'TCP')}"
            for port in field_of(service, "spec.ports", [])
        )
        or NONE
    )


def _service_selector(service: Object) -> str:
    selected = field_of(service, "spec.selector", {})
    return ",".join(f"{key}={value}" for key, value in sorted(selected.items())) or NONE


def _service_external(service: Object) -> str:
    return ",".join(field_of(service, "spec.externalIPs", [])) or field_of(service, "spec.externalName") or NONE


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
    true = {each["type"] for each in field_of(job, "status.conditions", []) if each["status"] == "True"}
    told = ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet")
    if field_of(job, "metadata.deletionTimestamp"):
        return "Terminating"
    return next((name for name in told if name in true), "Running")


def _job_completions(job: Object) -> str:
    done, parallel = field_of(job, "status.succeeded", 0), field_of(job, "spec.parallelism", 0)
    desired = field_of(job, "spec.completions")
    if desired is not None:
        return f"{done}/{desired}"
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job_duration(job: Object) -> str:
    began, ended = field_of(job, "status.startTime"), field_of(job, "status.completionTime")
    if not began or not ended:
        return since(began) if began else ""
    return human(passed_s(began, moment(ended)))


def _cron_last(cronjob: Object) -> str:
    last = field_of(cronjob, "status.lastScheduleTime")
    return since(last) if last else NONE


def _event_seen(event: Object) -> str:
    return since(event.get("lastTimestamp") or event.get("deprecatedLastTimestamp") or event.get("eventTime"))


def _event_object(event: Object) -> str:
    about = event.get("involvedObject") or event.get("regarding") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _scaled(autoscaler: Object) -> str:
    return f"{field_of(autoscaler, 'spec.scaleTargetRef.kind')}/{field_of(autoscaler, 'spec.scaleTargetRef.name')}"


def _targets(autoscaler: Object) -> str:
    """`cpu: 43%/70%, memory: <unknown>/80%`, as kubectl has it since 1.30; a source is found by type, name and container."""

    def source(metric: Object) -> Object:
        found: Object = metric.get(metric["type"][:1].lower() + metric["type"][1:]) or {}
        return found

    def key(metric: Object) -> tuple[str, str, str]:
        return metric["type"], source(metric).get("name", ""), source(metric).get("container", "")

    current = {key(each): source(each)["current"] for each in field_of(autoscaler, "status.currentMetrics", [])}
    cells = []
    for metric in field_of(autoscaler, "spec.metrics", []):
        value, target = current.get(key(metric), {}), source(metric).get("target", {})
        field = "averageUtilization" if "averageUtilization" in target else "averageValue"
        percent = "%" if field == "averageUtilization" else ""
        shown = f"{value[field]}{percent}" if field in value else UNKNOWN
        cells.append(f"{source(metric).get('name', metric['type'])}: {shown}/{target.get(field, UNKNOWN)}{percent}")
    return ", ".join(cells) or NONE


def _hosts(ingress: Object) -> str:
    """Of its rules; all of them where none is named."""
    hosts = [each["host"] for each in field_of(ingress, "spec.rules", []) if each.get("host")]
    more = f" + {len(hosts) - MOST_HOSTS} more..." if len(hosts) > MOST_HOSTS else ""
    return ",".join(hosts[:MOST_HOSTS]) + more or "*"


def _addresses(ingress: Object) -> str:
    found = field_of(ingress, "status.loadBalancer.ingress", [])
    return ",".join(each.get("ip") or each.get("hostname") or "" for each in found)


COLUMNS: dict[str, tuple[Column, ...]] = {
    "Namespace": (NAME, Column("Status", text("status.phase")), AGE),
    "Node": (
        NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        AGE,
        Column("Version", text("status.nodeInfo.kubeletVersion")),
        Column("Internal-IP", _node_address("InternalIP"), priority=1),
        Column("External-IP", _node_address("ExternalIP"), priority=1),
        Column("OS-Image", text("status.nodeInfo.osImage", UNKNOWN), priority=1),
        Column("Kernel-Version", text("status.nodeInfo.kernelVersion", UNKNOWN), priority=1),
        Column("Container-Runtime", text("status.nodeInfo.containerRuntimeVersion", UNKNOWN), priority=1),
    ),
    "Pod": (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        AGE,
        Column("IP", text("status.podIP"), priority=1),
        Column("Node", text("spec.nodeName"), priority=1),
        Column("Nominated Node", text("status.nominatedNodeName"), priority=1),
        Column("Readiness Gates", _pod_gates, priority=1),
    ),
    "Service": (
        NAME,
        Column("Type", text("spec.type")),
        Column("Cluster-IP", text("spec.clusterIP")),
        Column("External-IP", _service_external),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", _service_selector, priority=1),
    ),
    "Endpoints": (NAME, Column("Endpoints", _endpoints), AGE),
    "EndpointSlice": (
        NAME,
        Column("AddressType", text("addressType")),
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
        Column("Type", text("type")),
        Column("Data", lambda obj: len(obj.get("data") or {}), "integer"),
        AGE,
    ),
    "ServiceAccount": (NAME, Column("Secrets", lambda obj: len(obj.get("secrets") or ()), "integer"), AGE),
    "Event": (
        Column("Last Seen", _event_seen),
        Column("Type", text("type")),
        Column("Reason", text("reason")),
        Column("Object", _event_object),
        Column("Message", lambda obj: (obj.get("message") or obj.get("note") or "").strip()),
        Column("Count", lambda obj: obj.get("count") or obj.get("deprecatedCount") or 1, "integer", 1),
        Column("Name", text("metadata.name"), priority=1),
    ),
    "Role": (NAME, Column("Created At", text("metadata.creationTimestamp"))),
    "ClusterRole": (NAME, Column("Created At", text("metadata.creationTimestamp"))),
    "RoleBinding": (NAME, Column("Role", lambda obj: "{kind}/{name}".format(**obj["roleRef"])), AGE),
    "ClusterRoleBinding": (NAME, Column("Role", lambda obj: "{kind}/{name}".format(**obj["roleRef"])), AGE),
    "Lease": (NAME, Column("Holder", text("spec.holderIdentity")), AGE),
    "Deployment": (
        NAME,
        Column("Ready", fraction("status.readyReplicas", "spec.replicas")),
        Column("Up-to-date", number("status.updatedReplicas"), "integer"),
        Column("Available", number("status.availableReplicas"), "integer"),
        AGE,
        *WORKLOAD,
        SELECTOR,
    ),
    "ReplicaSet": (
        NAME,
        Column("Desired", number("spec.replicas"), "integer"),
        Column("Current", number("status.replicas"), "integer"),
        Column("Ready", number("status.readyReplicas"), "integer"),
        AGE,
        *WORKLOAD,
        SELECTOR,
    ),
    "StatefulSet": (NAME, Column("Ready", fraction("status.readyReplicas", "spec.replicas")), AGE, *WORKLOAD),
    "PersistentVolumeClaim": (
        NAME,
        Column("Status", text("status.phase")),
        Column("Volume", text("spec.volumeName", "")),
        Column("Capacity", text("status.capacity.storage", "")),
        Column("Access Modes", _access_modes),
        Column("StorageClass", text("spec.storageClassName", "")),
        Column("VolumeAttributesClass", text("spec.volumeAttributesClassName", "<unset>")),
        AGE,
        Column("VolumeMode", text("spec.volumeMode", "<unset>"), priority=1),
    ),
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
        Column("Schedule", text("spec.schedule")),
        Column("Timezone", text("spec.timeZone")),
        Column("Suspend", lambda obj: str(field_of(obj, "spec.suspend", default=False))),
        Column("Active", lambda obj: len(field_of(obj, "status.active", [])), "integer"),
        Column("Last Schedule", _cron_last),
        AGE,
        Column("Containers", containers("name", "spec.jobTemplate.spec.template"), priority=1),
        Column("Images", containers("image", "spec.jobTemplate.spec.template"), priority=1),
    ),
    "PodDisruptionBudget": (
        NAME,
        Column("Min Available", lambda obj: str(field_of(obj, "spec.minAvailable", "N/A"))),
        Column("Max Unavailable", lambda obj: str(field_of(obj, "spec.maxUnavailable", "N/A"))),
        Column("Allowed Disruptions", number("status.disruptionsAllowed"), "integer"),
        AGE,
    ),
    "HorizontalPodAutoscaler": (
        NAME,
        Column("Reference", _scaled),
        Column("Targets", _targets),
        Column("MinPods", lambda obj: str(field_of(obj, "spec.minReplicas", "<unset>"))),
        Column("MaxPods", number("spec.maxReplicas"), "integer"),
        Column("Replicas", number("status.currentReplicas"), "integer"),
        AGE,
    ),
    "Ingress": (
        NAME,
        Column("Class", text("spec.ingressClassName")),
        Column("Hosts", _hosts),
        Column("Address", _addresses),
        Column("Ports", lambda obj: "80, 443" if field_of(obj, "spec.tls") else "80"),
        AGE,
    ),
    "NetworkPolicy": (NAME, Column("Pod-Selector", selector("spec.podSelector")), AGE),
}
