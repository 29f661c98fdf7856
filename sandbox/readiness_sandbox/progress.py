"""How far a cluster is from what its workloads ask for; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness_sandbox.cluster.statuses import Object


@dataclass(frozen=True, kw_only=True, slots=True)
class RollOut:
    """A Deployment, StatefulSet or Rollout.

    How many replicas are ready, and whether nothing old is left.
    """

    namespace: str
    name: str
    kind: str
    ready: int
    desired: int
    settled: bool


def workload(obj: Object) -> RollOut:
    """Read a workload's status."""
    status, desired = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    # A Rollout writes the generation as a text.
    current = str(status.get("observedGeneration")) == str(obj["metadata"].get("generation"))
    ready = status.get("readyReplicas", 0)
    counts = {status.get("replicas", 0), status.get("updatedReplicas", 0), ready}
    healthy = status.get("phase") == "Healthy" if obj["kind"] == "Rollout" else counts == {desired}
    return RollOut(
        namespace=obj["metadata"]["namespace"],
        name=obj["metadata"]["name"],
        kind=obj["kind"],
        ready=ready,
        desired=desired,
        settled=current and healthy,
    )


def sentence(workloads: Iterable[RollOut]) -> str:
    """`21 of 24 pods ready; waiting for database/postgres-us-east-1`."""
    every = list(workloads)
    ready, desired = sum(min(each.ready, each.desired) for each in every), sum(each.desired for each in every)
    names = [f"{each.namespace}/{each.name}" for each in every if not each.settled]
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{ready} of {desired} pods ready" + (f"; waiting for {listed}" if names else "")
