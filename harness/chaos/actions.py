"""Actions for experiment files: `provider: {type: python, module: harness.chaos.actions, func: …}`.

Each writes its undo to disk before it changes anything, raises when there is nothing to hit (Chaos Toolkit's own
actions succeed then), and returns what it hit.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from harness import clock
from harness.chaos.session import Session, node_hit, pod_hit, session
from harness.clock import Deadline
from harness.errors import FaultNotInjected
from harness.model import Hit
from harness.targets.database import leader_of, switch_back
from harness.targets.kubernetes import REGION_LABEL, Object, has_condition, labels_of
from harness.targets.undo import POWER_ANNOTATION, lead_from, power_on, uncordon

__all__ = [
    "hold",
    "kill_leader",
    "kill_pods",
    "lead_from_home",
    "power_off_node",
    "power_off_region",
    "power_on_nodes",
    "uncordon_nodes",
]

Hits = dict[str, list[dict[str, Any]]]

HOLD_POLL_S: Final = 0.05


def kill_pods(label_selector: str, ns: str, qty: int = 1) -> Hits:
    """Kill ready pods without grace, the first `qty` by name.

    Raises:
        FaultNotInjected: fewer ready pods than that match.
    """
    here = session()
    ready = [pod for pod in here.cluster.pods(ns, label_selector) if has_condition(pod, "Ready")]
    if qty < 1 or len(ready) < qty:
        raise FaultNotInjected(f"{len(ready)} ready pods match {label_selector} in {ns}, {qty} are to be killed")
    chosen = sorted(ready, key=_name)[:qty]
    hits = _pod_hits(here, chosen)
    here.destructive(hits)
    for pod in chosen:
        here.cluster.delete_pod(ns, _name(pod), grace_s=0)
    return _hit(here, hits)


def kill_leader() -> Hits:
    """Kill the database pod that holds the lock, and keep it down: the nodes it may run on are cordoned first.

    `uncordon_nodes` lets it come back; `lead_from_home` makes the primary region lead again.

    Raises:
        FaultNotInjected: nobody holds the lock, or the holder is no pod.
    """
    here = session()
    database = here.target.database
    namespace = database.leader.namespace if database and database.leader else ""
    name = leader_of(here.cluster, here.target)
    pod = here.cluster.pod(namespace, name) if name else None
    if pod is None:
        raise FaultNotInjected(f"the holder of the lock ({name or 'nobody'}) is no pod in {namespace}")
    hits = _pod_hits(here, [pod])
    here.destructive(hits)
    here.intend(f"kill {name}", lead_from(here.target.primary_region))
    for node in _nodes_for(here, pod):
        here.intend(f"cordon {_name(node)}", uncordon(_name(node)))
        here.cluster.patch_node(_name(node), {"spec": {"unschedulable": True}})
    here.cluster.delete_pod(namespace, name, grace_s=0)
    return _hit(here, hits)


def power_off_node(label_selector: str) -> Hits:
    """Cut the power of one node, the first by name that runs pods and not the leader of the database.

    Raises:
        FaultNotInjected: there is none.
    """
    here = session()
    leader = _leader(here)
    pods = [pod for pod in here.cluster.pods() if pod.get("spec", {}).get("nodeName")]
    busy = {pod["spec"]["nodeName"] for pod in pods}
    spared = {pod["spec"]["nodeName"] for pod in pods if leader and _name(pod) == leader}
    nodes = [node for node in here.cluster.nodes(label_selector) if has_condition(node, "Ready")]
    chosen = sorted((node for node in nodes if _name(node) in busy - spared), key=_name)[:1]
    return _power_off(here, chosen, label_selector)


def power_off_region(region: str) -> Hits:
    """Cut the power of every node of a region.

    Raises:
        FaultNotInjected: the region has no ready node.
    """
    here = session()
    nodes = here.cluster.nodes(f"{REGION_LABEL}={region}")
    return _power_off(here, [node for node in nodes if has_condition(node, "Ready")], region)


def power_on_nodes() -> list[str]:
    """Give power back to every node that the harness took it from; returns their names."""
    return session().undo("power-on")


def uncordon_nodes() -> list[str]:
    """Uncordon every node that the harness cordoned; returns their names."""
    return session().undo("uncordon")


def lead_from_home(within_s: float = 60.0) -> str:
    """Wait until all database members stream, then switch the leader back to the primary region; returns the leader.

    Raises:
        DriverError: it was not so within `within_s` seconds.
    """
    here = session()
    leader = switch_back(here.cluster, here.target, within_s=float(within_s))
    here.undo("switch-back")
    return leader


def hold(at_least_s: float, at_most_s: float) -> float:
    """Keep the fault in; returns for how many seconds.

    Under a run, until the file that `READINESS_HOLD` names is there (the target is back, or was observed for long
    enough), but at least `at_least_s` and at most `at_most_s` seconds. By hand, `at_least_s` seconds.
    """
    started = clock.now_s()
    clock.sleep(float(at_least_s))
    released = os.environ.get("READINESS_HOLD")
    if released:
        for _tick in Deadline.after(float(at_most_s) - float(at_least_s)).ticks(HOLD_POLL_S):
            if Path(released).exists():
                break
    return round(clock.now_s() - started, 3)


def _power_off(here: Session, nodes: list[Object], wanted: str) -> Hits:
    if not nodes:
        raise FaultNotInjected(f"no ready node to power off in {wanted}")
    names = {_name(node) for node in nodes}
    pods = [pod for pod in here.cluster.pods() if pod.get("spec", {}).get("nodeName") in names]
    hits = [*map(node_hit, nodes), *_pod_hits(here, pods)]
    here.destructive(hits)
    leader = _leader(here)
    if leader in {hit.name for hit in hits}:
        here.intend(f"power off {wanted}", lead_from(here.target.primary_region))
    for name in sorted(names):
        here.intend(f"power off {name}", power_on(name))
    for name in sorted(names):
        here.cluster.patch_node(name, {"metadata": {"annotations": {POWER_ANNOTATION: "off"}}})
    return _hit(here, hits)


def _leader(here: Session) -> str:
    """The pod that leads the database; empty where the target has none."""
    known = here.target.database and here.target.database.leader
    return leader_of(here.cluster, here.target) if known else ""


def _nodes_for(here: Session, pod: Object) -> list[Object]:
    """The schedulable nodes that a replacement of the pod could go to: its own, and what its nodeSelector matches."""
    wanted = (pod["spec"].get("nodeSelector") or {}).items()
    return [
        node
        for node in here.cluster.nodes()
        if not node.get("spec", {}).get("unschedulable")
        and (_name(node) == pod["spec"].get("nodeName") or (wanted and wanted <= labels_of(node).items()))
    ]


def _pod_hits(here: Session, pods: list[Object]) -> list[Hit]:
    regions = here.regions()
    return [pod_hit(pod, regions) for pod in pods]


def _hit(here: Session, hits: list[Hit]) -> Hits:
    here.hit(hits)
    return {"hit": [asdict(hit) for hit in hits]}


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])
