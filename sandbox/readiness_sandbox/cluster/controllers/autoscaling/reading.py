"""What an autoscaler's spec and its pods say, as the algorithm takes it. The sandbox's time scale is applied here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from readiness_sandbox.cluster.controllers.autoscaling.behavior import Behavior, ScalingPolicy, ScalingRules
from readiness_sandbox.cluster.controllers.autoscaling.proposals import MetricError, MetricTarget, PodUsage
from readiness_sandbox.cluster.kubelet.status import condition
from readiness_sandbox.cluster.quantities import milli
from readiness_sandbox.cluster.timestamps import moment
from readiness_sandbox.scales import TIME_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.kubelet.usage import ContainerRate
    from readiness_sandbox.cluster.store import Object

TOLERANCE: Final = 0.1
UP: Final = ScalingRules(
    window_s=0,
    policies=(
        ScalingPolicy(type="Percent", value=100, period_s=15),
        ScalingPolicy(type="Pods", value=4, period_s=15),
    ),
)
DOWN: Final = ScalingRules(window_s=300, policies=(ScalingPolicy(type="Percent", value=100, period_s=15),))
"""What holds where the spec says nothing."""


def behavior_of(spec: Object) -> Behavior:
    """Both directions and the bounds, in the sandbox's seconds."""
    given = spec.get("behavior") or {}
    return Behavior(
        up=_rules(given.get("scaleUp") or {}, UP),
        down=_rules(given.get("scaleDown") or {}, DOWN),
        least=spec.get("minReplicas", 1),
        most=spec["maxReplicas"],
    )


def _rules(given: Object, otherwise: ScalingRules) -> ScalingRules:
    policies = [
        ScalingPolicy(type=each["type"], value=each["value"], period_s=each["periodSeconds"])
        for each in given.get("policies") or ()
    ]
    window_s = given.get("stabilizationWindowSeconds")
    return ScalingRules(
        window_s=(otherwise.window_s if window_s is None else window_s) / TIME_SCALE,
        policies=[
            ScalingPolicy(type=each.type, value=each.value, period_s=each.period_s / TIME_SCALE)
            for each in policies or otherwise.policies
        ],
        select=given.get("selectPolicy", "Max"),
    )


def source_of(metric: Object) -> Object:
    """The part of a metric that its type names, such as `containerResource`."""
    kind = metric["type"]
    found: Object = metric.get(kind[:1].lower() + kind[1:]) or {}
    return found


def target_of(metric: Object, spec: Object) -> MetricTarget:
    """What a metric shall be. Raises MetricError for a kind of metric that this cluster has no source of."""
    if metric["type"] not in ("Resource", "ContainerResource"):
        raise MetricError(f"unable to get metric: no API of this cluster serves metrics of type {metric['type']}")
    source, given = source_of(metric), spec.get("behavior") or {}
    target = source["target"]
    average = target.get("averageValue")
    return MetricTarget(
        resource=source["name"],
        utilization=target.get("averageUtilization"),
        average=None if average is None else milli(average),
        up=_tolerance(given.get("scaleUp")),
        down=_tolerance(given.get("scaleDown")),
    )


def _tolerance(rules: Object | None) -> float:
    given = (rules or {}).get("tolerance")
    return TOLERANCE if given is None else milli(given) / 1000


def pod_usage(pod: Object, rates: Sequence[ContainerRate] | None, metric: Object) -> PodUsage:
    """A pod as the algorithm takes it; `rates` of all its containers, None while it has not been measured."""
    source, status, ready = source_of(metric), pod.get("status") or {}, condition(pod, "Ready")
    container = source.get("container")
    measured = [each for each in rates or () if container in (None, each.container)]
    phase, started = status.get("phase"), status.get("startTime")
    return PodUsage(
        name=pod["metadata"]["name"],
        over=bool(pod["metadata"].get("deletionTimestamp")) or phase in ("Failed", "Succeeded"),
        pending=phase == "Pending",
        ready=ready["status"] == "True" if ready else None,
        started_s=moment(started).timestamp() if started else None,
        turned_s=moment(ready["lastTransitionTime"]).timestamp() if ready else 0.0,
        usage=sum(_milli(each, source["name"]) for each in measured) if measured else None,
        measured_s=max((each.last.wall.timestamp() for each in measured), default=0.0),
        window_s=max((each.window_s for each in measured), default=0.0),
        request=_request(pod, source["name"], container),
    )


def _milli(rate: ContainerRate, resource: Literal["cpu", "memory"]) -> int:
    return round(rate.cores * 1000) if resource == "cpu" else rate.memory_bytes * 1000


def _request(pod: Object, resource: str, container: str | None) -> int | None:
    total = 0
    for each in pod["spec"]["containers"]:
        if container in (None, each["name"]):
            quantity = ((each.get("resources") or {}).get("requests") or {}).get(resource)
            if quantity is None:
                return None
            total += milli(quantity)
    return total
