"""The resident memory of every container of the regions' workloads, as Prometheus has it of cAdvisor, sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.check.monitor.prometheus import prometheus_of
from harness.drivers.check.monitor.targets import pods_of
from harness.errors import DriverError
from harness.targets.kubernetes import labels_of, workload_of
from harness.targets.workloads import running_containers
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.targets import Target

_SERIES: Final = 'container_memory_rss{container!="",container!="POD"}'
"""Anonymous memory: neither the page cache nor the pages of files that are mapped."""
_OVERLAP_S: Final = 5.0
"""Each reading goes back so far behind the one before it, the first so far behind itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerMemory:
    """New samples of one container.

    Attributes:
        container: with its namespace and pod, `us-east-1/user-service-0/user-service`.
        workload: the label `app` of its pod.
        at_s: when each was taken, in seconds before the reading, negative.
        taken_s: the same as Prometheus has it, in seconds since 1970, by which a sample is known that is read twice.
        bytes_: what each says.
    """

    container: str
    workload: str
    at_s: Sequence[float] = ()
    taken_s: Sequence[float] = ()
    bytes_: Sequence[float] = ()


class MemoryReader:
    """Asks the Prometheus of a target, again and again, for the samples that are new."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._read_ns = 0
        self._workloads: dict[tuple[str, str, str], str] = {}

    def read(self) -> list[ContainerMemory]:
        """Every container of the workloads of the regions; one without samples has none. Those of a pod that is gone are read up to its last sample.

        Raises:
            ConfigurationError: the target names no Prometheus.
            DriverError: it gives no answer.
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
