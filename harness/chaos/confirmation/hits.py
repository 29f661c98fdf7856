"""The objects that an action hits, as they are stored for the confirming probes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from harness.chaos.session import ChaosSession, pod_hit
from harness.errors import FaultNotInjected
from harness.model import Hit
from harness.targets.access import LOCK, access
from harness.targets.database import leader_of
from harness.targets.kubernetes import Object, has_condition, is_over, is_terminating

HITS: Final = (*access("list nodes"), *access("get endpoints", at=LOCK))
"""API permissions needed to select and store the objects that are hit."""
Hits = dict[str, list[dict[str, Any]]]
"""Result of an action: `{"hit": [{kind, name, namespace, uid, …}, …]}`."""


def name_of(obj: Object) -> str:
    """Name of an object."""
    return str(obj["metadata"]["name"])


def pod_hits(here: ChaosSession, pods: list[Object]) -> list[Hit]:
    """The hits of these pods."""
    regions = here.regions()
    return [pod_hit(pod, regions) for pod in pods]


def remembered(here: ChaosSession, hits: list[Hit], *, stays: bool = False) -> Hits:
    """Store the hits and report them in the journal; `stays` tells whether the objects stay in place."""
    here.hit(hits, stays=stays)
    return {"hit": [asdict(hit) for hit in hits]}


def database_leader(here: ChaosSession) -> str:
    """The pod that leads the database; empty if the target has no database."""
    known = here.target.database and here.target.database.leader
    return leader_of(here.cluster, here.target) if known else ""


def hits_of(here: ChaosSession, kind: str) -> list[Hit]:
    """The objects of a kind that the experiment has hit.

    Raises:
        FaultNotInjected: it has hit none.
    """
    hits = [hit for hit in here.hits if hit.kind == kind]
    if not hits:
        raise FaultNotInjected(f"this experiment has hit no {kind}")
    return hits


def pods_left(here: ChaosSession, hits: list[Hit]) -> list[str]:
    """The names of the hit pods that are not gone."""
    return [hit.name for hit in hits if uid_of(here.cluster.pod(hit.namespace, hit.name)) == hit.uid]


def uid_of(pod: Object | None) -> str:
    """The uid of a pod; empty where it serves no more: one that terminates may still answer for as long as it is Ready."""
    gone = pod is None or is_over(pod) or (is_terminating(pod) and not has_condition(pod, "Ready"))
    return "" if pod is None or gone else str(pod["metadata"]["uid"])
