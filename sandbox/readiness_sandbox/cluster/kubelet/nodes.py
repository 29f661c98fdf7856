"""What a kubelet says of its node.

Heartbeats, capacity, the ten facts that strict clients demand, and whether it has power.
"""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import NAMESPACE_DNS, uuid5

from harness import clock
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.kubelet.status import with_condition
from readiness_sandbox.cluster.store import Object, StatusError

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Store

NODE = kinds.by_name("Node")
LEASES = kinds.by_name("Lease")
POWER = "sandbox.readiness/power"
"""The annotation of a Node that takes its power away: `off`."""
LEASE_S = 4
CAPACITY = {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}
"""Of a node whose manifest does not say it."""
VERSION = "v1.33.0+pocket"


def is_powered(node: Object) -> bool:
    """Whether its processes may run; without the annotation they may."""
    return str((node["metadata"].get("annotations") or {}).get(POWER, "on")).lower() != "off"


def beat(store: Store, name: str) -> None:
    """Renew the node's Lease; do nothing while the namespace of Leases is being deleted or is missing, as it may be created again."""
    spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_S, "renewTime": clock.wall_text()}
    try:
        lease = store.get(LEASES, "kube-node-lease", name)
    except StatusError:
        with suppress(StatusError):
            store.create(LEASES, {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": spec})
    else:
        store.update(LEASES, {**lease, "spec": {**lease.get("spec", {}), **spec}})


def with_kubelet_status(store: Store, node: Object) -> Object:
    """Write what a healthy kubelet says: Ready, addresses, capacity, system."""
    old = node.get("status") or {}
    now = clock.wall_text()
    conditions = old.get("conditions") or []
    for kind in ("MemoryPressure", "DiskPressure", "PIDPressure"):
        conditions = with_condition(conditions, kind, "False", f"KubeletHasNo{kind}", now=now)
    conditions = with_condition(conditions, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now=now)
    name = node["metadata"]["name"]
    capacity = {**CAPACITY, **old.get("capacity", {})}
    allocatable = {**capacity, **old.get("allocatable", {})}
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        **{key: value for key, value in old.items() if key not in ("conditions", "nodeInfo")},
        "capacity": capacity,
        "allocatable": allocatable,
        "conditions": conditions,
        "nodeInfo": _system(name),
    }
    return store.update(NODE, {**node, "status": status}, subresource="status")


def _system(name: str) -> Object:
    system = os.uname()
    identity = str(uuid5(NAMESPACE_DNS, name))
    return {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(system.machine, system.machine),
        "bootID": identity,
        "containerRuntimeVersion": f"process://{platform.python_version()}",
        "kernelVersion": system.release,
        "kubeProxyVersion": VERSION,
        "kubeletVersion": VERSION,
        "machineID": identity.replace("-", ""),
        "operatingSystem": "linux",
        "osImage": "readiness sandbox",
        "systemUUID": identity,
    }
