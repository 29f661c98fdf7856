"""Run overview: windows, time outside of windows, journeys with failed or slow requests, and the entries of regions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, pairwise

import numpy as np

from harness.judgement.figures.indicators import failed, waited_ms
from harness.judgement.figures.traffic.journeys import journey_keys
from harness.judgement.figures.traffic.uptime import health_probes
from harness.judgement.recovery import probed
from harness.judgement.recovery.usual import promised_ms
from harness.judgement.stats.downtime import Downtime, downtime_of, joined
from harness.model import DoorResult, Evidence, JourneyResult, Plan, Unjudged, Window, WindowResult, fault_name
from harness.model.records.table import distinct
from harness.units import NS_PER_S


def window_results(evidence: Evidence) -> tuple[WindowResult, ...]:
    """Every window in order of time, in seconds since the first window opened."""
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


def unjudged(plan: Plan, evidence: Evidence) -> tuple[Unjudged, ...]:
    """Times that no figure covers.

    Such a time lies between two windows of a traffic, between the last window and the end of the load, or at an edge of a fault's window: before the
    fault was sent, or after the target was restored. An edge counts only if one of its requests failed or was late, or if it has no requests.
    """
    every = _in_order(evidence.windows.values())
    found = []
    for traffic in dict.fromkeys(window.traffic for window in every):
        own = [window for window in every if window.traffic == traffic]
        gaps = [
            (before.end_ns, after.start_ns, f"between the windows {before.name} and {after.name}")
            for before, after in pairwise(own)
        ]
        stopped_ns = max((window.stopped_ns or window.end_ns for window in own), default=0)
        gaps.append((own[-1].end_ns, stopped_ns, f"between the end of window {own[-1].name} and the end of the load"))
        gaps += [edge for window in own for edge in _edges(evidence, window) if _in_trouble(plan, window, edge)]
        found += [
            Unjudged(traffic=traffic, start_s=_since(every, start), end_s=_since(every, end), why=why)
            for start, end, why in sorted(gaps)
            if end > start
        ]
    return tuple(found)


def _edges(evidence: Evidence, window: Window) -> Iterable[tuple[int, int, str]]:
    """The parts of a fault's window before the fault and after the restore, as start, end and text: no figure covers failures in them."""
    for attempt in chain.from_iterable(evidence.experiments.values()):
        if window.name != fault_name(attempt.name, attempt.attempt):
            continue
        if attempt.fault.sent_ns is not None:
            until_ns = min(attempt.fault.sent_ns, window.end_ns)
            yield window.start_ns, until_ns, f"in window {window.name}, before the fault was sent"
        if attempt.restore.ok and attempt.restore.at_ns is not None:
            yield (
                max(attempt.restore.at_ns, window.start_ns),
                window.end_ns,
                f"in window {window.name}, after the restore",
            )


def _in_trouble(plan: Plan, window: Window, edge: tuple[int, int, str]) -> bool:
    """Whether in a part of a window a request failed or was late, or none was sent."""
    start_ns, end_ns, _ = edge
    rows, limit_ms = window.samples.between("intended_ns", start_ns, end_ns), promised_ms(plan)
    late = limit_ms is not None and (waited_ms(rows) > limit_ms).any()
    return not len(rows) or bool(late or failed(rows).any())


def journey_results(plan: Plan, evidence: Evidence) -> Iterable[JourneyResult]:
    """For each traffic, the number of journeys in the fault-free windows, and of journeys with a failed or slow request."""
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
        n = len(distinct(np.concatenate(every)))
        if n:
            met = len(distinct(np.concatenate(troubled)))
            yield JourneyResult(traffic=traffic, n=n, troubled=met, limit_ms=limit_ms)


def door_results(plan: Plan, evidence: Evidence) -> Iterable[DoorResult]:
    """For each region with probes, the health probes at its own entry in the fault-free windows."""
    for region in sorted(plan.regions):
        spans: dict[str, Downtime] = {}
        failures: dict[str, float] = {}
        n = bad = 0
        for window in evidence.fault_free():
            probes = health_probes(evidence, region, window)
            lost = ~probed(probes)
            spans[window.name] = downtime_of(probes.ints["sent_ns"], lost, window.span)
            failures[window.name] = float(lost.mean()) if len(lost) else 0.0
            n, bad = n + len(lost), bad + int(lost.sum())
        down = joined(tuple(spans.values()))
        if n:
            yield DoorResult(
                region=region,
                n=n,
                failed=bad,
                down_s=float(down.seconds.sum()),
                watched_s=down.watched_s,
                longest_s=float(down.seconds.max(initial=0.0)),
                worst=max(failures, key=lambda name: failures[name]) if bad else "",
            )


def _in_order(windows: Iterable[Window]) -> list[Window]:
    return sorted(windows, key=lambda window: (window.start_ns, window.name))


def _since(every: list[Window], at_ns: int) -> float:
    return (at_ns - every[0].start_ns) / NS_PER_S
