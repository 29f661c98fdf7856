"""Exposed metrics over time: the readings of every pod under a traffic, and the growth of a counter in the seconds that they cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from harness.judgement.measures import Case
from harness.judgement.recovery import SERVER_ERROR
from harness.judgement.stats.statistics import Floats
from harness.model import Table, Window
from harness.model.observations import MetricsRead
from harness.units import NS_PER_S

_SHORTEST_NS: Final = 5 * NS_PER_S
"""Shortest part of a span that counts: pods are read one after another, so the error at its edges would be too large."""


class UnknownMetric(Exception):
    """The metrics do not provide the figure, or the part `of` of it.

    The text is the cause, and `hint` the action for the user.
    """

    def __init__(self, why: str, of: str = "", hint: str = "") -> None:
        super().__init__(why)
        self.of = of
        self.hint = hint


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricCourse:
    """The readings of each pod in order of time, and the seconds that the readings of all pods cover.

    Attributes:
        pods: readings by name of the pod.
        spans: start and end of each span in ns; several spans if pods ended in between.
        names: names of routes and counters, from the target file.
        begun: for each pod that began meanwhile, the time at which the other pods were last read without it; its counts were 0 then.
    """

    pods: Mapping[str, Sequence[MetricsRead]]
    spans: tuple[tuple[int, int], ...]
    names: Mapping[str, str]
    begun: Mapping[str, int]

    @property
    def seconds(self) -> float:
        """The length of all spans, in s."""
        return sum(end - start for start, end in self.spans) / NS_PER_S

    def answered(self, rows: Table) -> Table:
        """The rows that were answered in the spans."""
        return Table.merged(rows.schema, [rows.between("done_ns", *span) for span in self.spans])

    @property
    def at_entry(self) -> MetricCourse:
        """The course of the pods at the entry."""
        return replace(self, pods={name: reads for name, reads in self.pods.items() if reads[0].entry})

    def of(self, workload: str) -> MetricCourse:
        """The course of the pods of a workload."""
        return replace(self, pods={name: reads for name, reads in self.pods.items() if reads[0].workload == workload})

    def uncovered(self, count: Callable[[MetricsRead], float]) -> float:
        """Largest growth of a cumulative count that `grown` may lack: pods are read one after another, so a span begins before the first reading of some.

        As in `unsure`, a pod may have counted twice as much there as its mean rate says.
        """
        latest = max((reads[-1].when_ns for reads in self.pods.values()), default=0)
        start, end = (self.spans[0][0], self.spans[-1][1]) if self.spans else (0, 0)
        total = 0.0
        for name, reads in self.pods.items():
            first, last = reads[0].when_ns, reads[-1].when_ns
            before = 0 if name in self.begun else max(first - start, 0)
            after = 0 if last <= latest - _SHORTEST_NS else max(end - last, 0)  # else it ended meanwhile
            total += 2 * (count(reads[-1]) - count(reads[0])) * (before + after) / max(last - first, 1)
        return total

    def grown(self, count: Callable[[MetricsRead], float]) -> float:
        """Growth of a cumulative count in the spans, over all pods.

        Raises UnknownMetric if a counter was reset.
        """
        spans = np.asarray(self.spans, dtype=np.float64)
        edges = [np.interp(spans, at, values) for at, values in self._courses(count)]
        return float(sum((each[:, 1] - each[:, 0]).sum() for each in edges))

    def unsure(self, count: Callable[[MetricsRead], float]) -> float:
        """Possible error of `grown`, up or down.

        Pods are read one after another, so a span begins and ends shortly before or after the readings of a pod. The growth in this short time is
        estimated from the mean rate of the pod; it may have been zero, or twice as much.
        """
        edges = np.asarray(self.spans, dtype=np.float64).ravel()
        total = 0.0
        for at, values in self._courses(count):
            if len(at) < 2:
                continue
            within = np.clip(np.searchsorted(at, edges), 1, len(at) - 1)
            apart = np.diff(at)[within - 1]
            rate = np.divide(np.diff(values)[within - 1], apart, out=np.zeros(len(edges)), where=apart > 0)
            beside = np.abs(edges[:, None] - at[None, :]).min(axis=1)
            total += float((beside * rate * ((at[0] <= edges) & (edges <= at[-1]))).sum())
        return total

    def _courses(self, count: Callable[[MetricsRead], float]) -> Iterable[tuple[Floats, Floats]]:
        """Times of the readings of each pod, in ns, and its counts at these times."""
        for name, reads in self.pods.items():
            values = [count(read) for read in reads]
            if any(later < earlier for earlier, later in pairwise(values)):
                raise UnknownMetric(f"the counters of {name} were reset")
            at = [float(read.when_ns) for read in reads]
            if name in self.begun:
                at, values = [float(self.begun[name]), *at], [0.0, *values]
            yield np.asarray(at), np.asarray(values)


def metric_course(case: Case, window: Window) -> MetricCourse:
    """The metrics that were read under the window's traffic.

    For the window of a fault, the metrics that were read during its experiment.

    Raises:
        UnknownMetric: a pod was not read, or the readings cover less than half of the window.
    """
    reads: dict[str, list[MetricsRead]] = defaultdict(list)
    for read in case.evidence.every(MetricsRead):
        if is_beside(read, window):
            if read.why:
                raise UnknownMetric(f"the metrics of {read.subject or 'every pod'} could not be read: {read.why}")
            reads[read.subject].append(read)
    pods = {name: sorted(some, key=lambda read: read.when_ns) for name, some in reads.items()}
    if not pods or not any(some[0].entry for some in pods.values()):
        raise UnknownMetric("the metrics of the workload at the entry were not read in the window")
    begun = _begun(pods)
    gone = _gone(pods)
    start = max(window.start_ns, *(some[0].when_ns for name, some in pods.items() if name not in begun))
    end = min(window.end_ns, *(some[-1].when_ns for name, some in pods.items() if name not in gone))
    if window.experiment:  # errors are made after every pod's first reading and before its last
        start, end = window.span
    spans = _parts((start, end), [(pods[name][-1].when_ns, gone_ns) for name, gone_ns in gone.items()])
    covered_s = sum(until - since for since, until in spans) / NS_PER_S
    planned = case.plan.traffic[window.traffic].window_s if window.traffic in case.plan.traffic else window.seconds
    if covered_s * 2 < min(planned, window.seconds):
        raise UnknownMetric(
            f"all pods together have metrics for only {covered_s:.3g} s of the window, expected at least half of it"
        )
    names = next(iter(pods.values()))[0].names
    there = {name: some for name, some in pods.items() if gone.get(name, end) > start and begun.get(name, start) < end}
    return MetricCourse(pods=there, spans=spans, names={key: str(value) for key, value in names.items()}, begun=begun)


def is_beside(read: MetricsRead, window: Window) -> bool:
    """Whether the metrics were read for this window."""
    return read.experiment == window.experiment if window.experiment else read.traffic == window.traffic


def window_of_errors(case: Case, window: Window, pods: frozenset[str] | None = None) -> Window:
    """The window with the most errors of the traffic, of all windows in which the metrics were read.

    The window of a fault is the time between its readings: errors made on purpose begin and end between two readings, so the readings at both
    ends are exact. With `pods`, only errors of these pods count.
    """
    found = [window]
    for own in case.evidence.windows.values():
        reads = [one.when_ns for one in case.evidence.every(MetricsRead) if is_beside(one, own)]
        if own.experiment and own.traffic == window.traffic and len(reads) > 1:
            span = (min(reads), max(reads))
            near = [
                w.samples
                for w in case.evidence.windows.values()
                if w.traffic == own.traffic and w.end_ns > span[0] and w.start_ns < span[1]
            ]
            samples = Table.merged(own.samples.schema, near).between("done_ns", *span)
            found.append(replace(own, start_ns=span[0], end_ns=span[1], samples=samples))

    def errors(one: Window) -> int:
        bad = one.samples.where(one.samples.ints["status"] >= SERVER_ERROR)
        return len(bad) if pods is None else int(bad.words["served_pod"].among(pods).sum())

    return max(found, key=errors)


def _parts(span: tuple[int, int], ends: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The parts of a span in which no pod ended; the counts of a pod after its last reading are unknown.

    Args:
        span: start and end, in ns.
        ends: for each pod that ended, the time of its last reading and of the first reading of the other pods without it.
    """
    start, end = span
    parts = []
    for last_ns, gone_ns in sorted(ends):
        parts.append((start, min(last_ns, end)))
        start = max(start, gone_ns)
    return tuple(part for part in [*parts, (start, end)] if part[1] - part[0] >= _SHORTEST_NS)


