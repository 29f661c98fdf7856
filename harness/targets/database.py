"""Reads the replicated database from its lock and its pods, and can move the leader to the primary region.

Written for Patroni on Kubernetes. The annotation `leader` of the cluster's Endpoints object names the holder of the
lock. The annotation `status` of each pod has its own last report. An Endpoints object `<cluster>-failover` requests a
switchover.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from harness.clock import Deadline
from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.targets.access import LOCK, access
from harness.targets.files.target import Database, Leader, Target
from harness.targets.kubernetes import Cluster, Object, annotations_of, has_condition, labels_of

LEADER: Final = access("get endpoints", at=LOCK)
MEMBERS: Final = (*LEADER, *access("get pods", at=LOCK))
ORDERING: Final = (*MEMBERS, *access("create,patch endpoints", at=LOCK))
"""API permissions needed to read the leader and the standbys, and to order another leader."""
ASK_AGAIN_S: Final = 2.0
"""Seconds after which a refused switchover is requested again, since the candidate may not have been in sync."""


class MemberTrouble(NamedTuple):
    """Problem of a database member.

    Attributes:
        member: name of the member; empty if no member holds the lock.
        why: description of the problem.
    """

    member: str
    why: str


def database_of(target: Target) -> tuple[Database, Leader]:
    """The target's database and its lock.

    Raises:
        ConfigurationError: the target file names no database with a lock.
    """
    if target.database is None or target.database.leader is None:
        raise ConfigurationError(
            "the target file names no database with a leader lock",
            where=f"{target.file}: database.leader",
            hint="write `leader: {namespace: …, endpoints: …}`",
        )
    return target.database, target.database.leader


def leader_of(cluster: Cluster, target: Target) -> str:
    """The pod that holds the lock; empty if no pod holds the lock."""
    _, lock = database_of(target)
    endpoints = cluster.endpoints(lock.namespace, lock.endpoints)
    return str(annotations_of(endpoints).get("leader", "")) if endpoints else ""


def leader_region(cluster: Cluster, target: Target) -> str:
    """The region of the pod that holds the lock; empty if no pod holds the lock."""
    database, _ = database_of(target)
    member = database.members.get(leader_of(cluster, target))
    return member.region if member else ""


def is_running(cluster: Cluster, target: Target, member: str) -> bool:
    """Whether a member reports that its server runs."""
    _, lock = database_of(target)
    pod = cluster.pod(lock.namespace, member) if member else None
    return pod is not None and _status(annotations_of(pod).get("status", "")).get("state") == "running"


def not_streaming(cluster: Cluster, target: Target) -> list[MemberTrouble]:
    """Problems of the members, which should be one leader and streaming standbys; empty if there are none."""
    database, lock = database_of(target)
    leader = leader_of(cluster, target)
    found = [] if leader else [MemberTrouble("", "no member holds the lock")]
    for name in database.members:
        pod = cluster.pod(lock.namespace, name)
        status = _status(annotations_of(pod).get("status", "")) if pod else {}
        if pod is None:
            found.append(MemberTrouble(name, f"{name} does not exist"))
        elif not has_condition(pod, "Ready"):
            found.append(MemberTrouble(name, f"{name} is not ready"))
        elif status.get("state") != "running":
            found.append(MemberTrouble(name, f"{name} is {status.get('state', 'silent')}"))
        elif name != leader and status.get("replication_state") != "streaming":
            found.append(MemberTrouble(name, f"{name} does not stream"))
    return found


def switch_back(cluster: Cluster, target: Target, *, within_s: float) -> str:
    """Wait until all members stream, then make the member in the primary region the leader; returns its name.

    Does nothing if the leader is already in the primary region.

    Raises:
        ConfigurationError: the target names no member in the primary region.
        DriverError: the member did not become the leader within `within_s` seconds.
    """
    database, _ = database_of(target)
    home = [name for name, member in database.members.items() if member.region == target.primary_region]
    if not home:
        raise ConfigurationError(
            "the target file has no member in the primary region", where=f"{target.file}: database.members"
        )
    why: list[str] = []
    asked = Deadline.after(0)
    for _tick in Deadline.after(within_s).ticks(0.2):
        try:
            why = [trouble.why for trouble in not_streaming(cluster, target)]
            leader = leader_of(cluster, target)
            if leader in home and not why:
                return leader
            if leader and leader not in home and not why and asked.over and _may_lead(cluster, target, home[0]):
                _ask_for_switchover(cluster, target, leader, home[0])
                asked = Deadline.after(ASK_AGAIN_S)
        except TargetUnreachable as error:
            why = [error.what]
    raise DriverError(
        f"{home[0]} was not the leader after {within_s:g} s: {'; '.join(why) or 'the switchover was refused'}",
        where=target.name,
    )


def _ask_for_switchover(cluster: Cluster, target: Target, leader: str, candidate: str) -> None:
    """Patroni's own key: the leader hands over to the candidate when that is safe, and clears the key.

    A candidate that no other member precedes is not named: it wins by its priority. Where one is named, Patroni lets
    the other standbys sleep for 2 s before they follow it, and commits that need a quorum wait for them.
    """
    database, lock = database_of(target)
    priorities = {name: _priority(cluster.pod(lock.namespace, name)) for name in database.members}
    first = all(priorities[candidate] > of for name, of in priorities.items() if name != candidate)
    _write_order(cluster, target, leader=leader, member=None if first else candidate)


def order_failover(cluster: Cluster, target: Target, member: str) -> None:
    """Request a failover to a member from Patroni, as `patronictl failover` does, after the loss of the primary.

    Raises:
        ConfigurationError: the target file has no member with this name.
        DriverError: the member is not a standby that may lead.
    """
    database, lock = database_of(target)
    if member not in database.members:
        known = ", ".join(database.members)
        raise ConfigurationError(
            f"the target file has no member `{member}`", where=f"{target.file}: database.members", hint=f"use {known}"
        )
    if not _may_lead(cluster, target, member):
        raise DriverError(f"{member} is not a synchronous standby", where=f"{lock.namespace}/{lock.endpoints}-sync")
    _write_order(cluster, target, leader=None, member=member)


def _write_order(cluster: Cluster, target: Target, *, leader: str | None, member: str | None) -> None:
    _, lock = database_of(target)
    name = f"{lock.endpoints}-failover"
    asked = {"leader": leader, "member": member}
    if cluster.endpoints(lock.namespace, name) is not None:
        cluster.patch_endpoints(lock.namespace, name, {"metadata": {"annotations": asked}})
        return
    main = cluster.endpoints(lock.namespace, lock.endpoints)
    annotations = {key: value for key, value in asked.items() if value is not None}
    metadata = {"name": name, "labels": dict(labels_of(main)) if main else {}, "annotations": annotations}
    cluster.create_endpoints(lock.namespace, {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata})


def _may_lead(cluster: Cluster, target: Target, candidate: str) -> bool:
    """Whether the candidate is a synchronous standby, since others may not lead. True if Patroni lists none."""
    _, lock = database_of(target)
    sync = cluster.endpoints(lock.namespace, f"{lock.endpoints}-sync")
    standbys = str(annotations_of(sync).get("sync_standby") or "") if sync else ""
    return not standbys or candidate in standbys.split(",")


def _priority(pod: Object | None) -> int:
    """The `failover_priority` of a member; 1 if not set."""
    tags = _status(annotations_of(pod).get("status", "")).get("tags") if pod else None
    return int(tags.get("failover_priority", 1)) if isinstance(tags, dict) else 1


def _status(text: str) -> dict[str, Any]:
    try:
        status = json.loads(text)
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}
