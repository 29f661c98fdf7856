"""Reads the memory of every container of the regions' workloads from Prometheus (cAdvisor), sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.check.monitor.prometheus import prometheus_of
from harness.drivers.check.monitor.targets import pods_of
from harness.errors import DriverError
from harness.targets.cluster.workloads import running_containers
from harness.targets.kubernetes import labels_of, workload_of
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.targets import Target

_SERIES: Final = 'container_memory_rss{container!="",container!="POD"}'
"""The metric of anonymous memory: without the page cache and mapped files."""
_OVERLAP_S: Final = 5.0
"""Overlap of readings in s: each reads from this long before the previous reading; the first, from this long before itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerMemory:
    """The new samples of one container.

    Attributes:
        container: namespace, pod and container, `us-east-1/user-service-0/user-service`.
        workload: the label `app` of its pod.
        at_s: time of each sample relative to the reading, in s, negative.
        taken_s: time of each sample in Prometheus, in s since 1970, which identifies samples that are read twice.
        bytes_: value of each sample in bytes.
    """

    container: str
    workload: str
    at_s: Sequence[float] = ()
    taken_s: Sequence[float] = ()
    bytes_: Sequence[float] = ()


class MemoryReader:
    """Reads new samples from the Prometheus of a target, repeatedly."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._read_ns = 0
        self._workloads: dict[tuple[str, str, str], str] = {}

    def read(self) -> list[ContainerMemory]:
        """The new samples of every container of the regions' workloads; containers of deleted pods are read up to their last sample.

        Raises:
            ConfigurationError: the target file names no Prometheus.
            DriverError: Prometheus does not answer.
        """
        asked_ns = clock.now_ns()
        passed_s = (asked_ns - self._read_ns) / NS_PER_S if self._read_ns else 0.0
        with prometheus_of(self._target) as prometheus:
            now = prometheus.vector("time()")
            series = prometheus.values(f"{_SERIES}[{round(1000 * (passed_s + _OVERLAP_S))}ms]")
        if not now:
            raise DriverError("Prometheus does not say what time it is", where=str(self._target.prometheus))
        known = {tuple(labels.get(name, "") for name in ("namespace", "pod", "container")): of for labels, of in series}
        there = {
            (pod["metadata"]["namespace"], pod["metadata"]["name"], container["name"]): workload_of(labels_of(pod))
            for _, pod in pods_of(self._target, every=False)
            for container in running_containers(pod["spec"])
        }
        self._workloads |= there
        self._read_ns = asked_ns
        return [
            ContainerMemory(
                container="/".join(key),
                workload=workload,
                at_s=[round(at_s - now[0].value, 3) for at_s, _ in known.get(key, [])],
                taken_s=[at_s for at_s, _ in known.get(key, [])],
                bytes_=[value for _, value in known.get(key, [])],
            )
            for key, workload in self._workloads.items()
            if key in there or key in known
        ]
