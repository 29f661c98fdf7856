"""Actions on every member of the database at once: all are lost with their volumes, and the platform's own procedure restores them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from harness.chaos.confirmation.hits import HITS, Hits, pod_hits, remembered
from harness.chaos.confirmation.members import CLAIM, CLAIMS, claims_of
from harness.chaos.session import session
from harness.clock import Deadline
from harness.errors import FaultNotInjected, TargetUnreachable
from harness.targets.access import LOCK, access, accesses
from harness.targets.cluster.objects import Objects
from harness.targets.database import MEMBERS, database_of, not_streaming
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, Object
from harness.targets.restoring import RESTORING, restore_database, restore_of
from harness.targets.undo import undoable, undoes

_ORDERED_WITHIN_S: Final = 30.0
_AGAIN_S: Final = 0.5
_RESTORED_FROM: Final[list[str]] = []
"""What the procedures that this process ran said that they restored."""


def _restore_members(cluster: Cluster, target: Target, *, region: str = "") -> None:  # noqa: ARG001 - for people
    if said := restore_database(cluster, target):
        _RESTORED_FROM.append(said)


@undoable("restore-members", undo=_restore_members, of_a_cluster=True)
def take_members(cluster: Cluster, pods: Iterable[Object], claims: Iterable[tuple[str, str]]) -> None:
    """Delete the members without grace, and their claims of volumes, by namespace and name.

    An order to which the API gave no answer is given again: nothing restores a database of which some members are left.

    Raises:
        TargetUnreachable: an order was not answered within 30 s.
    """
    objects = Objects(cluster.api)
    waiting: list[Callable[[], None]] = [
        partial(objects.delete, CLAIM._replace(name=name, namespace=namespace)) for namespace, name in claims
    ]
    waiting += [partial(cluster.delete_pod, *_place(pod), grace_s=0) for pod in pods]
    again = Deadline.after(_ORDERED_WITHIN_S)
    for _ in again.ticks(_AGAIN_S):
        waiting = [order for order in waiting if not _answered(order, again)]
        if not waiting:
            return


def _answered(order: Callable[[], None], again: Deadline) -> bool:
    try:
        order()
    except TargetUnreachable:
        if again.over:
            raise
        return False
    return True


def _place(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


@accesses(*MEMBERS, *HITS, *RESTORING, *CLAIMS, *access("delete pods", "delete persistentvolumeclaims", at=LOCK))
def lose_members() -> Hits:
    """Delete every member of the database with its claims of volumes. Where a member has no claim, its volume goes with its pod.

    Raises:
        ConfigurationError: the target file names no members, or no procedure that restores the database.
        FaultNotInjected: not every member streams before the fault.
    """
    here = session()
    restore_of(here.target)
    database, lock = database_of(here.target)
    if troubles := [one.why for one in not_streaming(here.cluster, here.target)]:
        raise FaultNotInjected(f"not every member of the database is there before the fault: {'; '.join(troubles)}")
    found = (here.cluster.pod(lock.namespace, name) for name in database.members)
    pods = [pod for pod in found if pod is not None]
    if not pods:
        raise FaultNotInjected("the target file names no member of the database: `database.members`")
    hits = pod_hits(here, pods)
    here.destructive(hits)
    for pod in pods:
        here.claims |= claims_of(here.cluster, pod)
    here.intend(take_members, "restore the database, all of whose members are lost", region=here.target.primary_region)
    take_members(here.cluster, pods, here.claims)
    return remembered(here, hits)


@undoes(take_members)
@accesses(*RESTORING)
def restore_members() -> dict[str, Any]:
    """Run the platform's procedure that restores its database, and wait for its end.

    Returns:
        The primary region as `regions`, and as `restored_from` what the procedure said, if it ran and the target file asks for its words.

    Raises:
        DriverError: it failed, or did not end in time.
    """
    _RESTORED_FROM.clear()
    regions = session().undo(take_members)
    return {"regions": regions, **({"restored_from": _RESTORED_FROM[-1]} if _RESTORED_FROM else {})}
