"""Actions on the primary of the database, each with its undo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.chaos.confirmation.hits import name_of
from harness.chaos.session import ChaosSession, session
from harness.errors import FaultNotInjected
from harness.targets.access import accesses
from harness.targets.database import MEMBERS, ORDERING, order_failover, switch_back
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, Object
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
    """Cordon nodes, each with its undo in the undo log; a node that was cordoned before stays cordoned after the undo."""
    for node in nodes:
        before = {"unschedulable": True} if node.get("spec", {}).get("unschedulable") else {}
        here.intend(cordon, f"cordon {name_of(node)}", node=name_of(node), **before)
        if not before:
            cordon(here.cluster, name_of(node))


def _lead_from_home(cluster: Cluster, target: Target, *, region: str) -> None:  # noqa: ARG001 - for people
    switch_back(cluster, target, within_s=SWITCH_BACK_S)


@undoable("switch-back", undo=_lead_from_home, of_a_cluster=True)
def take_leader(cluster: Cluster, namespace: str, pod: str) -> None:
    """Kill the leading pod; the undo lets the primary region lead again."""
    cluster.delete_pod(namespace, pod, grace_s=0)


@accesses(*ORDERING)
def order_promotion(member: str = "") -> str:
    """Promote a standby in place of the primary that this experiment hit; returns the member.

    A run finds the order by the name of the activity, `order-promotion`, and the member in the result.

    Args:
        member: standby to promote; empty: the last standby by name, which the database itself does not prefer.

    Raises:
        FaultNotInjected: the database has no standby.
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


@undoes(take_leader)
@accesses(*MEMBERS, *ORDERING)
def lead_from_home(within_s: float = SWITCH_BACK_S) -> str:
    """Wait until all database members stream, then switch the leader to the primary region; returns the leader.

    Args:
        within_s: maximum time in s for both steps.

    Raises:
        DriverError: the steps took longer.
    """
    here = session()
    leader = switch_back(here.cluster, here.target, within_s=float(within_s))
    here.undo(take_leader)
    return leader
