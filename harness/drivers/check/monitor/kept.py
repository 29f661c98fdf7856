"""Reads when Prometheus got samples of each metric of the regions' workloads: first, last and longest gap."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from harness import clock
from harness.drivers.check.monitor.prometheus import prometheus_of
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.places import namespaces
from harness.units import NS_PER_S

BEFORE_S: Final = 30.0
"""Number of seconds before the first reading that it covers."""
_OVERLAP_S: Final = 5.0
_NOT_SCRAPED: Final = "ALERTS.*|.*:.*"
_OF_KUBERNETES: Final = "container_.*|kube_.*"
"""Excludes metrics that kubelets and kube-state-metrics expose about pods, since pods do not expose these themselves."""
_NAMES: Final = ("app", "app_kubernetes_io_name", "service", "job")
"""Labels that name a series' workload, the most reliable first; a ServiceMonitor or PodMonitor sets the last two."""
_SAME_SCRAPE: Final = ".*_bucket|.*_created"
"""Suffixes of further series of a histogram or counter, which always come with its `_count` or `_total`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """The samples of one metric of a workload in a period.

    Attributes:
        first_ns, last_ns: times of the first and the last sample.
        gap_ns: longest time between two samples. gap_from_ns: start of this gap.
    """

    first_ns: int
    last_ns: int
    gap_ns: int = 0
    gap_from_ns: int = 0


class SeriesReader:
    """Reads new samples from the Prometheus of a target, repeatedly.

    It reads series with the label `app`; if there are none, series of any pod.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._read_ns = 0
        self._by_app = False

    def read(self) -> Mapping[tuple[str, str], Mapping[str, Kept]]:
        """Metrics with samples since the last reading, by namespace and workload, and by name.

        Raises:
            ConfigurationError: the target file names no Prometheus.
            DriverError: Prometheus does not answer.
        """
        places = "|".join(sorted(re.escape(name) for name in namespaces(self._target).values()))
        quoted = places.replace("\\", "\\\\")  # a backslash of the expression is two in a string of PromQL
        within = f'namespace=~"{quoted}"'
        asked_ns = clock.now_ns()
        passed_s = (asked_ns - self._read_ns) / NS_PER_S + _OVERLAP_S if self._read_ns else BEFORE_S
        with prometheus_of(self._target) as prometheus:
            now = prometheus.vector("time()")
            at_ns = clock.now_ns()
            span, left_out = f"[{round(1000 * passed_s)}ms]", f"{_NOT_SCRAPED}|{_SAME_SCRAPE}"
            series = prometheus.samples(f'{{{within},app!="",__name__!~"{left_out}"}}{span}')
            self._by_app = self._by_app or bool(series)
            if not self._by_app:
                series = prometheus.samples(f'{{{within},pod!="",__name__!~"{left_out}|{_OF_KUBERNETES}"}}{span}')
        if not now:
            raise DriverError(
                "Prometheus returned no value for the query `time()`",
                where=str(self._target.prometheus),
                hint="check that `prometheus` in the target file is the address of a Prometheus server",
            )
        zero_ns = at_ns - round(now[0].value * NS_PER_S)
        times: dict[tuple[str, str], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        for labels, moments in series:
            name = next((labels[label] for label in _NAMES if labels.get(label)), "")
            place = (labels.get("namespace", ""), name.rpartition("/")[2])  # a PodMonitor's job is `namespace/name`
            times[place][labels.get("__name__", "")].update(zero_ns + round(at_s * NS_PER_S) for at_s in moments)
        self._read_ns = asked_ns
        return {place: {name: _kept(sorted(of)) for name, of in each.items() if of} for place, each in times.items()}


def _kept(moments: list[int]) -> Kept:
    """The period of sorted moments, of which there is at least one."""
    gap_ns, from_ns = max(((after - before, before) for before, after in pairwise(moments)), default=(0, moments[0]))
    return Kept(first_ns=moments[0], last_ns=moments[-1], gap_ns=gap_ns, gap_from_ns=from_ns)
