"""Chooses the objects that an action hits, checks that they may be hit, and remembers them for the confirming probes."""

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
"""API permissions needed to choose and remember the objects that are hit."""
Hits = dict[str, list[dict[str, Any]]]
"""What an action returns: `{"hit": [{kind, name, namespace, uid, …}, …]}`."""


def name_of(obj: Object) -> str:
    """Its name."""
    return str(obj["metadata"]["name"])


def first_ready(here: ChaosSession, label_selector: str, ns: str, qty: int, verb: str) -> list[Object]:
    """The first `qty` ready pods by name, without terminating pods.

    Args:
        here: the session.
        label_selector: which pods.
        ns: their namespace.
        qty: number of pods.
        verb: what is to be done to them, for people: `killed`.

    Raises:
        FaultNotInjected: fewer ready pods than that match, or `qty` is below 1.
    """
    ready = [pod for pod in here.cluster.pods(ns, label_selector) if serves(pod)]
    if qty < 1 or len(ready) < qty:
        raise FaultNotInjected(f"{len(ready)} ready pods match {label_selector} in {ns}, {qty} are to be {verb}")
    return sorted(ready, key=name_of)[:qty]


def pod_hits(here: ChaosSession, pods: list[Object]) -> list[Hit]:
    """What is remembered of pods."""
    regions = here.regions()
    return [pod_hit(pod, regions) for pod in pods]


def remembered(here: ChaosSession, hits: list[Hit], *, stays: bool = False) -> Hits:
    """Remember the hits, and whether the objects stay in place; report them in the journal."""
    here.hit(hits, stays=stays)
    return {"hit": [asdict(hit) for hit in hits]}


def database_leader(here: ChaosSession) -> str:
    """The pod that leads the database; empty where the target has none."""
    known = here.target.database and here.target.database.leader
    return leader_of(here.cluster, here.target) if known else ""
