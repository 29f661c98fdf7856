"""Services: their addresses, and the table of routes that the network serves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster.controllers.view import ENDPOINTS, NAMESPACE, POD, POLICY, SERVICE, key
from readiness_sandbox.network.policy import Party, Policies
from readiness_sandbox.network.seam import HOST, Endpoint, Occupant, Seat, Service, ServicePort

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from readiness_sandbox.cluster.store import Object, Store
    from readiness_sandbox.network.seam import Network

_LOWEST: Final = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
CLUSTER_DOMAIN = ".svc.cluster.local"


class Services:
    """Gives Services their addresses, and passes changed routes and policies to the network."""

    def __init__(self, store: Store, network: Network) -> None:
        self._store = store
        self._network = network
        self._served: object = None
        self._lowest = lowest_port()

    def reconcile(self) -> None:
        """All Services."""
        for service in self._store.list(SERVICE):
            self._give_address(service)
        endpoints = {key(each): each for each in self._store.list(ENDPOINTS)}
        services = tuple(
            declared
            for each in self._store.list(SERVICE)
            if (declared := declaration(each, endpoints.get(key(each)), self._lowest)) is not None
        )
        parties = self._parties()
        policies = self._store.list(POLICY)
        if self._served != (services, parties, policies):
            self._served = (services, parties, policies)
            self._network.name(occupants(self._store.list(POD)))
            self._network.serve(services, Admission(Policies(policies), parties))

    def _give_address(self, service: Object) -> None:
        """The address at which the host finds a Service is its cluster IP."""
        spec = service["spec"]
        if spec.get("type") == "ExternalName" or spec.get("clusterIP"):
            return
        address = self._network.front(HOST, *key(service))
        service = self._store.update(
            SERVICE, {**service, "spec": {**spec, "clusterIP": address, "clusterIPs": [address]}}
        )
        balancer = {"ingress": [{"ip": address}]} if spec.get("type") == "LoadBalancer" else {}
        self._store.update(SERVICE, {**service, "status": {"loadBalancer": balancer}}, subresource="status")

    def _parties(self) -> dict[str, Party]:
        """Who is at which address; the seats of pods that are ending still count."""
        spaces = {
            each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in self._store.list(NAMESPACE)
        }
        return {
            address: Party(
                address=address,
                namespace=pod["metadata"]["namespace"],
                labels=pod["metadata"].get("labels") or {},
                namespace_labels=spaces.get(pod["metadata"]["namespace"], {}),
                ports={
                    port["name"]: port["containerPort"]
                    for container in pod["spec"]["containers"]
                    for port in container.get("ports") or ()
                    if port.get("name")
                },
            )
            for pod in self._store.list(POD)
            if (address := (pod.get("status") or {}).get("podIP"))
        }


def occupants(pods: Iterable[Object]) -> Iterator[Occupant]:
    """Which pod is at which address. Pure."""
    for pod in pods:
        if address := (pod.get("status") or {}).get("podIP"):
            namespace, name = key(pod)
            labels = pod["metadata"].get("labels") or {}
            yield Occupant(address=address, namespace=namespace, pod=name, labels=labels, workload=_workload(pod))


def _workload(pod: Object) -> tuple[str, str]:
    """Kind and name of what the pod is of.

    A ReplicaSet counts as its Deployment, a pod without an owner as itself.
    """
    owner = next((each for each in pod["metadata"].get("ownerReferences") or () if each.get("controller")), None)
    if owner is None:
        return "Pod", pod["metadata"]["name"]
    if owner["kind"] == "ReplicaSet":
        return "Deployment", owner["name"].rpartition("-")[0]
    return owner["kind"], owner["name"]


def lowest_port() -> int:
    """The lowest port that this process may listen at: on Linux an ordinary user may not listen at 80."""
    if os.geteuid() == 0:
        return 1
    try:
        return int(_LOWEST.read_text("ascii"))
    except (OSError, ValueError):
        return 1


def declaration(service: Object, endpoints: Object | None, lowest: int = 1) -> Service | None:
    """A Service as the network knows it; None when it is headless. A port below the lowest one is not served. Pure."""
    namespace, name = key(service)
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        target, _, where = spec.get("externalName", "").removesuffix(CLUSTER_DOMAIN).partition(".")
        return Service(namespace=namespace, name=name, alias_of=(where, target))
    if spec.get("clusterIP") == "None":
        return None
    subsets = (endpoints or {}).get("subsets") or ()
    ports = tuple(
        ServicePort(name=port.get("name", ""), port=port["port"], backends=_backends(port, subsets, spec))
        for port in spec.get("ports") or ()
        if port.get("protocol", "TCP") == "TCP" and port["port"] >= lowest
    )
    return Service(namespace=namespace, name=name, ports=ports)


def _backends(port: Object, subsets: list[Object] | tuple[()], spec: Object) -> tuple[Endpoint, ...]:
    """The ready endpoints of a port: matched by its name.

    With a single port the name does not matter.
    """
    single = len(spec["ports"]) == 1
    return tuple(
        sorted(
            Endpoint(address=address["ip"], port=each["port"])
            for subset in subsets
            for each in subset.get("ports") or ()
            if single or each.get("name", "") == port.get("name", "")
            for address in subset.get("addresses") or ()
        )
    )


class Admission:
    """Who may call whom; what is alike is decided once. The host is the node, which Kubernetes always admits."""

    def __init__(self, policies: Policies, parties: dict[str, Party]) -> None:
        self._policies = policies
        self._parties = parties
        self._decided: dict[tuple[Hashable, int], tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]] = {}

    def __call__(self, seat: Seat, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        """Which of these endpoints that seat may connect to; the same object for seats that are alike to all policies."""
        if seat is HOST or self._policies.admit_all:
            return endpoints
        caller = self._parties.get(seat.address, Party(address=seat.address, namespace=seat.namespace))
        key = (self._policies.alike(caller), id(endpoints))
        if key not in self._decided:
            admitted = tuple(each for each in endpoints if self._policies.admit(caller, self._callee(each), each.port))
            self._decided[key] = (endpoints, admitted)  # the endpoints are held so that their id stays theirs
        return self._decided[key][1]

    def _callee(self, endpoint: Endpoint) -> Party:
        return self._parties.get(endpoint.address, Party(address=endpoint.address))
