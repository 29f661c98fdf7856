"""`pod-resources`: compares the usage of every container at the end of the steady state with its own limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.monitor.targets import pods_of
from harness.drivers.check.needs import MONITOR, PODS
from harness.drivers.check.workloads.young import PodReading, without_unknown_young
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.workloads import running_containers
from harness.targets.kubernetes import Object

_OF_A_CONTAINER: Final = '{container!="",container!="POD"}'
QUERIES: Final[Mapping[str, str]] = {
    "memory": f"max by (namespace, pod, container) (max_over_time(container_memory_working_set_bytes{_OF_A_CONTAINER}[1m]))",
    "cpu": f"sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{_OF_A_CONTAINER}[1m]))",
}
"""Queries by resource for cAdvisor's figures of the last minute: largest memory in bytes, average CPU in cores."""


class ContainerKey(NamedTuple):
    """A container: the labels `namespace`, `pod` and `container` of a series."""

    namespace: str
    pod: str
    container: str

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> ContainerKey:
        """The container that a series is of; what its labels do not name is empty."""
        return cls(*(labels.get(name, "") for name in cls._fields))


USED: Final = SentenceForm(
    "used-in-the-steady-state",
    "the <usage:noun> in the steady state",
    "The usage of every container or pod in the last minute, as cAdvisor counts it.",
)


@claim(
    USED,
    "memory and CPU of every pod stay below <share:ratio> of their limits",
    about=(
        "In the last minute of the fault-free window: the largest working set of each container over its memory limit, and its mean "
        "CPU over its CPU limit, as cAdvisor counts them, CPU divided by the target's `cpu_scale`. Without a limit it is unknown."
    ),
    example="the memory and CPU of every pod stay below 80 % of their limits in the steady state",
    needs=(MONITOR, PODS),
    when=When.AT_THE_WINDOWS_END,
)
@accesses(*access("list pods"))
def pod_resources(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read every container: it must have used less than `share` of its memory and CPU limits in the last minute.

    The share is unknown for a container without a limit (0 is no limit) or without exposed usage. Containers of new pods are left out
    until their usage is exposed. CPU usage is divided by the target's `cpu_scale`, since limits are in real cores.
    """
    most = Quantity.parse(params["share"]).in_unit("ratio")
    scales = {"memory": 1.0, "cpu": target.cpu_scale}

    def probe() -> Sequence[FactReading]:
        with prometheus_of(target) as prometheus:
            used = {name: _by_container(prometheus, query, scales[name]) for name, query in QUERIES.items()}
        pods = [pod for _, pod in pods_of(target, every=True)]
        return without_unknown_young(target, (fact for pod in pods for fact in _of_pod(pod, used, most)))

    return probe


def _by_container(prometheus: PrometheusClient, query: str, scale: float) -> dict[ContainerKey, float]:
    found = prometheus.vector(query)
    return {ContainerKey.of(labels): value / scale for labels, value in found}


def _of_pod(pod: Object, used: Mapping[str, Mapping[ContainerKey, float]], most: float) -> Iterator[PodReading]:
    for container in running_containers(pod["spec"]):
        key = ContainerKey(pod["metadata"]["namespace"], pod["metadata"]["name"], container["name"])
        limits = (container.get("resources") or {}).get("limits") or {}
        for resource, by_container in used.items():
            share = _share("/".join(key), resource, by_container.get(key), limits.get(resource), most)
            yield PodReading(pod, share, lacks=key not in by_container)


def _share(subject: str, resource: str, used: float | None, limit: str | None, most: float) -> FactReading:
    allowed = float(amount(str(limit or 0)))
    if used is None or allowed == 0:
        share, said = None, "usage is not exposed" if used is None else "no limit is stated"
    else:
        share = used / allowed
        said = f"{100 * share:.3g} % of {limit}"
    return FactReading(
        subject=f"{subject}: {resource}",
        expected=f"below {100 * most:g} %",
        observed=said,
        ok=None if share is None else share < most,
    )
