"""Readings for triggers that are not about requests: memory of each pod of the candidate, and accepted reports of users."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Final

from harness.judgement.figures.rollouts.history import RolloutHistory
from harness.judgement.figures.rollouts.rollback.triggers import STALE, Firing, SignalReading, gauge, reported
from harness.judgement.measures import Case
from harness.model import Receipt
from harness.model.observations import RolloutMemory, RolloutReported
from harness.units import NS_PER_S

READ_NS: Final = NS_PER_S
"""Planned time between two readings of the memory, in ns; the metrics API too gives its times to the second."""
_SEVERE: Final = "critical"


def memory(case: Case, history: RolloutHistory) -> list[list[SignalReading]]:
    """The memory of each pod of the candidate divided by its limit, from the time of each measurement on.

    A measurement is valid until the next one, at most for two windows of the metrics API: a value that the API repeats for longer is stale.
    """
    read = _read(case, history)
    points: dict[str, list[tuple[int, float]]] = {}
    for one in read:
        points.setdefault(one.subject, []).append((one.when_ns, one.share))
    stale_ns = STALE * max([_window_ns(one) for one in read], default=0)
    return [gauge(mine, _spacing_ns(read), stale_ns=stale_ns) for mine in points.values()]


def memory_slack_ns(case: Case, history: RolloutHistory) -> int:
    """Time in ns by which a memory condition may begin or end before its measurement: the time since the last measurement, and a second."""
    return _spacing_ns(_read(case, history)) + READ_NS


def _read(case: Case, history: RolloutHistory) -> list[RolloutMemory]:
    """The readings of the candidate's memory, in order of measurement."""
    read = case.evidence.every(RolloutMemory)
    mine = (one for one in read if one.rollout == history.plan.name and one.release == history.plan.candidate)
    return sorted(mine, key=lambda one: one.when_ns)


def _spacing_ns(read: Iterable[RolloutMemory]) -> int:
    """The median time between two measurements of a pod, in ns; at least the reading interval, at most a window of the metrics API."""
    last: dict[str, int] = {}
    apart, longest_ns = [], READ_NS
    for one in read:
        if one.subject in last:
            apart.append(one.when_ns - last[one.subject])
        last[one.subject], longest_ns = one.when_ns, max(longest_ns, _window_ns(one))
    return min(max(round(median(apart)), READ_NS), longest_ns) if apart else READ_NS


def _window_ns(read: RolloutMemory) -> int:
    return round(read.window_s * NS_PER_S)


def _taken(case: Case, history: RolloutHistory) -> list[RolloutReported]:
    """The reports that the platform accepted."""
    sent = case.evidence.every(RolloutReported)
    return [one for one in sent if one.subject == history.plan.name and one.accepted]


def report_fires(case: Case, history: RolloutHistory) -> Firing:
    """When the trigger on reports fires: at the first critical report on the candidate."""
    candidate = history.plan.candidate
    mine = [one for one in _taken(case, history) if one.severity == _SEVERE and one.release == candidate]
    return reported(one.when_ns for one in mine)


def both_reported(case: Case, history: RolloutHistory) -> Receipt:
    """Whether a minor report on the candidate and a critical report on the old release were accepted, but no critical report on the candidate."""
    candidate = history.plan.candidate
    taken = {(one.severity == _SEVERE, one.release == candidate) for one in _taken(case, history)}
    if (True, True) in taken:
        hint = "remove this report from `reports` of the rollout file, then run again"
        return Receipt(ok=False, why="a critical report on the new release was recorded, expected none", hint=hint)
    if not {(False, True), (True, False)} <= taken:
        why = "the minor report on the new release, or the critical report on the old release, was not recorded"
        return Receipt(ok=False, why=why, hint="add both reports to `reports` of the rollout file, then run again")
    return Receipt(ok=True, why="both reports were recorded")
