"""What triggers read beside requests: the memory of each pod of the candidate, and the reports of users that the platform took."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Final

from harness.judgement.figures.rollouts.history import RolloutHistory
from harness.judgement.figures.rollouts.triggers import STALE, Firing, SignalReading, gauge, reported
from harness.judgement.measures import Case
from harness.model import Receipt
from harness.model.observations import RolloutMemory, RolloutReported, every
from harness.units import NS_PER_S

READ_NS: Final = NS_PER_S
"""Planned time between two readings of the memory; what the metrics API says is to the second, too."""
_SEVERE: Final = "critical"


def memory(case: Case, history: RolloutHistory) -> list[list[SignalReading]]:
    """The memory of each pod of the candidate over its limit, known from when it was measured.

    A measurement is known until the next one, at most for two windows of the metrics API: one that repeats its last value for longer says nothing.
    """
    read = _read(case, history)
    points: dict[str, list[tuple[int, float]]] = {}
    for one in read:
        points.setdefault(one.subject, []).append((one.when_ns, one.share))
    stale_ns = STALE * max([_window_ns(one) for one in read], default=0)
    return [gauge(mine, _spacing_ns(read), stale_ns=stale_ns) for mine in points.values()]


def memory_slack_ns(case: Case, history: RolloutHistory) -> int:
    """How much sooner a condition of the memory may be there, or gone, than a measurement shows it: since the one before, and a second."""
    return _spacing_ns(_read(case, history)) + READ_NS


def _read(case: Case, history: RolloutHistory) -> list[RolloutMemory]:
    """What was read of the memory of the candidate, in the order in which it was measured."""
    read = every(RolloutMemory, case.evidence.observations)
    mine = (one for one in read if one.rollout == history.plan.name and one.release == history.plan.candidate)
    return sorted(mine, key=lambda one: one.when_ns)


def _spacing_ns(read: Iterable[RolloutMemory]) -> int:
    """The usual time between two measurements of a pod: not less than between two readings, and not more than a window of the metrics API."""
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
    """The reports that the platform took."""
    sent = every(RolloutReported, case.evidence.observations)
    return [one for one in sent if one.subject == history.plan.name and one.accepted]


def report_fires(case: Case, history: RolloutHistory) -> Firing:
    """At the first critical report on the candidate."""
    candidate = history.plan.candidate
    mine = [one for one in _taken(case, history) if one.severity == _SEVERE and one.release == candidate]
    return reported(one.when_ns for one in mine)


def both_reported(case: Case, history: RolloutHistory) -> Receipt:
    """Whether a minor report on the candidate and a critical one on the old release were taken, and no critical one on the candidate."""
    candidate = history.plan.candidate
    taken = {(one.severity == _SEVERE, one.release == candidate) for one in _taken(case, history)}
    if (True, True) in taken:
        hint = "leave it out, then run again"
        return Receipt(ok=False, why="a critical report on the new release was recorded", hint=hint)
    if not {(False, True), (True, False)} <= taken:
        why = "not both a minor report on the new release and a critical one on the old were recorded"
        return Receipt(ok=False, why=why, hint="state both below `reports` of the rollout file, then run again")
    return Receipt(ok=True, why="both reports were recorded")
