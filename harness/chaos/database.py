"""Actions on the database's primary, each with its undo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.chaos.confirmation.hits import HITS, Hits, name_of, pod_hits, remembered
from harness.chaos.session import ChaosSession, session
from harness.errors import FaultNotInjected
from harness.targets.access import LOCK, access, accesses
from harness.targets.database import LEADER, MEMBERS, ORDERING, leader_of, order_failover, switch_back
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, Object, labels_of
from harness.targets.undo import undoable, undoes

SWITCH_BACK_S: Final = 60.0
"""Maximum time in s until the primary region leads the database again."""


def _uncordon(cluster: Cluster, _target: Target, *, node: str, unschedulable: bool = False) -> None:
    """Uncordon a node, unless it was `unschedulable` before.

    A node says neither how often nor by whom it was cordoned. So one that a person cordons while it is cordoned here is uncordoned all the same.
    """
    if not unschedulable:
        cluster.patch_node(node, {"spec": {"unschedulable": None}})


@undoable("uncordon", undo=_uncordon, of_a_cluster=True)
def cordon(cluster: Cluster, node: str) -> None:
    """Cordon a node, so that no new pod is scheduled on it."""
    cluster.patch_node(node, {"spec": {"unschedulable": True}})


def cordon_all(here: ChaosSession, nodes: Iterable[Object]) -> None:
    """Cordon nodes, each with its undo in the log before; one that was cordoned already stays so afterwards."""
    for node in nodes:
        before = {"unschedulable": True} if node.get("spec", {}).get("unschedulable") else {}
        here.intend(cordon, f"cordon {name_of(node)}", node=name_of(node), **before)
        if not before:
            cordon(here.cluster, name_of(node))


def _lead_from_home(cluster: Cluster, target: Target, *, region: str) -> None:  # noqa: ARG001 - for people
    switch_back(cluster, target, within_s=SWITCH_BACK_S)


@undoable("switch-back", undo=_lead_from_home, of_a_cluster=True)
def take_leader(cluster: Cluster, namespace: str, pod: str) -> None:
    """Kill the pod that leads; the undo lets the primary region lead again."""
    cluster.delete_pod(namespace, pod, grace_s=0)


@accesses(*access("get,delete pods", at=LOCK), *access("list,patch nodes"), *HITS, *LEADER)
def kill_leader() -> Hits:
    """Kill the database pod that holds the lock, and keep it down: the nodes it may run on are cordoned first.

    A node that is cordoned already stays so afterwards: its entry of the undo log says that it was.
    `uncordon_nodes` lets it come back; `lead_from_home` makes the primary region lead again.

    Raises:
        FaultNotInjected: no member holds the lock, or its holder is not a pod.
    """
    here = session()
    database = here.target.database
    namespace = database.leader.namespace if database and database.leader else ""
    name = leader_of(here.cluster, here.target)
    pod = here.cluster.pod(namespace, name) if name else None
    if pod is None:
        raise FaultNotInjected(f"the holder of the lock ({name or 'none'}) is not a pod in {namespace}")
    hits = pod_hits(here, [pod])
    here.destructive(hits)
    here.intend(take_leader, f"kill {name}", region=here.target.primary_region)
    cordon_all(here, _nodes_for(here, pod))
    take_leader(here.cluster, namespace, name)
    return remembered(here, hits)


@accesses(*ORDERING)
def order_promotion(member: str = "") -> str:
    """Promote a chosen standby in place of the primary that this experiment hit; returns the member.

    A run knows the order by the activity's name, `order-promotion`, and the chosen member by what it returns.

    Args:
        member: the chosen one; empty: the last standby by name, which no rule of the database itself prefers.

    Raises:
        FaultNotInjected: there is no standby.
        DriverError: the chosen member is not a standby that may lead.
    """
    here = session()
    database = here.target.database
    hit = {one.name for one in here.hits}
    standbys = [name for name in (database.members if database else ()) if name not in hit]
    if not standbys:
        raise FaultNotInjected("the database has no standby that could be promoted")
    chosen = member or max(standbys)
    order_failover(here.cluster, here.target, chosen)
    return chosen


@undoes(cordon)
@accesses(*access("patch nodes"))
def uncordon_nodes() -> list[str]:
    """Uncordon every node that the harness cordoned; returns the nodes of the undo log, also those that were cordoned before and stay so.

    A cordon that a person adds while the harness's own is in place cannot be told from it, and is taken away with it.
    """
    return session().undo(cordon)


@undoes(take_leader)
@accesses(*MEMBERS, *ORDERING)
def lead_from_home(within_s: float = SWITCH_BACK_S) -> str:
    """Wait until all database members stream, then switch the leader back to the primary region; returns the leader.

    Args:
        within_s: how long both may take, in seconds.

    Raises:
        DriverError: it took longer.
    """
    here = session()
    leader = switch_back(here.cluster, here.target, within_s=float(within_s))
    here.undo(take_leader)
    return leader


def _nodes_for(here: ChaosSession, pod: Object) -> list[Object]:
    """The nodes that a replacement of the pod could go to if none were cordoned: its own, and what its nodeSelector matches."""
    selector = (pod["spec"].get("nodeSelector") or {}).items()
    return [
        node
        for node in here.cluster.nodes()
        if name_of(node) == pod["spec"].get("nodeName") or (selector and selector <= labels_of(node).items())
    ]
