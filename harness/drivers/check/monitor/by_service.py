"""Queries Prometheus for figures by service, using the label `app` of series or else the pods that they name.

Series have `app` if the scrape job copies the pod's label; series of a ServiceMonitor or a PodMonitor have `namespace` and `pod`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from harness.targets.kubernetes import Object, labels_of, workload_of

if TYPE_CHECKING:
    from harness.drivers.check.monitor.prometheus import PrometheusClient

Service = tuple[str, str]
"""A service: namespace and name."""
UNLABELLED: Final = (
    "its series have neither the label `app` nor `pod`; hint: let the scrape job put `namespace` and `pod` on them, "
    "as a ServiceMonitor or PodMonitor does"
)


@dataclass(frozen=True, slots=True)
class ByService:
    """A figure of each service.

    Attributes:
        values: the known figures by service.
        unlabelled: namespaces with series that name neither pod nor service; an empty text stands for series without a
            namespace, which count only if no series names a service.
    """

    values: Mapping[Service, float]
    unlabelled: frozenset[str] = field(default=frozenset())

    def is_unclear(self, service: Service) -> bool:
        """Whether the service has no figure, but series without labels may belong to it."""
        may_be = {service[0]} if self.values else {service[0], ""}
        return service not in self.values and not self.unlabelled.isdisjoint(may_be)


def service_of(pod: Object) -> Service:
    """The service that a pod belongs to."""
    return pod["metadata"]["namespace"], workload_of(labels_of(pod))


def by_service(
    prometheus: PrometheusClient,
    query: Callable[[str], str],
    pods: Sequence[Object],
    together: Callable[[Sequence[float]], float],
) -> ByService:
    """Query a figure of every service. Raises DriverError if Prometheus does not answer.

    Args:
        prometheus: queried once, and again by pod if a service has no series with the label `app`.
        query: function that returns the PromQL for the labels to group by.
        pods: pods of the services.
        together: function that combines the figures of a service's pods, at least one and none of them NaN.
    """
    found = {}
    for labels, value in prometheus.vector(query("namespace, app")):
        if app := labels.get("app"):
            found[labels.get("namespace", ""), app] = value
    of_pod = {(service_of(pod)[0], pod["metadata"]["name"]): service_of(pod) for pod in pods}
    if {*of_pod.values()} <= {*found}:
        return ByService(found)
    own: dict[Service, list[float]] = defaultdict(list)
    bare = set()
    for labels, value in prometheus.vector(query("namespace, app, pod")):
        namespace, pod = labels.get("namespace", ""), labels.get("pod", "")
        if not pod and not labels.get("app"):
            bare.add(namespace)
        if service := of_pod.get((namespace, pod)):
            own[service].append(value)
    more = {service: _numbers(values) for service, values in own.items() if service not in found}
    return ByService(
        {**found, **{service: together(values) if values else math.nan for service, values in more.items()}},
        frozenset(bare),
    )


def _numbers(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]
