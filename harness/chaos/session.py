"""What one chaos process knows: its target, its cluster, and what it has hit so far.

`READINESS_TARGET` names the target file. Everything that breaks something asks `destructive()` first: it refuses when
the target is not disposable and was not allowed by name, and when another API server is meant than the target's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import Refused
from harness.model import Hit, Intent
from harness.targets import Target, load_target
from harness.targets.guard import guard_hits, guard_target
from harness.targets.intents import pending_intents, write_intent
from harness.targets.kubernetes import REGION_LABEL, Cluster, Object, labels_of
from harness.targets.undo import undo_intent

BY_HAND = "by-hand"


@dataclass
class Session:
    """One chaos process on one target.

    Attributes:
        hits: what the actions of this process hit, in their order.
    """

    target: Target
    cluster: Cluster
    experiment: str
    hits: list[Hit] = field(default_factory=list)

    def destructive(self, hits: Sequence[Hit]) -> None:
        """Assert that breaking these, beside what was hit already, is meant, and meant here.

        Raises:
            Refused: it is not.
        """
        guard_target(self.target, os.environ.get("READINESS_ALLOW_TARGET", ""))
        all_hits = [*self.hits, *hits]
        guard_hits(self.target, self.experiment, all_hits)
        meant = os.environ.get("READINESS_API_SERVER", self.cluster.url)
        if self.cluster.url != meant:
            raise Refused(f"this would go to {self.cluster.url}, meant is {meant}", where=self.target.name)
        pods = sum(1 for hit in all_hits if hit.kind == "pod")
        allowed = os.environ.get("READINESS_MAX_PODS", "")
        if allowed.isdecimal() and pods > int(allowed):
            raise Refused(f"this would hit {pods} pods, `blast_radius` allows {allowed}", where=self.experiment)

    def intend(self, action: str, undo: Mapping[str, Any]) -> Intent:
        """Put on disk how to undo what is about to be done."""
        return write_intent(self.target.name, self.experiment, action, undo)

    def undo(self, kind: str) -> list[str]:
        """Undo every pending intent of that kind; returns what it was on."""
        intents = [intent for intent in pending_intents(self.target.name) if intent.undo.get("do") == kind]
        for intent in intents:
            undo_intent(self.cluster, self.target, intent)
        return [str(intent.undo.get("node") or intent.undo.get("region", "")) for intent in intents]

    def hit(self, hits: Sequence[Hit]) -> None:
        """Remember what was hit."""
        self.hits.extend(hits)

    def regions(self) -> dict[str, str]:
        """Region of each node."""
        return {node["metadata"]["name"]: labels_of(node).get(REGION_LABEL, "") for node in self.cluster.nodes()}


@cache
def session() -> Session:
    """The session of this process.

    Raises:
        Refused: `READINESS_TARGET` names no target file.
    """
    named = os.environ.get("READINESS_TARGET")
    if not named:
        raise Refused(
            "no target is named", where="READINESS_TARGET", hint='for the sandbox: eval "$(readiness sandbox env)"'
        )
    target = load_target(Path(named))
    return Session(
        target=target, cluster=Cluster.of(target), experiment=os.environ.get("READINESS_EXPERIMENT", BY_HAND)
    )


def pod_hit(pod: Object, regions: Mapping[str, str]) -> Hit:
    """What is remembered of a pod."""
    meta, labels = pod["metadata"], labels_of(pod)
    return Hit(
        kind="pod",
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        address=pod.get("status", {}).get("podIP") or "",
        region=regions.get(pod.get("spec", {}).get("nodeName") or "", ""),
        workload=labels.get("app", ""),
    )


def node_hit(node: Object) -> Hit:
    """What is remembered of a node."""
    meta = node["metadata"]
    return Hit(kind="node", name=meta["name"], uid=meta["uid"], region=labels_of(node).get(REGION_LABEL, ""))
