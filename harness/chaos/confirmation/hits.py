"""The objects that an action hits, as they are stored for the confirming probes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from harness.chaos.session import ChaosSession, pod_hit
from harness.model import Hit
from harness.targets.access import LOCK, access
from harness.targets.database import leader_of
from harness.targets.kubernetes import Object

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
