"""Faults that a controller injects while an object exists: BackendTrafficPolicy, StressChaos, NetworkChaos."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

from harness.chaos.confirmation.hits import HITS, Hits, name_of, pod_hits, remembered
from harness.chaos.session import ChaosSession, session
from harness.errors import FaultNotInjected
from harness.targets.access import LOCK, access, accesses
from harness.targets.cluster.own import OWN
from harness.targets.cluster.usage import METRICS_READ, memory_of
from harness.targets.custom import create_custom
from harness.targets.database import LEADER, database_of, leader_of
from harness.targets.kubernetes import Object, serves
from harness.targets.places import namespaces
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import undoes

POLICIES: Final = ("gateway.envoyproxy.io/v1alpha1", "backendtrafficpolicies")
STRESS: Final = ("chaos-mesh.org/v1alpha1", "stresschaos")
NETWORK: Final = ("chaos-mesh.org/v1alpha1", "networkchaos")
LONGEST_S: Final = 120
"""Seconds after which stress or a partition ends by itself."""


@accesses(*access("create,delete backendtrafficpolicies.gateway.envoyproxy.io"))
def fail_answers(percentage: float, gateway: str = "api-gateway", http_status: int = 500) -> dict[str, Any]:
    """Let the gateways of every region answer a share of requests with an error, by fault injection of Envoy Gateway.

    Args:
        percentage: percentage of the requests, 0 to 100.
        gateway: name of the Gateway in the namespace of each region.
        http_status: status of the error.

    Raises:
        FaultNotInjected: the target names no namespace.
    """
    here = session()
    places = sorted({*namespaces(here.target).values()})
    if not places:
        raise FaultNotInjected(f"{here.target.name} has no namespace with a gateway")
    here.destructive([])
    for namespace in places:
        target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}
        abort = {"httpStatus": int(http_status), "percentage": float(percentage)}
        spec = {"targetRefs": [target], "faultInjection": {"abort": abort}}
        _create(here, POLICIES, "BackendTrafficPolicy", namespace, spec)
    return {"percentage": float(percentage), "namespaces": places}


@accesses(*access("list pods", "create,delete stresschaos.chaos-mesh.org"), *METRICS_READ, *HITS)
def stress_memory(label_selector: str, ns: str, size: str) -> Hits:
    """Let the first ready pod by name use more memory, by StressChaos of Chaos Mesh.

    Args:
        label_selector: label selector of the pods, like `app=user-service`.
        ns: namespace of the pods.
        size: additional memory, like `130MB`.

    Raises:
        FaultNotInjected: no ready pod matches, or the metrics API has no figure for the pod.
    """
    here = session()
    ready = sorted((pod for pod in here.cluster.pods(ns, label_selector) if serves(pod)), key=name_of)
    used = memory_of(here.cluster, ns)
    chosen = [pod for pod in ready if name_of(pod) in used][:1]
    if not chosen:
        raise FaultNotInjected(f"no ready pod with a measured memory matches {label_selector} in {ns}")
    hits = pod_hits(here, chosen)
    here.destructive(hits)
    here.memory.update({name_of(pod): used[name_of(pod)] for pod in chosen})
    spec = {
        "mode": "all",
        "selector": {"pods": {ns: [name_of(pod) for pod in chosen]}},
        "stressors": {"memory": {"workers": 1, "size": size}},
        "duration": f"{LONGEST_S}s",
    }
    _create(here, STRESS, "StressChaos", ns, spec)
    return remembered(here, hits, stays=True)


@accesses(*access("get pods", "create,delete networkchaos.chaos-mesh.org", at=LOCK), *HITS, *LEADER)
def partition_member(member: str = "") -> Hits:
    """Cut one standby of the database off from all other members in both directions, by NetworkChaos of Chaos Mesh.

    Args:
        member: name of the standby; empty: the last standby by name.

    Raises:
        FaultNotInjected: the standby does not exist, or its pod was deleted.
    """
    here = session()
    database, lock = database_of(here.target)
    leader = leader_of(here.cluster, here.target)
    standbys = sorted(name for name in database.members if name != leader)
    chosen = member or (standbys[-1] if standbys else "")
    pod = here.cluster.pod(lock.namespace, chosen) if leader and chosen in standbys else None
    if pod is None:
        raise FaultNotInjected(f"{chosen or 'no member'} is not a standby with a known leader ({leader or 'none'})")
    hits = pod_hits(here, [pod])
    here.destructive(hits)
    others = sorted({*database.members} - {chosen})
    spec = {
        "action": "partition",
        "mode": "all",
        "selector": {"pods": {lock.namespace: [chosen]}},
        "direction": "both",
        "target": {"mode": "all", "selector": {"pods": {lock.namespace: others}}},
        "duration": f"{LONGEST_S}s",
    }
    _create(here, NETWORK, "NetworkChaos", lock.namespace, spec)
    return remembered(here, hits, stays=True)


def injected_now(here: ChaosSession, of: tuple[str, str]) -> list[Object]:
    """The objects of one kind by which this experiment injects faults now and which its undos would delete."""
    found = []
    for intent in pending_intents(here.platform):
        undo = intent.undo
        made = (undo.get("do"), undo.get("version"), undo.get("plural"))
        if intent.experiment == here.experiment and made == (create_custom.name, *of):
            found.append(here.cluster.custom(*of, str(undo["namespace"]), str(undo["name"])))
    return [one for one in found if one is not None]


def _create(here: ChaosSession, of: tuple[str, str], kind: str, namespace: str, spec: Object) -> None:
    version, plural = of
    own = uuid.uuid4().hex[:8]  # two machines may run the same experiment on one cluster: each deletes its own object
    name = f"readiness-{re.sub('[^a-z0-9]+', '-', here.experiment.lower())[:40]}-{own}"
    intended = {"version": version, "plural": plural, "namespace": namespace, "name": name}
    here.intend(create_custom, f"create {kind} {namespace}/{name}", **intended)
    meta = {"name": name, "namespace": namespace, "labels": OWN}
    create_custom(
        here.cluster,
        version,
        plural,
        namespace,
        {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec},
    )


@undoes(create_custom)
@accesses(
    *access("delete backendtrafficpolicies.gateway.envoyproxy.io", "delete stresschaos.chaos-mesh.org"),
    *access("delete networkchaos.chaos-mesh.org", at=LOCK),
)
def end_faults() -> list[str]:
    """Delete every object by which the harness injects faults; returns their names."""
    return session().undo(create_custom)
