"""What the functions of chaostoolkit-kubernetes do: the objects that they change, the pods that they hit, the permissions.

The control of an experiment records with it what such a function hit, and how it is undone; `readiness plan --roles`
reads the permissions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import yaml

from harness.targets.access import Access, access
from harness.targets.cluster.objects import Ref

Arguments = Mapping[str, Any]

PACKAGE: Final = "chaosk8s"


class Verb(Enum):
    """What a function does to an object."""

    CREATES = "create"
    CHANGES = "patch"
    DELETES = "delete"


class PodHits(Enum):
    """The pods that a function hits."""

    SELECTED = "pods by label or name, which end"
    ENTERED = "pods by label or name, which stay"
    OF_WORKLOAD = "the pods of the workloads that it deletes or scales down"
    OF_NODE = "the pods of the nodes that it drains or deletes"
    OF_POLICY = "the pods that the network policy selects, which stay"


@dataclass(frozen=True, kw_only=True, slots=True)
class StockChange:
    """A change of objects.

    Attributes:
        verb: what is done.
        version, plural: collection of the objects; None: the arguments `group`, `version` and `plural` name it.
        fields: the fields that are changed; empty: all, or not known.
        named: name of the object if the function itself names it.
        described: the arguments with the object, as a mapping or as the path of a file.
        lasting: whether the change is undone; False for a restart, which is complete once its pods are ready.
    """

    verb: Verb
    version: str = ""
    plural: str = ""
    fields: tuple[str, ...] = ()
    named: str = ""
    described: tuple[str, ...] = ()
    lasting: bool = True

    def collection(self, arguments: Arguments) -> tuple[str, str] | None:
        """Version and collection; None if the arguments do not say them."""
        return (self.version, self.plural) if self.plural else _collection(arguments)

    def ref(self, arguments: Arguments) -> Ref | None:
        """The object, or the collection if the name is empty; None if the arguments do not say which collection."""
        found = self.collection(arguments)
        if found is None:
            return None
        version, plural = found
        body = described(arguments, *self.described) if self.described else {}
        meta = body.get("metadata") or arguments.get("meta") or {}
        name = self.named or str(meta.get("name") or arguments.get("name") or "")
        return Ref(version, plural, name, str(arguments.get("ns") or "") if "ns" in arguments else "")


def _collection(arguments: Arguments) -> tuple[str, str] | None:
    """The collection that the arguments `group`, `version` and `plural` name; None if a variable is among them."""
    group, version, plural = (str(arguments.get(key) or "") for key in ("group", "version", "plural"))
    if not (group and version and plural) or "$" in f"{group}{version}{plural}":
        return None
    return f"{group}/{version}", plural


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function of the package.

    Attributes:
        asks: permissions in words, besides those of its change.
        reads: the verb on the collection that its arguments name; empty: none.
        change: the change that it makes; None: it changes no object but pods.
        pods: the pods that it hits; None: none.
    """

    asks: tuple[str, ...] = ()
    reads: str = ""
    change: StockChange | None = None
    pods: PodHits | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether a call has hits or an undo to record."""
        return self.pods is not None or (self.change is not None and self.change.lasting)

    def accesses(self, arguments: Arguments) -> tuple[Access, ...] | None:
        """The permissions of a call, with those to record and undo it; None if the arguments do not say them."""
        if self.change is None and not self.reads:
            return access(*self.asks)
        found = self.change.collection(arguments) if self.change is not None else _collection(arguments)
        if found is None:
            return None
        version, plural = found
        group, change = version.rpartition("/")[0], self.change
        own = (self.reads,) if change is None else (change.verb.value,)
        verbs = _VERBS[change.verb] if change is not None and self.is_recorded else own
        return access(*self.asks, f"{','.join(verbs)} {plural}{'.' if group else ''}{group}")


_VERBS: Final = {
    Verb.CREATES: ("get", "create", "delete"),
    Verb.CHANGES: ("get", "patch"),
    Verb.DELETES: ("get", "create", "patch", "delete"),
}
"""The verbs of a change, of the read before it, and of its undo."""


def described(arguments: Arguments, *keys: str) -> Mapping[str, Any]:
    """The object that an argument describes, as a mapping or as the path of a JSON or YAML file; empty if it cannot be read."""
    for key in keys:
        value = arguments.get(key)
        if isinstance(value, Mapping):
            return value
        if isinstance(value, str) and Path(value).is_file():
            text = Path(value).read_text(encoding="utf-8")
            found = json.loads(text) if value.endswith(".json") else yaml.safe_load(text)
            return found if isinstance(found, Mapping) else {}
    return {}


_APPS: Final = "apps/v1"
_NETWORKING: Final = "networking.k8s.io/v1"
_MESH: Final = "chaos-mesh.org/v1alpha1"
_LIST_PODS: Final = ("list pods",)
_LIST_NODES: Final = ("list nodes",)
_EVICTIONS: Final = ("list,get pods -A", "create pods/eviction -A")
_REPLICAS: Final = ("spec.replicas",)
CORDONED: Final = ("spec.unschedulable",)
"""The field of a node by which it is cordoned."""


def _made(version: str, plural: str, *described_by: str, named: str = "") -> Function:
    pods = PodHits.OF_POLICY if plural == "networkpolicies" else None
    change = StockChange(verb=Verb.CREATES, version=version, plural=plural, described=described_by, named=named)
    return Function(change=change, pods=pods, asks=_LIST_PODS if pods else ())


def _changed(version: str, plural: str, *fields: str, lasting: bool = True, pods: PodHits | None = None) -> Function:
    change = StockChange(verb=Verb.CHANGES, version=version, plural=plural, fields=fields, lasting=lasting)
    return Function(change=change, pods=pods, asks=_LIST_PODS if pods else ())


def _deleted(version: str, plural: str, *asks: str, named: str = "", pods: PodHits | None = None) -> Function:
    change = StockChange(verb=Verb.DELETES, version=version, plural=plural, named=named)
    return Function(change=change, pods=pods, asks=asks)


def _asking(*asks: str, of: str, functions: str) -> dict[str, Function]:
    """Functions that only read."""
    return {f"{of}.probes.{name}": Function(asks=asks) for name in functions.split()}


_ENDING: Final = Function(asks=("list,delete pods",), pods=PodHits.SELECTED)
_SCALED: Final = _changed(_APPS, "deployments", *_REPLICAS, pods=PodHits.OF_WORKLOAD)
_WORKLOADS: Final = (
    ("deployment", "deployments", "create_deployment", "delete_deployment"),
    ("statefulset", "statefulsets", "create_statefulset", "remove_statefulset"),
    ("daemonset", "daemonsets", "create_daemon_set", "delete_daemon_set"),
)
_POLICIES: Final = {
    "deny_all_ingress": "chaostoolkit-deny-all-ingress",
    "deny_all_egress": "chaostoolkit-deny-all-egress",
    "allow_dns_access": "chaostoolkit-allow-dns",
}
"""The functions that create a network policy of a fixed name; `remove_…` deletes it."""
_CORDONING: Final = StockChange(verb=Verb.CHANGES, version="v1", plural="nodes", fields=CORDONED)
_NETWORK_FAULTS: Final = "add_latency set_loss duplicate_packets corrupt_packets reorder_packets set_bandwidth"
_STRESS: Final = "stress_cpu stress_memory"

FUNCTIONS: Final[Mapping[str, Function]] = {
    "pod.actions.terminate_pods": _ENDING,
    "pod.actions.delete_pods": _ENDING,
    "pod.actions.exec_in_pods": Function(asks=(*_LIST_PODS, "get,create pods/exec"), pods=PodHits.ENTERED),
    **_asking(
        *_LIST_PODS,
        of="pod",
        functions="count_pods count_min_pods pods_in_phase pods_not_in_phase pods_in_conditions pod_is_not_available all_pods_healthy",
    ),
    **_asking(*_LIST_PODS, "get pods/log", of="pod", functions="read_pod_logs"),
    **_asking(of="pod", functions="should_be_found_in_logs"),
    **{
        f"{module}.actions.{name}": function
        for module, plural, create, delete in _WORKLOADS
        for name, function in (
            (create, _made(_APPS, plural, "spec_path")),
            (delete, _deleted(_APPS, plural, f"list {plural}.apps", *_LIST_PODS, pods=PodHits.OF_WORKLOAD)),
        )
    },
    "deployment.actions.scale_deployment": _SCALED,
    "actions.scale_microservice": _SCALED,
    "actions.start_microservice": _made(_APPS, "deployments", "spec_path"),
    "actions.kill_microservice": _deleted(
        *(_APPS, "deployments", "list deployments.apps", "list,delete replicasets.apps", "list,delete pods"),
        pods=PodHits.OF_WORKLOAD,
    ),
    "actions.remove_service_endpoint": _deleted("v1", "services"),
    "deployment.actions.rollout_deployment": _changed(_APPS, "deployments", lasting=False, pods=PodHits.OF_WORKLOAD),
    "statefulset.actions.scale_statefulset": _changed(_APPS, "statefulsets", *_REPLICAS, pods=PodHits.OF_WORKLOAD),
    "daemonset.actions.update_daemon_set": _changed(_APPS, "daemonsets"),
    "replicaset.actions.delete_replica_set": _deleted(
        _APPS, "replicasets", "list replicasets.apps", *_LIST_PODS, pods=PodHits.OF_WORKLOAD
    ),
    **_asking(
        "list deployments.apps",
        of="deployment",
        functions="deployment_available_and_healthy deployment_partially_available",
    ),
    **_asking(
        "list,watch deployments.apps",
        of="deployment",
        functions="deployment_fully_available deployment_not_fully_available",
    ),
    **_asking(
        "list,watch statefulsets.apps",
        of="statefulset",
        functions="statefulset_fully_available statefulset_not_fully_available",
    ),
    **_asking(
        "list daemonsets.apps",
        of="daemonset",
        functions="daemon_set_available_and_healthy daemon_set_partially_available",
    ),
    **_asking(
        "list,watch daemonsets.apps",
        of="daemonset",
        functions="daemon_set_fully_available daemon_set_not_fully_available",
    ),
    "node.actions.cordon_node": Function(asks=_LIST_NODES, change=_CORDONING),
    "node.actions.uncordon_node": Function(asks=_LIST_NODES, change=_CORDONING),
    "node.actions.drain_nodes": Function(asks=(*_LIST_NODES, *_EVICTIONS), change=_CORDONING, pods=PodHits.OF_NODE),
    "node.actions.delete_nodes": _deleted("v1", "nodes", *_LIST_NODES, "list pods -A", pods=PodHits.OF_NODE),
    "node.actions.create_node": _made("v1", "nodes"),
    **_asking(
        *_LIST_NODES,
        of="node",
        functions="get_nodes get_all_node_status_conditions all_nodes_must_be_ready_to_schedule verify_nodes_condition nodes_must_be_healthy",
    ),
    "networking.actions.create_network_policy": _made(_NETWORKING, "networkpolicies", "spec", "spec_path"),
    "networking.actions.remove_network_policy": _deleted(_NETWORKING, "networkpolicies"),
    **{
        f"networking.actions.{name}": _made(_NETWORKING, "networkpolicies", named=own)
        for name, own in _POLICIES.items()
    },
    **{
        f"networking.actions.remove_{name}": _deleted(_NETWORKING, "networkpolicies", named=own)
        for name, own in _POLICIES.items()
    },
    "networking.actions.create_ingress": _made(_NETWORKING, "ingresses", "spec_path"),
    "networking.actions.update_ingress": _changed(_NETWORKING, "ingresses"),
    "networking.actions.delete_ingress": _deleted(_NETWORKING, "ingresses"),
    **_asking("list ingresses.networking.k8s.io", of="networking", functions="ingress_exists"),
    "service.actions.create_service_endpoint": _made("v1", "services", "spec_path"),
    "service.actions.delete_service": _deleted("v1", "services"),
    **_asking("list services", of="service", functions="service_is_initialized"),
    "namespace.actions.create_namespace": _made("v1", "namespaces", "spec_path"),
    "namespace.actions.delete_namespace": _deleted("v1", "namespaces"),
    **_asking("list namespaces", of="namespace", functions="namespace_exists"),
    "secret.actions.create_secret": _made("v1", "secrets", "spec_path"),
    # what a Secret had is not written to disk: the file itself has to create it again
    "secret.actions.delete_secret": Function(asks=("delete secrets",)),
    **_asking("list secrets", of="secret", functions="secret_exists"),
    **_asking("list events.events.k8s.io -A", of="event", functions="get_events"),
    "crd.actions.create_custom_object": _made("", "", "resource", "resource_as_yaml_file"),
    "crd.actions.create_cluster_custom_object": _made("", "", "resource", "resource_as_yaml_file"),
    **{
        f"crd.actions.{verb}_{of}": _changed("", "") if verb == "patch" else _deleted("", "")
        for of in ("custom_object", "cluster_custom_object")
        for verb in ("patch", "delete")
    },
    **{
        f"crd.probes.{verb}_{of}": Function(reads=verb)
        for verb, of in (
            ("get", "custom_object"),
            ("get", "cluster_custom_object"),
            ("list", "custom_objects"),
            ("list", "cluster_custom_objects"),
        )
    },
    **_asking("get networkchaos.chaos-mesh.org", of="chaosmesh.network", functions="get_network_fault"),
    **_asking("list networkchaos.chaos-mesh.org", of="chaosmesh.network", functions="get_network_faults"),
    **_asking("get stresschaos.chaos-mesh.org", of="chaosmesh.stress", functions="get_stressor"),
    **_asking("list stresschaos.chaos-mesh.org", of="chaosmesh.stress", functions="get_stressors"),
    **{f"chaosmesh.network.actions.{name}": _made(_MESH, "networkchaos") for name in _NETWORK_FAULTS.split()},
    **{f"chaosmesh.stress.actions.{name}": _made(_MESH, "stresschaos") for name in _STRESS.split()},
    "chaosmesh.network.actions.delete_network_fault": _deleted(_MESH, "networkchaos"),
    "chaosmesh.stress.actions.delete_stressor": _deleted(_MESH, "stresschaos"),
}
"""The functions of chaostoolkit-kubernetes 0.39 by module and name.

Functions that fail on every cluster are missing, such as `apply_from_yaml` and `replace_custom_object`.
"""


def is_of_package(provider: Mapping[str, Any]) -> bool:
    """Whether a provider calls a function of the package."""
    module = str(provider.get("module", ""))
    return provider.get("type") == "python" and (module == PACKAGE or module.startswith(f"{PACKAGE}."))


def function_of(provider: Mapping[str, Any]) -> Function | None:
    """The function of the package that a provider calls; None if it calls another function, or one that is not known."""
    if not is_of_package(provider):
        return None
    module = str(provider["module"]).removeprefix(f"{PACKAGE}.")
    return FUNCTIONS.get(f"{module}.{provider.get('func', '')}")
