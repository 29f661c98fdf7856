"""When the condition of a trigger was met: the judge itself computes it, slice by slice, from the records of the candidate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.judgement.figures.indicators import failed
from harness.judgement.figures.rollouts.history import RolloutHistory
from harness.judgement.figures.rollouts.rollback.readings import memory, memory_slack_ns, report_fires
from harness.judgement.figures.rollouts.rollback.triggers import (
    SLICES,
    Firing,
    SignalReading,
    earliest,
    error_rates,
    firing,
    response_times,
    slices,
)
from harness.judgement.measures import Case
from harness.model import Table
from harness.model.planned.trigger import Signal

_ANCHORS: Final = 5
"""Number of tried positions of a slice, as the beginning of the platform's slices is unknown."""
UNITS: Final[Mapping[Signal, str]] = {
    Signal.RESPONSE_TIME: "ms",
    Signal.ERROR_RATE: "ratio",
    Signal.MEMORY: "ratio",
}


def series_of(case: Case, history: RolloutHistory, signal: Signal, window_ns: int) -> list[list[SignalReading]]:
    """The signal of the candidate, as several series whose slices begin at different times.

    For memory one series per pod.
    """
    if signal is Signal.MEMORY:
        return memory(case, history)
    rows, served = _requests(case, history), served_by_candidate(case, history)
    nameless = rows.where(rows.words["release"].missing & failed(rows))
    if not len(served):
        return []
    since_ns = int(served.ints["done_ns"].min())
    length = max(window_ns // SLICES, 1)
    spans = [
        slices(since_ns + anchor * length // _ANCHORS, history.back_ns + length, window_ns)
        for anchor in range(_ANCHORS)
    ]
    read = response_times if signal is Signal.RESPONSE_TIME else error_rates
    return [read(served, nameless, each) for each in spans]


def _requests(case: Case, history: RolloutHistory) -> Table:
    return history.samples(case.evidence, case.objective.scope.traffic, history.began_ns, history.until_ns)


def served_by_candidate(case: Case, history: RolloutHistory) -> Table:
    """The requests that the candidate answered."""
    rows = _requests(case, history)
    return rows.where(rows.words["release"].equals(history.plan.candidate))


def condition_of(case: Case, history: RolloutHistory, signal: Signal, limit: float, window_ns: int) -> Firing:
    """When the condition had been met for its complete window.

    A slice is known only at its end, and counts as above the limit if a part of it was above. The platform's slices begin at an unknown time, so it
    may fire one slice before the window is full. It must fire only after one slice more is above the limit, at every position of the slices. If it
    fired, its window was full by then too.

    Missing data alone never counts. A span that may have been above the limit counts only if two slices at least half a window apart certainly were
    above. The slices between them may be empty, for example if the candidate receives few requests.
    """
    series = series_of(case, history, signal, window_ns)
    slack_ns = memory_slack_ns(case, history) if signal is Signal.MEMORY else window_ns // SLICES
    fired = earliest(firing(each, limit, window_ns - slack_ns, window_ns // 2) for each in series)
    late = [firing(each, limit, window_ns + slack_ns).must_ns for each in series]
    sure = [at_ns for at_ns in late if at_ns is not None]
    if signal is Signal.MEMORY:  # one series per pod, and any of them fires; else one series per position of the slices
        must_ns = min(sure, default=None)
    else:
        must_ns = max(sure) if sure and len(sure) == len(late) else None
    full_ns = None if fired.must_ns is None else fired.must_ns + 2 * slack_ns
    return Firing(may_ns=fired.may_ns, must_ns=must_ns, full_ns=full_ns, unseen=fired.unseen)


def first_condition(case: Case, history: RolloutHistory) -> Firing:
    """When the condition of any trigger of the rollout file was first met.

    A trigger on the p95 of queries is not read.
    """
    scale = case.plan.time_scale
    found = [
        condition_of(case, history, one.signal, one.limit, one.window_ns(scale))
        for one in history.plan.triggers
        if one.signal in UNITS
    ]
    if any(one.signal is Signal.REPORT for one in history.plan.triggers):
        found.append(report_fires(case, history))
    return earliest(found)
