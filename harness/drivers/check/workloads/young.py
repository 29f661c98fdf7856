"""New pods, such as those of an autoscaler: missing data about them is not a failure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from harness import clock
from harness.drivers.facts import FactReading
from harness.targets import Target
from harness.targets.cluster.workloads import restarts_of
from harness.targets.kubernetes import Object, labels_of, workload_of

SCRAPED_WITHIN_S: Final = 60.0
"""Time in s within which a new pod is first scraped: the default interval. Source: Prometheus, `scrape_interval`."""
_FOUND_WITHIN_S: Final = 5.0
"""Time in s within which Prometheus discovers a new pod."""
_STARTS_WITHIN_S: Final = 60.0


class PodReading(NamedTuple):
    """A fact about a pod.

    Attributes:
        lacks: whether Prometheus has no data about the pod, or could not scrape it; False if it has data that are not as expected.
    """

    pod: Object
    reading: FactReading
    lacks: bool


def is_new(pod: Object, seconds: float) -> bool:
    """Whether the pod was created less than `seconds` ago."""
    made = pod["metadata"].get("creationTimestamp")
    return made is not None and (clock.wall() - datetime.fromisoformat(str(made))).total_seconds() < seconds


def is_starting(pod: Object) -> bool:
    """Whether the pod is new, and has neither been restarted nor become Ready, so that it has not served requests yet.

    A pod that is not scheduled yet has neither an address nor a condition.
    """
    status = pod.get("status") or {}
    unready = any(one["type"] == "Ready" and one["status"] != "True" for one in status.get("conditions") or [])
    return (unready or not status.get("podIP")) and is_new(pod, _STARTS_WITHIN_S) and not restarts_of(pod)


def without_unknown_young(target: Target, read: Iterable[PodReading]) -> list[FactReading]:
    """The facts without new pods that Prometheus does not know yet, if it knows another pod of the same workload."""
    every, within_s = list(read), _FOUND_WITHIN_S + SCRAPED_WITHIN_S / target.scrape_scale
    known = {_workload(one.pod) for one in every if not one.lacks}
    return [
        one.reading for one in every if not (one.lacks and is_new(one.pod, within_s) and _workload(one.pod) in known)
    ]


def _workload(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], workload_of(labels_of(pod))
