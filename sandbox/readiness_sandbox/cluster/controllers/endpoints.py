"""Endpoints of Services with a selector, and EndpointSlices of all.

A Service without selector keeps the Endpoints that others write.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.view import ENDPOINTS, POD, SERVICE, SLICE, key, reference
from readiness_sandbox.cluster.kubelet.status import is_ready
from readiness_sandbox.cluster.selectors import Selector
from readiness_sandbox.cluster.store import StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Object, Store

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
OURS = "endpointslice-controller.k8s.io"
MIRRORED = "endpointslicemirroring-controller.k8s.io"


def reconcile(store: Store) -> None:
    """All Services; slices whose Service or Endpoints are gone are removed."""
    pods = store.list(POD)
    services = {key(each): each for each in store.list(SERVICE)}
    for where, service in services.items():
        if (selector := service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName":
            chosen = Selector.equal(selector)
            mine = [
                pod
                for pod in pods
                if pod["metadata"]["namespace"] == where[0] and chosen.matches(pod["metadata"].get("labels"))
            ]
            _write(store, ENDPOINTS, service, where[1], {"subsets": subsets(service, mine)})
    for endpoints in store.list(ENDPOINTS):
        if (service_of := services.get(key(endpoints))) is not None:
            _write_slice(store, service_of, endpoints)
    for orphan in store.list(SLICE):
        namespace, name = key(orphan)
        service_name = (orphan["metadata"].get("labels") or {}).get(SERVICE_NAME, "")
        ours = (orphan["metadata"].get("labels") or {}).get(MANAGED_BY) in (OURS, MIRRORED)
        if ours and not _exists(store, ENDPOINTS, namespace, service_name):
            store.delete(SLICE, namespace, name)


def subsets(service: Object, pods: Sequence[Object]) -> list[Object]:
    """The Endpoints' subsets.

    Pods with equal target ports together, ready ones apart from those that are not. Pure.
    """
    every = service["spec"].get("publishNotReadyAddresses", False)
    groups: dict[tuple[tuple[str, int, str], ...], dict[str, list[Object]]] = {}
    for pod in pods:
        status = pod.get("status") or {}
        if not status.get("podIP") or pod["metadata"].get("deletionTimestamp") or status.get("phase") == "Failed":
            continue
        ports = tuple(target_ports(service, pod))
        if not ports:
            continue
        which = "addresses" if every or is_ready(pod) else "notReadyAddresses"
        groups.setdefault(ports, {}).setdefault(which, []).append(_address(pod))
    return [
        {
            **{which: sorted(addresses, key=lambda each: str(each["ip"])) for which, addresses in by_state.items()},
            "ports": [
                {"name": name, "port": port, "protocol": protocol} if name else {"port": port, "protocol": protocol}
                for name, port, protocol in ports
            ],
        }
        for ports, by_state in sorted(groups.items())
    ]


def target_ports(service: Object, pod: Object) -> list[tuple[str, int, str]]:
    """(name, number, protocol) of the Service's ports on that pod.

    A name is looked up among the containers' ports.
    """
    named = {
        port["name"]: port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or ()
        if port.get("name")
    }
    found = []
    for port in service["spec"].get("ports") or ():
        target = port.get("targetPort") or port["port"]
        number = named.get(target) if isinstance(target, str) and not target.isdecimal() else int(target)
        if number is not None:
            found.append((port.get("name", ""), number, port.get("protocol", "TCP")))
    return found


def _address(pod: Object) -> Object:
    meta = pod["metadata"]
    target = {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    address: Object = {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName", ""), "targetRef": target}
    if pod["spec"].get("hostname") and pod["spec"].get("subdomain"):
        address["hostname"] = pod["spec"]["hostname"]
    return address


def _write_slice(store: Store, service: Object, endpoints: Object) -> None:
    mirrored = not service["spec"].get("selector")
    name = service["metadata"]["name"]
    labels = {SERVICE_NAME: name, MANAGED_BY: MIRRORED if mirrored else OURS}
    desired: set[str] = set()
    for number, subset in enumerate(endpoints.get("subsets") or [{}]):
        slice_name = f"{name}-{number}"
        desired.add(slice_name)
        content = {
            "addressType": "IPv4",
            "endpoints": [
                _endpoint(address, ready=which == "addresses")
                for which in ("addresses", "notReadyAddresses")
                for address in subset.get(which) or ()
            ],
            "ports": [{"name": "", "protocol": "TCP", **port} for port in subset.get("ports") or ()],
        }
        _write(store, SLICE, service, slice_name, content, labels=labels)
    for other in store.list(SLICE, service["metadata"]["namespace"]):
        there = other["metadata"].get("labels") or {}
        mine = there.get(SERVICE_NAME) == name and there.get(MANAGED_BY) in (OURS, MIRRORED)
        if mine and other["metadata"]["name"] not in desired:
            store.delete(SLICE, *key(other))


def _endpoint(address: Object, *, ready: bool) -> Object:
    kept = {name: address[name] for name in ("nodeName", "hostname", "targetRef") if address.get(name)}
    conditions = {"ready": ready, "serving": ready, "terminating": False}
    return {"addresses": [address["ip"]], "conditions": conditions, **kept}


def _write(
    store: Store, kind: Kind, service: Object, name: str, content: Object, *, labels: dict[str, str] | None = None
) -> None:
    namespace = service["metadata"]["namespace"]
    labels = labels if labels is not None else dict(service["metadata"].get("labels") or {})
    try:
        old = store.get(kind, namespace, name)
    except StatusError:
        meta = {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": [reference(service)]}
        # its namespace may be ending, and the Service held: the others' routes do not wait for it
        with suppress(StatusError):
            store.create(kind, {"metadata": meta, **content})
    else:
        store.update(kind, {**old, **content, "metadata": {**old["metadata"], "labels": labels}})


def _exists(store: Store, kind: Kind, namespace: str, name: str) -> bool:
    try:
        store.get(kind, namespace, name)
    except StatusError:
        return False
    return True
