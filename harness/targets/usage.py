"""What the metrics API says that pods use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.targets.access import access
from harness.targets.amounts import amount

if TYPE_CHECKING:
    from harness.targets.kubernetes import Cluster

METRICS: Final = "metrics.k8s.io/v1beta1"
METRICS_READ: Final = access("list pods.metrics.k8s.io")


def memory_of(cluster: Cluster, namespace: str) -> dict[str, float]:
    """Working set of each measured pod of a namespace, in bytes, by name; the containers' together."""
    return {
        str(one["metadata"]["name"]): float(
            sum(amount(container["usage"]["memory"]) for container in one["containers"])
        )
        for one in cluster.customs(METRICS, "pods", namespace)
        if one.get("containers")
    }
