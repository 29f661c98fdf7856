"""`restart-counts`: compares the restarts of every container in Prometheus with those in the Kubernetes API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.containers.resources import ContainerKey
from harness.drivers.check.monitor.prometheus import prometheus_of
from harness.drivers.check.monitor.targets import pods_of
from harness.drivers.check.needs import MONITOR, PODS
from harness.drivers.check.workloads.young import PodReading, without_unknown_young
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object

SERIES: Final = "kube_pod_container_status_restarts_total"
"""The metric of kube-state-metrics for restarts."""
_QUERY: Final = f"max by (namespace, pod, container) ({SERIES})"
_RISEN: Final = f"max by (namespace, pod, container) (max_over_time({SERIES}[1h])) > 0"
"""Query for counts above 0 in the last hour, also of pods that were deleted since."""


@claim(
    "the exposed restart count of every pod equals that of the Kubernetes API after the recovery",
    needs=(MONITOR, PODS),
    when=When.AFTER_CONTAINERS,
)
@accesses(*access("list pods"))
def restart_counts(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """After the faults of containers, kube-state-metrics' count of each container in Prometheus against `restartCount` of the pod's status; counts that are all 0 prove nothing.

    A new pod that Prometheus does not know yet is left out. If all counts were 0 in the last hour, the result is unknown, since counts
    that never rise cannot be told from correct ones.
    """

    def probe() -> Sequence[FactReading]:
        pods = {key: (pod, n) for _, pod in pods_of(target, every=True) for key, n in _counts(pod)}
        with prometheus_of(target) as prometheus:
            found, risen = prometheus.vector(_QUERY), prometheus.vector(_RISEN)
        exposed = {ContainerKey.of(labels): n for labels, n in found}
        places = {key.namespace for key in pods}
        own = sum(labels.get("namespace") in places for labels, _ in risen)
        read = (PodReading(pod, _equal(key, n, exposed.get(key)), key not in exposed) for key, (pod, n) in pods.items())
        return [*without_unknown_young(target, read), _risen({key: n for key, (_, n) in pods.items()}, own)]

    return probe


def _counts(pod: Object) -> Iterator[tuple[ContainerKey, int]]:
    meta = pod["metadata"]
    for one in (pod.get("status") or {}).get("containerStatuses") or ():
        yield ContainerKey(meta["namespace"], meta["name"], one["name"]), int(one.get("restartCount") or 0)


def _equal(key: ContainerKey, count: int, exposed: float | None) -> FactReading:
    return FactReading(
        subject=f"restarts of {'/'.join(key)}",
        expected=str(count),
        observed="not exposed" if exposed is None else f"{exposed:g}",
        ok=exposed == count,
    )


def _risen(counts: Mapping[ContainerKey, int], exposed: int) -> FactReading:
    """The fact whether any count is above 0, now or in the last hour."""
    again = sum(n > 0 for n in counts.values())
    return FactReading(
        subject="containers that were started again",
        expected="at least 1 in the last hour",
        observed=str(max(again, exposed)),
        ok=True if again or exposed else None,
    )
