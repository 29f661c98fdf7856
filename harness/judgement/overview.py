"""The run as a whole: its windows, what no window covers, and the share of the users' journeys that met trouble."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from harness.judgement.figures.indicators import failed, waited_ms
from harness.judgement.figures.journeys import journey_keys
from harness.judgement.recovery import SECOND
from harness.judgement.recovery.rule import promised_ms
from harness.model import Evidence, JourneyResult, Plan, Unjudged, Window, WindowResult


def window_results(evidence: Evidence) -> tuple[WindowResult, ...]:
    """Every window, in order of time, in seconds since the first one opened."""
    every = _in_order(evidence.windows.values())
    return tuple(
        WindowResult(
            name=window.name,
            traffic=window.traffic,
            phase=window.phase.value,
            experiment=window.experiment,
            start_s=_since(every, window.start_ns),
            end_s=_since(every, window.end_ns),
            n=len(window.samples),
            errors=int(failed(window.samples).sum()),
        )
        for window in every
    )


def unjudged(evidence: Evidence) -> tuple[Unjudged, ...]:
    """What lies between the windows of one traffic, and between the last of them and the end of its load."""
    every = _in_order(evidence.windows.values())
    found = []
    for traffic in dict.fromkeys(window.traffic for window in every):
        own = [window for window in every if window.traffic == traffic]
        gaps = [
            (before.end_ns, after.start_ns, f"between {before.name} and {after.name}")
            for before, after in pairwise(own)
        ]
        stopped_ns = max((window.stopped_ns or window.end_ns for window in own), default=0)
        gaps.append((own[-1].end_ns, stopped_ns, f"after {own[-1].name} closed, before the load was told to stop"))
        found += [
            Unjudged(traffic=traffic, start_s=_since(every, start), end_s=_since(every, end), why=why)
            for start, end, why in gaps
            if end > start
        ]
    return tuple(found)


def journey_results(plan: Plan, evidence: Evidence) -> Iterable[JourneyResult]:
    """Of each traffic: the journeys of its fault-free windows, and those with a failed or a slow request."""
    limit_ms = promised_ms(plan)
    for traffic in dict.fromkeys(window.traffic for window in evidence.fault_free()):
        every, troubled = [], []
        for window in evidence.fault_free(traffic):
            keys = journey_keys(window.samples)
            bad = failed(window.samples)
            if limit_ms is not None:
                bad |= waited_ms(window.samples) > limit_ms
            every.append(keys[keys >= 0])
            troubled.append(keys[bad & (keys >= 0)])
        n = len(np.unique(np.concatenate(every)))
        if n:
            met = len(np.unique(np.concatenate(troubled)))
            yield JourneyResult(traffic=traffic, n=n, troubled=met, limit_ms=limit_ms)


def _in_order(windows: Iterable[Window]) -> list[Window]:
    return sorted(windows, key=lambda window: (window.start_ns, window.name))


def _since(every: list[Window], at_ns: int) -> float:
    return (at_ns - every[0].start_ns) / SECOND
