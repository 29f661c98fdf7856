"""The Kubernetes API permissions that the activities of an experiment file need."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from harness.drivers.chaos.experiments import activities_of, read_experiment
from harness.drivers.chaos.providers import called, is_own
from harness.targets.access import Access, access
from harness.yamlfile import read_document

_KUBECTL: Final = "kubectl"
_SCALE: Final = ("patch deployments.apps",)
_WATCH: Final = ("list,watch deployments.apps",)
_PODS: Final = ("list pods",)
_NODES: Final = ("list nodes",)
_POLICIES: Final = ("create networkpolicies.networking.k8s.io",)
_NO_POLICIES: Final = ("delete networkpolicies.networking.k8s.io",)
CHAOSK8S: Final[Mapping[str, tuple[str, ...]]] = {
    "pod.actions.terminate_pods": ("list,delete pods",),
    "pod.actions.delete_pods": ("list,delete pods",),
    "pod.actions.exec_in_pods": ("list pods", "get,create pods/exec"),
    **dict.fromkeys(
        (
            *("pod.probes.count_pods", "pod.probes.count_min_pods", "pod.probes.pods_in_phase"),
            *("pod.probes.pods_not_in_phase", "pod.probes.pods_in_conditions", "pod.probes.pod_is_not_available"),
            "pod.probes.all_pods_healthy",
        ),
        _PODS,
    ),
    "pod.probes.read_pod_logs": (*_PODS, "get pods/log"),
    "deployment.actions.scale_deployment": _SCALE,
    "deployment.actions.rollout_deployment": _SCALE,
    "deployment.actions.create_deployment": ("create deployments.apps",),
    "deployment.actions.delete_deployment": ("list,delete deployments.apps",),
    "deployment.probes.deployment_available_and_healthy": ("list deployments.apps",),
    "deployment.probes.deployment_partially_available": ("list deployments.apps",),
    "deployment.probes.deployment_fully_available": _WATCH,
    "deployment.probes.deployment_not_fully_available": _WATCH,
    "statefulset.actions.scale_statefulset": ("patch statefulsets.apps",),
    "statefulset.actions.remove_statefulset": ("list,delete statefulsets.apps",),
    "statefulset.probes.statefulset_fully_available": ("list,watch statefulsets.apps",),
    "statefulset.probes.statefulset_not_fully_available": ("list,watch statefulsets.apps",),
    "replicaset.actions.delete_replica_set": ("list,delete replicasets.apps",),
    "node.actions.cordon_node": (*_NODES, "patch nodes"),
    "node.actions.uncordon_node": (*_NODES, "patch nodes"),
    "node.actions.drain_nodes": (*_NODES, "patch nodes", "list,get pods -A", "create pods/eviction -A"),
    "node.actions.delete_nodes": (*_NODES, "delete nodes"),
    **dict.fromkeys(
        (
            *("node.probes.get_nodes", "node.probes.get_all_node_status_conditions"),
            *("node.probes.all_nodes_must_be_ready_to_schedule", "node.probes.verify_nodes_condition"),
            "node.probes.nodes_must_be_healthy",
        ),
        _NODES,
    ),
    "networking.actions.create_network_policy": _POLICIES,
    "networking.actions.deny_all_ingress": _POLICIES,
    "networking.actions.deny_all_egress": _POLICIES,
    "networking.actions.allow_dns_access": _POLICIES,
    "networking.actions.remove_network_policy": _NO_POLICIES,
    "networking.actions.remove_deny_all_ingress": _NO_POLICIES,
    "networking.actions.remove_deny_all_egress": _NO_POLICIES,
    "networking.actions.remove_allow_dns_access": _NO_POLICIES,
    "service.actions.delete_service": ("list,delete services",),
    "service.probes.service_is_initialized": ("list services",),
    "event.probes.get_events": ("list events.events.k8s.io -A",),
}
"""Permissions by module and function of chaostoolkit-kubernetes 0.39."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileAccess:
    """The permissions that a file needs.

    Attributes:
        own: modules and functions of the harness, which declare their permissions themselves.
        known: permissions of the other activities.
        unknown: names of activities that may use the Kubernetes API, and whose permissions are unknown.
    """

    own: tuple[tuple[str, str], ...]
    known: tuple[Access, ...]
    unknown: tuple[str, ...]


def access_of_file(path: Path) -> FileAccess:
    """Read the permissions that the activities of a file need, without importing anything.

    Raises:
        ConfigurationError: the file is invalid.
    """
    content = b""
    with suppress(OSError):  # the reader below says it better
        content = path.read_bytes()
    return _asked(path, content)


@lru_cache(maxsize=512)
def _asked(path: Path, _content: bytes) -> FileAccess:
    """Cached form of the function above, parsed again when the file changes: a plan calls it for every row of an experiment."""
    block = read_experiment(path).block
    declared = block.access if block else ()
    own: list[tuple[str, str]] = []
    known, unknown = list(access(*declared)), []
    for _, activity in activities_of(read_document(path)):
        module, function = called(activity)
        words = CHAOSK8S.get(f"{module}.{function}".removeprefix("chaosk8s."))
        if is_own(activity):
            own.append((module, function))
        elif words is not None:
            known += access(*words)
        elif not declared and (module or Path(str(activity["provider"].get("path", ""))).name == _KUBECTL):
            unknown.append(str(activity["name"]))
    return FileAccess(own=tuple(dict.fromkeys(own)), known=tuple(known), unknown=tuple(dict.fromkeys(unknown)))
