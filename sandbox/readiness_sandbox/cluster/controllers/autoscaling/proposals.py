"""How many replicas one metric asks for; pure. After Kubernetes' replica_calculator.go.

Amounts are in thousandths (of a core, of a byte), as Kubernetes reckons.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CPU_INITIALIZATION_S: Final = 300.0
"""`--horizontal-pod-autoscaler-cpu-initialization-period`."""
INITIAL_READINESS_S: Final = 30.0
"""`--horizontal-pod-autoscaler-initial-readiness-delay`."""


class MetricError(Exception):
    """A metric that asks for nothing: the text is what the status says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodUsage:
    """A pod of the target, as the metrics API and its status show it. Times are seconds on one clock.

    Attributes:
        over: whether it is being deleted, or has failed.
        pending: whether it does not run yet.
        ready: its Ready condition; None without one.
        started_s: when it started; None before.
        turned_s: when its readiness last changed.
        usage: of the metric's resource; None while it has not been measured.
        measured_s, window_s: when the measurement ended, and over how long it was.
        request: of the metric's resource; None when one of its containers has none.
    """

    name: str
    over: bool = False
    pending: bool = False
    ready: bool | None = True
    started_s: float | None = 0.0
    turned_s: float = 0.0
    usage: int | None = None
    measured_s: float = 0.0
    window_s: float = 0.0
    request: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricTarget:
    """What a metric shall be.

    Attributes:
        resource: `cpu` or `memory`.
        utilization: percent of the request; None when `average` is given.
        average: of a pod, in thousandths.
        up, down: tolerances of the ratio to the target, in either direction.
    """

    resource: str
    utilization: int | None = None
    average: int | None = None
    up: float = 0.1
    down: float = 0.1

    def tolerates(self, ratio: float) -> bool:
        """Whether this ratio of usage to target is close enough to leave the replicas alone."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """Replicas that a metric asks for, and what it was: percent of the requests (None for AverageValue) and mean of a pod."""

    replicas: int
    utilization: int | None
    average: int


class _Group(Enum):
    COUNTED = "counted"
    UNREADY = "unready"
    MISSING = "missing"
    LEFT_OUT = "left out"


def propose(target: MetricTarget, pods: Sequence[PodUsage], current: int, now_s: float, time_scale: float) -> Proposal:
    """The replicas that a metric asks for. Raises MetricError.

    Args:
        target: what the metric shall be.
        pods: those that the target's selector selects.
        current: replicas that the target asks for.
        now_s: on the clock of the pods' times.
        time_scale: the periods in which young pods are not trusted are divided by it.
    """
    if not pods:
        raise MetricError("no pods returned by selector while calculating replica count")
    groups = {pod.name: _group(pod, target.resource, now_s, time_scale) for pod in pods}

    def of(group: _Group) -> list[PodUsage]:
        return [pod for pod in pods if groups[pod.name] is group]

    counted, unready, missing = of(_Group.COUNTED), of(_Group.UNREADY), of(_Group.MISSING)
    metrics = {pod.name: pod.usage for pod in counted if pod.usage is not None}
    if not metrics:
        raise MetricError("did not receive metrics for targeted pods (pods might be unready)")
    requests = {} if target.utilization is None else _requests(target, pods)
    ratio, utilization = _ratio(target, metrics, requests)
    average = sum(metrics.values()) // len(metrics)

    def proposal(replicas: int) -> Proposal:
        return Proposal(replicas=replicas, utilization=utilization, average=average)

    up_with_unready = bool(unready) and ratio > 1.0
    if not up_with_unready and not missing:
        return proposal(current if target.tolerates(ratio) else math.ceil(ratio * len(counted)))
    assumed = metrics | {
        pod.name: _assumed(target, ratio, requests.get(pod.name, 0)) for pod in missing if ratio != 1.0
    }
    if up_with_unready:
        assumed |= {pod.name: 0 for pod in unready}
    again, _ = _ratio(target, assumed, requests)
    replicas = math.ceil(again * len(assumed))
    turned = (ratio < 1.0 < again) or (again < 1.0 < ratio)
    against = (again < 1.0 and replicas > current) or (again > 1.0 and replicas < current)
    return proposal(current if target.tolerates(again) or turned or against else replicas)


def _group(pod: PodUsage, resource: str, now_s: float, time_scale: float) -> _Group:
    """Which pods count: after groupPods of replica_calculator.go."""
    if pod.over:
        return _Group.LEFT_OUT
    if pod.pending:
        return _Group.UNREADY
    if pod.usage is None:
        return _Group.MISSING
    if resource != "cpu":
        return _Group.COUNTED
    if pod.ready is None or pod.started_s is None:
        return _Group.UNREADY
    if pod.started_s + CPU_INITIALIZATION_S / time_scale > now_s:
        unready = not pod.ready or pod.measured_s < pod.turned_s + pod.window_s
    else:
        unready = not pod.ready and pod.started_s + INITIAL_READINESS_S / time_scale > pod.turned_s
    return _Group.UNREADY if unready else _Group.COUNTED


def _requests(target: MetricTarget, pods: Sequence[PodUsage]) -> dict[str, int]:
    for pod in pods:
        if pod.request is None:
            raise MetricError(f"missing request for {target.resource} in a container of pod {pod.name}")
    return {pod.name: pod.request for pod in pods if pod.request is not None}


def _ratio(target: MetricTarget, metrics: Mapping[str, int], requests: Mapping[str, int]) -> tuple[float, int | None]:
    """Usage over target, and the utilization in whole percent."""
    total = sum(metrics.values())
    if target.utilization is None:
        return total / len(metrics) / (target.average or 1), None
    requested = sum(requests[name] for name in metrics)
    if requested == 0:
        raise MetricError("no metrics returned matched known pods")
    utilization = total * 100 // requested
    return utilization / target.utilization, utilization


def _assumed(target: MetricTarget, ratio: float, request: int) -> int:
    """What a pod that was not measured is taken to use: all of it before scaling down, nothing before scaling up."""
    if ratio > 1.0:
        return 0
    if target.utilization is None:
        return target.average or 0
    return request * max(100, target.utilization) // 100