def _gone(pods: Mapping[str, Sequence[MetricsRead]]) -> Mapping[str, int]:
    """The pods that were missing at the last reading of all pods, and the time at which the other pods were first read without them."""
    rounds, half = _rounds(pods)
    later = {name: [at for at in rounds if at > some[-1].when_ns + half] for name, some in pods.items()}
    return {name: after[0] for name, after in later.items() if after}


def _begun(pods: Mapping[str, Sequence[MetricsRead]]) -> Mapping[str, int]:
    """The pods that did not exist at the first reading of all pods, and the time at which the other pods were last read without them.

    An autoscaler or another controller created them. A pod that exists and could not be read has a reading with its error.
    """
    rounds, half = _rounds(pods)
    sooner = {name: [at for at in rounds if at < some[0].when_ns - half] for name, some in pods.items()}
    return {name: before[-1] for name, before in sooner.items() if before}


def _rounds(pods: Mapping[str, Sequence[MetricsRead]]) -> tuple[Sequence[int], float]:
    """Times at which the most read pod was read, and half the mean time between its readings; empty and 0 if no pod was read twice."""
    often = [read.when_ns for read in max(pods.values(), key=len)]
    if len(often) < 2:
        return [], 0.0
    return often, (often[-1] - often[0]) / (len(often) - 1) / 2
