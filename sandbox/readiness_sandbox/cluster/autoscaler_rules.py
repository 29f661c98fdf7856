"""What an autoscaler may not say, beyond its shape. After ValidateHorizontalPodAutoscaler of kubernetes/kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster.pod_rules import at_least
from readiness_sandbox.cluster.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.names import Cause
    from readiness_sandbox.cluster.statuses import Object

LONGEST_WINDOW_S: Final = 3600
LONGEST_PERIOD_S: Final = 1800
_MOST: Final = (1 << 31) - 1
_SOURCES: Final = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_RESOURCES: Final = ("cpu", "memory")


def autoscaler(obj: Object) -> Iterator[Cause]:
    """Bounds, metrics, behavior."""
    spec = obj["spec"]
    yield from at_least("spec.minReplicas", spec["minReplicas"], 1, _MOST)
    yield from at_least("spec.maxReplicas", spec["maxReplicas"], 1, _MOST)
    if spec["maxReplicas"] < spec["minReplicas"]:
        yield (
            "spec.maxReplicas",
            f"Invalid value: {spec['maxReplicas']}: must be greater than or equal to `minReplicas`",
        )
    for field in ("kind", "name"):
        if not spec["scaleTargetRef"].get(field):
            yield f"spec.scaleTargetRef.{field}", "Required value"
    for i, metric in enumerate(spec["metrics"]):
        yield from _metric(metric, f"spec.metrics[{i}]")
    for direction, rules in (spec.get("behavior") or {}).items():
        yield from _rules(rules, f"spec.behavior.{direction}")


def _metric(metric: Object, path: str) -> Iterator[Cause]:
    field = _SOURCES.get(metric["type"])
    if field is None:
        supported = ", ".join(f'"{each}"' for each in _SOURCES)
        yield f"{path}.type", f'Unsupported value: "{metric["type"]}": supported values: {supported}'
        return
    if field not in metric:
        yield f"{path}.{field}", "Required value: must populate information for the given metric source"
        return
    for other in _SOURCES.values():
        if other != field and other in metric:
            yield f"{path}.{other}", "Forbidden: must populate the given metric source only"
    source = metric[field]
    if metric["type"] in ("Resource", "ContainerResource"):
        if source["name"] not in _RESOURCES:
            yield f"{path}.{field}.name", f'Unsupported value: "{source["name"]}": supported values: "cpu", "memory"'
        yield from _target(source["target"], f"{path}.{field}.target")


def _target(target: Object, path: str) -> Iterator[Cause]:
    utilization, average = target.get("averageUtilization"), target.get("averageValue")
    if (utilization is None) == (average is None):
        yield path, "Required value: must set either a target raw value or a target utilization, and not both"
    if utilization is not None:
        yield from at_least(f"{path}.averageUtilization", utilization, 1, _MOST)
    if average is not None and not _is_positive(average):
        yield f"{path}.averageValue", f'Invalid value: "{average}": must be positive'


def _rules(rules: Object, path: str) -> Iterator[Cause]:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None:
        yield from at_least(f"{path}.stabilizationWindowSeconds", window, 0, LONGEST_WINDOW_S)
    if rules["selectPolicy"] not in ("Max", "Min", "Disabled"):
        yield f"{path}.selectPolicy", f'Unsupported value: "{rules["selectPolicy"]}"'
    for i, policy in enumerate(rules["policies"]):
        here = f"{path}.policies[{i}]"
        if policy["type"] not in ("Pods", "Percent"):
            yield f"{here}.type", f'Unsupported value: "{policy["type"]}": supported values: "Percent", "Pods"'
        yield from at_least(f"{here}.value", policy["value"], 1, _MOST)
        yield from at_least(f"{here}.periodSeconds", policy["periodSeconds"], 1, LONGEST_PERIOD_S)


def _is_positive(quantity: str | float) -> bool:
    try:
        return amount(quantity) > 0
    except ValueError:
        return False
