"""Probes for experiment files: each asks the target until it is so, or `within_s` seconds are over.

They read the target, never the clients: a fault that no client felt was in all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.chaos.session import ChaosSession, session
from harness.clock import Deadline
from harness.errors import FaultNotInjected, TargetUnreachable
from harness.model import Hit
from harness.targets.database import leader_of, leader_region, not_streaming
from harness.targets.kubernetes import Object, has_condition

__all__ = [
    "hit_nodes_not_ready",
    "hit_pods_gone",
    "leader_changed",
    "leads_from_home",
    "members_streaming",
    "nodes_ready",
    "pods_ready",
    "workloads_ready",
]

POLL_S: Final = 0.1


def hit_pods_gone(within_s: float = 10.0) -> bool:
    """Whether every pod that this experiment hit is gone: another uid under its name, or none.

    Args:
        within_s: how long to wait for it, in seconds.

    Raises:
        FaultNotInjected: it hit none.
    """
    here = session()
    hits = _hits(here, "pod")
    return _until(within_s, lambda: all(_uid(here.cluster.pod(hit.namespace, hit.name)) != hit.uid for hit in hits))


def hit_nodes_not_ready(within_s: float = 10.0) -> bool:
    """Whether every node that this experiment hit is not Ready any more.

    Args:
        within_s: how long to wait for it, in seconds.

    Raises:
        FaultNotInjected: it hit none.
    """
    here = session()
    names = {hit.name for hit in _hits(here, "node")}
    return _until(within_s, lambda: names.isdisjoint(_ready(here.cluster.nodes())))


def leader_changed(within_s: float = 40.0) -> bool:
    """Whether another pod holds the database's lock than those that this experiment hit.

    Args:
        within_s: how long to wait for it, in seconds.

    Raises:
        FaultNotInjected: it hit no pod.
    """
    here = session()
    names = {hit.name for hit in _hits(here, "pod")}
    return _until(within_s, lambda: leader_of(here.cluster, here.target) not in {"", *names})


def nodes_ready(within_s: float = 15.0) -> bool:
    """Whether every node is Ready and may be scheduled on.

    Args:
        within_s: how long to wait for it, in seconds.
    """
    here = session()

    def condition() -> bool:
        nodes = here.cluster.nodes()
        return len(_ready(nodes)) == len(nodes) and not any(node["spec"].get("unschedulable") for node in nodes)

    return _until(within_s, condition)


def pods_ready(label_selector: str, ns: str, count: int, within_s: float = 15.0) -> bool:
    """Whether exactly so many pods match, and all are Ready.

    Args:
        label_selector: which pods, like `app=track-service`.
        ns: their namespace.
        count: the expected number of pods.
        within_s: how long to wait for it, in seconds.
    """
    here = session()

    def condition() -> bool:
        pods = here.cluster.pods(ns, label_selector)
        return len(pods) == len(_ready(pods)) == int(count)

    return _until(within_s, condition)


def workloads_ready(within_s: float = 15.0) -> bool:
    """Whether every deployment and stateful set has all its replicas ready.

    Args:
        within_s: how long to wait for it, in seconds.
    """
    here = session()

    def condition() -> bool:
        return all(map(_complete, [*here.cluster.deployments(), *here.cluster.stateful_sets()]))

    return _until(within_s, condition)


def members_streaming(within_s: float = 15.0) -> bool:
    """Whether the database has a leader and every other member streams from it.

    Args:
        within_s: how long to wait for it, in seconds.
    """
    here = session()
    return _until(within_s, lambda: not not_streaming(here.cluster, here.target))


def leads_from_home(within_s: float = 15.0) -> bool:
    """Whether a member of the primary region leads the database, and all others stream from it.

    Args:
        within_s: how long to wait for it, in seconds.
    """
    here = session()
    home = here.target.primary_region
    return _until(
        within_s,
        lambda: leader_region(here.cluster, here.target) == home and not not_streaming(here.cluster, here.target),
    )


def _until(within_s: float, condition: Callable[[], bool]) -> bool:
    """Ask until it is so; a missing answer is not a yes."""
    for _tick in Deadline.after(float(within_s)).ticks(POLL_S):
        try:
            if condition():
                return True
        except TargetUnreachable:
            continue
    return False


def _hits(here: ChaosSession, kind: str) -> list[Hit]:
    hits = [hit for hit in here.hits if hit.kind == kind]
    if not hits:
        raise FaultNotInjected(f"no {kind} was hit by this experiment")
    return hits


def _ready(objects: list[Object]) -> set[str]:
    return {str(obj["metadata"]["name"]) for obj in objects if has_condition(obj, "Ready")}


def _uid(pod: Object | None) -> str:
    return str(pod["metadata"]["uid"]) if pod else ""


def _complete(workload: Object) -> bool:
    status = workload.get("status", {})
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    return bool(seen and status.get("readyReplicas", 0) == workload["spec"].get("replicas", 1))
