"""Histograms of response times that pods expose: the growth of their buckets in a window, and a quantile of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from harness.judgement.figures.monitor.metric_courses import MetricCourse, UnknownMetric
from harness.judgement.stats.statistics import Floats
from harness.model.observations import MetricsRead


def buckets_of(course: MetricCourse, routes: Sequence[str]) -> tuple[Floats, Floats]:
    """Upper ends of the histogram buckets in s, ascending, and number of answers of these routes that took at most that long in the spans."""

    def at_most(end: str) -> Callable[[MetricsRead], float]:
        def count(read: MetricsRead) -> float:
            return sum(float(n) for route in routes for e, n in read.buckets.get(route, ()) if e == end)

        return count

    entry = course.at_entry
    ends = {
        str(end)
        for reads in entry.pods.values()
        for read in reads
        for route in routes
        for end, _ in read.buckets.get(route, ())
    }
    if not ends:
        raise UnknownMetric("the workload at the entry exposes no histogram buckets of response times for these routes")
    ordered = sorted(ends, key=float)
    counts = [entry.grown(at_most(end)) for end in ordered]
    if not counts[-1] > 0:
        raise UnknownMetric("the histogram buckets of response times counted no answer for these routes")
    return np.array([float(end) for end in ordered]), np.array(counts)


def quantile_of(ends: Floats, counts: Floats, quantile: float) -> float:
    """The quantile as Prometheus computes it: linear within a bucket, and at most the upper end of the last finite bucket."""
    rank = quantile * float(counts[-1])
    at = int(np.searchsorted(counts, rank))
    if not math.isfinite(ends[at]):
        return float(ends[at - 1]) if at else math.nan
    below, start = (float(counts[at - 1]), float(ends[at - 1])) if at else (0.0, 0.0)
    inside = float(counts[at]) - below
    return start + (float(ends[at]) - start) * ((rank - below) / inside if inside else 1.0)
