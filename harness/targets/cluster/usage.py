"""Reads the resource usage of pods from the metrics API."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from harness.targets.access import access
from harness.targets.cluster.amounts import amount

if TYPE_CHECKING:
    from harness.targets.kubernetes import Cluster, Object

METRICS: Final = "metrics.k8s.io/v1beta1"
METRICS_READ: Final = access("list pods.metrics.k8s.io")
_UNITS_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
_LENGTH: Final = re.compile(r"([0-9.]+)(h|ms|m|s)")


class MeasuredTime(NamedTuple):
    """The time of a measurement.

    Attributes:
        until: end of the window.
        window_s: length of the window in seconds.
    """

    until: datetime
    window_s: float


def measured_time(measured: Object) -> MeasuredTime:
    """The window of a `PodMetrics`, truncated to seconds."""
    length = _LENGTH.findall(measured["window"])
    return MeasuredTime(
        until=datetime.fromisoformat(measured["timestamp"]),
        window_s=sum(float(number) * _UNITS_S[unit] for number, unit in length),
    )


def memory_of(cluster: Cluster, namespace: str) -> dict[str, float]:
    """Working set of each measured pod of a namespace in bytes, by pod name; the containers are added up."""
    return {
        str(one["metadata"]["name"]): float(
            sum(amount(container["usage"]["memory"]) for container in one["containers"])
        )
        for one in cluster.customs(METRICS, "pods", namespace)
        if one.get("containers")
    }
