"""Selects the objects that an action hits, checks that they may be hit, and stores them for the confirming probes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from harness.chaos.session import ChaosSession, pod_hit
from harness.errors import FaultNotInjected
from harness.model import Hit
from harness.targets.access import LOCK, access
from harness.targets.database import leader_of
from harness.targets.kubernetes import Object, serves

HITS: Final = (*access("list nodes"), *access("get endpoints", at=LOCK))
"""API permissions needed to select and store the objects that are hit."""
Hits = dict[str, list[dict[str, Any]]]
"""Result of an action: `{"hit": [{kind, name, namespace, uid, …}, …]}`."""


def name_of(obj: Object) -> str:
    """Name of an object."""
    return str(obj["metadata"]["name"])


def first_ready(here: ChaosSession, label_selector: str, ns: str, qty: int, verb: str) -> list[Object]:
    """The first `qty` ready pods by name, without terminating pods.

    Args:
        here: session of the process.
        label_selector: label selector of the pods.
        ns: namespace of the pods.
        qty: number of pods.
        verb: participle for messages, such as `killed`.

    Raises:
        FaultNotInjected: fewer than `qty` ready pods match, or `qty` is below 1.
    """
    ready = [pod for pod in here.cluster.pods(ns, label_selector) if serves(pod)]
    if qty < 1 or len(ready) < qty:
        raise FaultNotInjected(f"{len(ready)} ready pods match {label_selector} in {ns}, expected {qty} to be {verb}")
    return sorted(ready, key=name_of)[:qty]


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
