"""The course of exposed metrics: the readings of every pod under a traffic, and by how much a count grew in the seconds that they cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from harness.judgement.measures import Case
from harness.judgement.recovery import SECOND
from harness.model import Window
from harness.model.observations import MetricsRead, every


class UnknownMetric(Exception):
    """The metrics do not provide the figure, or that of one part (`of`); the text says why."""

    def __init__(self, why: str, of: str = "") -> None:
        super().__init__(why)
        self.of = of


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricCourse:
    """The readings of each pod in order of time, and the seconds that all of them cover.

    Attributes:
        pods: by name. span: from when until when. names: of routes and counters, as the target file has them.
        begun: by name, for each pod that began meanwhile, when the others were read for the last time without it. All its counts were 0.
    """

    pods: Mapping[str, Sequence[MetricsRead]]
    span: tuple[int, int]
    names: Mapping[str, str]
    begun: Mapping[str, int]

    @property
    def seconds(self) -> float:
        """The length of the span."""
        return (self.span[1] - self.span[0]) / SECOND

    def grown(self, count: Callable[[MetricsRead], float], *, entry: bool) -> float:
        """By how much a cumulative count grew in the span, over all pods; raises UnknownMetric where one began anew."""
        total = 0.0
        for name, reads in self.pods.items():
            own = [read for read in reads if read.entry or not entry]
            values = [count(read) for read in own]
            if any(later < earlier for earlier, later in pairwise(values)):
                raise UnknownMetric(f"the counters of {name} began anew")
            if own:
                at = [float(read.when_ns) for read in own]
                if name in self.begun:
                    at, values = [float(self.begun[name]), *at], [0.0, *values]
                start, end = np.interp(np.asarray(self.span, dtype=np.float64), at, values)
                total += float(end - start)
        return total


def metric_course(case: Case, window: Window) -> MetricCourse:
    """What was read of the metrics under the window's traffic.

    Raises:
        UnknownMetric: a pod was not read, or the readings cover less than half of the window.
    """
    reads: dict[str, list[MetricsRead]] = defaultdict(list)
    for read in every(MetricsRead, case.evidence.observations):
        if read.traffic == window.traffic:
            if read.why:
                raise UnknownMetric(f"the metrics of {read.subject or 'every pod'} were not read: {read.why}")
            reads[read.subject].append(read)
    pods = {name: sorted(some, key=lambda read: read.when_ns) for name, some in reads.items()}
    if not pods or not any(some[0].entry for some in pods.values()):
        raise UnknownMetric("no metrics of the workload at the entry were read in the window")
    begun = _begun(pods)
    start = max(window.start_ns, *(some[0].when_ns for name, some in pods.items() if name not in begun))
    end = min(window.end_ns, *(some[-1].when_ns for some in pods.values()))
    planned = case.plan.traffic[window.traffic].window_s if window.traffic in case.plan.traffic else window.seconds
    if (end - start) / SECOND * 2 < min(planned, window.seconds):
        raise UnknownMetric(f"the metrics of every pod cover only {max(end - start, 0) / SECOND:.3g} s of the window")
    names = next(iter(pods.values()))[0].names
    return MetricCourse(
        pods=pods, span=(start, end), names={key: str(value) for key, value in names.items()}, begun=begun
    )


def _begun(pods: Mapping[str, Sequence[MetricsRead]]) -> Mapping[str, int]:
    """The pods that were not there when all were read for the first time, and when they were last read without them.

    An autoscaler, or a controller that replaces a pod, began them. A pod that could not be read would have said why.
    """
    longest = [read.when_ns for read in max(pods.values(), key=len)]
    if len(longest) < 2:
        return {}
    half = (longest[-1] - longest[0]) / (len(longest) - 1) / 2
    rounds = {name: [at for at in longest if at < some[0].when_ns - half] for name, some in pods.items()}
    return {name: before[-1] for name, before in rounds.items() if before}
