"""What an action hits: chosen from the cluster, guarded, and remembered for the probes that confirm it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from harness.chaos.session import ChaosSession, pod_hit
from harness.model import Hit
from harness.targets.access import LOCK, access
from harness.targets.database import leader_of
from harness.targets.kubernetes import Object

HITS: Final = (*access("list nodes"), *access("get endpoints", at=LOCK))
"""What choosing and remembering what is hit asks."""
Hits = dict[str, list[dict[str, Any]]]
"""What an action returns: `{"hit": [{kind, name, namespace, uid, …}, …]}`."""


def name_of(obj: Object) -> str:
    """Its name."""
    return str(obj["metadata"]["name"])


def pod_hits(here: ChaosSession, pods: list[Object]) -> list[Hit]:
    """What is remembered of pods."""
    regions = here.regions()
    return [pod_hit(pod, regions) for pod in pods]


def remembered(here: ChaosSession, hits: list[Hit], *, stays: bool = False) -> Hits:
    """Remember the hits, and whether they stay in place; report them in the journal."""
    here.hit(hits, stays=stays)
    return {"hit": [asdict(hit) for hit in hits]}


def database_leader(here: ChaosSession) -> str:
    """The pod that leads the database; empty where the target has none."""
    known = here.target.database and here.target.database.leader
    return leader_of(here.cluster, here.target) if known else ""
