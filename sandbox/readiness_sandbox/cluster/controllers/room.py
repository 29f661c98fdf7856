"""What pods request of a node, and what of it is still free, as the scheduler counts it: by requests, not by use."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.view import is_over
from readiness_sandbox.cluster.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from readiness_sandbox.cluster.store import Object

Amounts = dict[str, Fraction]
"""By resource, such as `cpu` (cores), `memory` (bytes) and `pods`; exact."""


def requested(pod: Object) -> Amounts:
    """What a pod requests, itself as one of `pods` included. Pure.

    Its containers and native sidecars together, or an init container with the sidecars before it where that is more, and its overhead:
    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers .
    """
    spec = pod["spec"]
    most, sidecars = Amounts(), Amounts()
    for each in spec.get("initContainers") or ():
        beside = _added(sidecars, _of(each))
        if each.get("restartPolicy") == "Always":
            sidecars = beside
        most = _combined(max, most, beside)
    together = _added(sidecars, *map(_of, spec["containers"]))
    return _added(_combined(max, most, together), _amounts(spec.get("overhead") or {}), {"pods": Fraction(1)})


def free(node: Object, pods: Iterable[Object]) -> Amounts:
    """What is left of a node with these pods on it; those that are over have given theirs back. Pure."""
    used = _added(*(requested(pod) for pod in pods if not is_over(pod)))
    return {name: value - used.get(name, 0) for name, value in _amounts(node["status"]["allocatable"]).items()}


def lacking(asked: Mapping[str, Fraction], left: Mapping[str, Fraction]) -> list[str]:
    """What of a node is not enough, in the scheduler's words. Pure."""
    short = [name for name, value in asked.items() if value > max(left.get(name, 0), 0)]
    return ["Too many pods" if name == "pods" else f"Insufficient {name}" for name in short]


def _of(container: Object) -> Amounts:
    return _amounts((container.get("resources") or {}).get("requests") or {})


def _amounts(quantities: Mapping[str, str]) -> Amounts:
    return {name: amount(each) for name, each in quantities.items()}


def _added(*every: Mapping[str, Fraction]) -> Amounts:
    total = Amounts()
    for each in every:
        total = _combined(Fraction.__add__, total, each)
    return total


def _combined(
    how: Callable[[Fraction, Fraction], Fraction], left: Mapping[str, Fraction], right: Mapping[str, Fraction]
) -> Amounts:
    return {name: how(left.get(name, Fraction()), right.get(name, Fraction())) for name in {**left, **right}}
