"""Probes for experiment files. Each checks the target repeatedly until it is true or `within_s` seconds have passed.

Probes read the target and not the clients, since a fault may be active without an effect on clients.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Final

from harness.chaos.confirmation.caches import (
    cache_primary,
    cache_primary_gone,
    cache_primary_namespace,
    cache_replicated,
)
from harness.chaos.confirmation.hits import hits_of, name_of, pods_left, uid_of
from harness.chaos.confirmation.liveness import liveness_begun
from harness.chaos.confirmation.members import members_gone
from harness.chaos.confirmation.polling import none_left, until
from harness.chaos.confirmation.reads import statuses
from harness.chaos.injected import NETWORK, injected_now
from harness.chaos.locks import queries_wait, rows_free
from harness.chaos.session import ChaosSession, session
from harness.errors import FaultNotInjected
from harness.model import Hit
from harness.targets.access import LOCK, access, accesses
from harness.targets.cluster.commands import run_in_pod
from harness.targets.cluster.selectors import selects
from harness.targets.cluster.usage import METRICS_READ, memory_of
from harness.targets.cluster.workloads import WORKLOADS, is_complete, replicas_of, restarts_of, workloads
from harness.targets.database import LEADER, MEMBERS, leader_of, leader_region, not_streaming
from harness.targets.kubernetes import Object, has_condition, is_terminating, namespaces_of

__all__ = [
    "answers_fail",
    "answers_well",
    "cache_primary",
    "cache_primary_gone",
    "cache_primary_namespace",
    "cache_replicated",
    "command_succeeds_in_hit_pods",
    "hit_containers_restarted",
    "hit_nodes_not_ready",
    "hit_pods_gone",
    "leader",
    "leader_changed",
    "leads_from_home",
    "liveness_begun",
    "member_parted",
    "members_gone",
    "members_streaming",
    "memory_grew",
    "memory_shrank",
    "nodes_ready",
    "pods_ready",
    "rows_released",
    "workloads_ready",
    "writers_wait",
]

WORKLOADS_POLL_S: Final = 0.3
"""Pause in s between checks of all workloads: a check is about twenty requests, which must not slow down the target."""
_ERROR: Final = 500
_READS: Final = 100
_MANY_READS: Final = 200
"""Number of reads: if 3 % fail, 4 or more of 200 fail in 17 of 20 cases; if 0.05 % fail, in 1 of 300 000."""
_MB: Final = 1_000_000


@accesses(*access("get pods"))
def hit_pods_gone(within_s: float = 10.0) -> bool:
    """Whether every pod that this experiment hit is gone.

    A pod is gone if its name is free or has another uid, if it has ended, or if it terminates and is not Ready.

    Args:
        within_s: maximum wait in s.

    Raises:
        FaultNotInjected: the experiment hit no pod, or a hit pod still existed.
    """
    here = session()
    hits = hits_of(here, "pod")

    return none_left(within_s, lambda: pods_left(here, hits), "still existed")


@accesses(*access("get,create pods/exec"))
def command_succeeds_in_hit_pods(command: str, container: str = "", within_s: float = 10.0) -> bool:
    """Whether a shell command ends with exit code 0 in every pod that this experiment hit.

    Args:
        command: command for `sh -c`.
        container: name of the container; empty: the only container.
        within_s: maximum wait in s.

    Raises:
        FaultNotInjected: the experiment hit no pod, or the command still failed in a pod at the end.
    """
    here = session()
    hits = hits_of(here, "pod")

    def fails(hit: Hit) -> bool:
        argv = ["sh", "-c", command]
        return run_in_pod(here.target, hit.namespace, hit.name, argv, container=container).code != 0

    def left() -> list[str]:
        return [hit.name for hit in hits if fails(hit)]

    return none_left(within_s, left, f"did not run `{command}` with exit code 0")


@accesses(*access("get pods"))
def hit_containers_restarted(within_s: float = 60.0) -> bool:
    """Whether a container of every pod that this experiment hit was restarted since.

    Args:
        within_s: maximum wait in s.

    Raises:
        FaultNotInjected: the experiment hit no pod.
    """
    here = session()
    hits = hits_of(here, "pod")

    def restarted(hit: Hit) -> bool:
        pod = here.cluster.pod(hit.namespace, hit.name)
        return pod is not None and restarts_of(pod) > here.restarts.get(hit.uid, 0)

    return until(within_s, lambda: all(restarted(hit) for hit in hits))


@accesses(*access("list nodes"))
def hit_nodes_not_ready(within_s: float = 10.0) -> bool:
    """Whether no node that this experiment hit is Ready; for drained nodes, whether their pods are gone.

    Args:
        within_s: maximum wait in s.

    Raises:
        FaultNotInjected: the experiment hit no node, or a hit node was still Ready.
    """
    here = session()
    if here.target.power is not None and here.target.power.drain:
        return hit_pods_gone(within_s)
    names = {hit.name for hit in hits_of(here, "node")}
    return none_left(within_s, lambda: sorted(names & _ready(here.cluster.nodes())), "was still Ready")


@accesses(*LEADER)
def leader() -> str:
    """Name of the pod that holds the database's lock, for the block `configuration`.

    Raises:
        FaultNotInjected: no pod holds it.
    """
    here = session()
    if not (name := leader_of(here.cluster, here.target)):
        raise FaultNotInjected("no member of the database holds the lock")
    return name


@accesses(*LEADER)
def leader_changed(within_s: float = 40.0) -> bool:
    """Whether a pod that this experiment did not hit holds the database's lock.

    Args:
        within_s: maximum wait in s.

    Raises:
        FaultNotInjected: the experiment hit no pod.
    """
    here = session()
    names = {hit.name for hit in hits_of(here, "pod")}
    return until(within_s, lambda: leader_of(here.cluster, here.target) not in {"", *names})


@accesses(*access("list nodes"))
def nodes_ready(within_s: float = 15.0) -> bool:
    """Whether every node that this experiment hit is Ready and schedulable; without hits, every node of the cluster.

    Args:
        within_s: maximum wait in s.
    """
    here = session()
    names = {hit.name for hit in here.hits if hit.kind == "node"}

    def condition() -> bool:
        nodes = [node for node in here.cluster.nodes() if not names or name_of(node) in names]
        return len(_ready(nodes)) == len(nodes) and not any(node["spec"].get("unschedulable") for node in nodes)

    return until(within_s, condition)


@accesses(*access("list pods"))
def pods_ready(label_selector: str, ns: str, count: int, within_s: float = 15.0) -> bool:
    """Whether exactly `count` pods match, and all are Ready.

    Args:
        label_selector: label selector of the pods, like `app=track-service`.
        ns: namespace of the pods.
        count: expected number of pods.
        within_s: maximum wait in s.
    """
    here = session()

    def condition() -> bool:
        pods = here.cluster.pods(ns, label_selector)
        return len(pods) == len(_ready(pods)) == int(count)

    return until(within_s, condition)


@accesses(*access("list pods"), *WORKLOADS)
def workloads_ready(within_s: float = 15.0) -> bool:
    """Whether every deployment, rollout and stateful set of the target's namespaces has all its replicas ready.

    Pods that this experiment killed do not count, since a controller may report them as ready for a while.

    Args:
        within_s: maximum wait in s.
    """
    here = session()

    def condition() -> bool:
        return all(_complete_in(here, namespace) for namespace in namespaces_of(here.target))

    return until(within_s, condition, every_s=WORKLOADS_POLL_S)


@accesses(*MEMBERS)
def members_streaming(within_s: float = 15.0) -> bool:
    """Whether the database has a leader and every other member streams from it; true if the target has no database.

    Args:
        within_s: maximum wait in s.
    """
    here = session()
    if here.target.database is None:
        return True
    return until(within_s, lambda: not not_streaming(here.cluster, here.target))


@accesses(*MEMBERS)
def leads_from_home(within_s: float = 15.0) -> bool:
    """Whether a member of the primary region leads the database, and all others stream from it.

    Args:
        within_s: maximum wait in s.
    """
    here = session()
    home = here.target.primary_region
    return until(
        within_s,
        lambda: leader_region(here.cluster, here.target) == home and not not_streaming(here.cluster, here.target),
    )


@accesses(*MEMBERS, *access("get networkchaos.chaos-mesh.org", at=LOCK))
def member_parted(within_s: float = 15.0) -> bool:
    """Whether the NetworkChaos of this experiment is injected, and each hit member reports that it does not stream.

    Args:
        within_s: maximum wait in s for both; a standby ends a silent connection after `wal_receiver_timeout`.

    Raises:
        FaultNotInjected: the experiment hit no member, or a hit member still streamed.
    """
    here = session()
    names = {hit.name for hit in hits_of(here, "pod")}

    def left() -> list[str]:
        chaos = injected_now(here, NETWORK)
        if not chaos or not all(has_condition(one, "AllInjected") for one in chaos):
            return [f"{name} (the network partition was not injected)" for name in sorted(names)]
        quiet = {trouble.member for trouble in not_streaming(here.cluster, here.target)}
        return sorted(names - quiet)

    return none_left(within_s, left, "still streamed")


@accesses()
def answers_fail(within_s: float = 5.0, at_least: float = 0.02) -> bool:
    """Whether a share of two hundred successive reads at the entry is answered with a status of 500 or more.

    Args:
        within_s: maximum time in s for the reads.
        at_least: minimum share; use more than the share that fails without a fault.
    """
    enough = max(1, math.ceil(at_least * _MANY_READS))

    def condition() -> bool:
        failed = (status for status in statuses(_MANY_READS) if status >= _ERROR)
        return sum(1 for _ in islice(failed, enough)) == enough

    return until(within_s, condition)


@accesses()
def answers_well(within_s: float = 5.0) -> bool:
    """Whether a hundred successive reads at the entry are answered with a status below 500.

    Args:
        within_s: maximum time in s for the reads.
    """
    return until(within_s, lambda: all(0 < status < _ERROR for status in statuses(_READS)))


@accesses(*METRICS_READ)
def memory_grew(by_mb: float, within_s: float = 10.0) -> bool:
    """Whether every pod with added memory uses at least this much more than before, by the metrics API.

    Args:
        by_mb: minimum increase in megabytes (10^6 bytes).
        within_s: maximum wait in s.

    Raises:
        FaultNotInjected: the experiment added no memory.
    """
    here, pods = session(), hits_of(session(), "pod")
    return until(within_s, lambda: all(growth >= by_mb * _MB for growth in _growth(here, pods)))


@accesses(*METRICS_READ)
def memory_shrank(to_mb: float, within_s: float = 20.0) -> bool:
    """Whether no pod with added memory uses this much more than before any longer.

    Args:
        to_mb: maximum increase in megabytes (10^6 bytes).
        within_s: maximum wait in s.

    Raises:
        FaultNotInjected: the experiment added no memory.
    """
    here, pods = session(), hits_of(session(), "pod")
    return until(within_s, lambda: all(growth < to_mb * _MB for growth in _growth(here, pods)))


@accesses()
def writers_wait(for_s: float, within_s: float = 5.0) -> bool:
    """Whether a query has waited long enough for a lock of this experiment, as the database reports.

    Args:
        for_s: minimum waiting time of the query in s.
        within_s: maximum time in s for the checks.

    Raises:
        FaultNotInjected: the experiment has locked nothing.
    """
    if not session().locked:
        raise FaultNotInjected("this experiment has locked no row")
    return until(within_s, lambda: queries_wait(session().target, float(for_s)))


@accesses()
def rows_released(within_s: float = 10.0) -> bool:
    """Whether no session of the harness locks rows or tables any longer.

    Args:
        within_s: maximum wait in s.
    """
    return until(within_s, lambda: rows_free(session().target))


def _growth(here: ChaosSession, pods: list[Hit]) -> list[float]:
    """Bytes by which each has grown; one that is not measured is unknown, and neither grew nor shrank."""
    used = {namespace: memory_of(here.cluster, namespace) for namespace in {hit.namespace for hit in pods}}
    return [used[hit.namespace].get(hit.name, math.nan) - here.memory.get(hit.name, math.nan) for hit in pods]


def _ready(objects: list[Object]) -> set[str]:
    return {str(obj["metadata"]["name"]) for obj in objects if has_condition(obj, "Ready")}


def _complete_in(here: ChaosSession, namespace: str) -> bool:
    killed = {one.uid for one in here.hits} - here.stays
    pods = [
        pod
        for pod in here.cluster.pods(namespace)
        if has_condition(pod, "Ready") and uid_of(pod) not in killed and not is_terminating(pod)
    ]
    return all(
        is_complete(one) and replicas_of(one) <= sum(selects(one, pod) for pod in pods)
        for one in workloads(here.cluster, namespace)
    )
