"""What triggers read beside requests: the memory of each pod of the candidate, and the reports of users that the platform took."""

from __future__ import annotations

from typing import Final

from harness.judgement.figures.rollouts.history import RolloutHistory
from harness.judgement.figures.rollouts.triggers import Firing, SignalReading, gauge, reported
from harness.judgement.measures import Case
from harness.model import Receipt
from harness.model.observations import RolloutMemory, RolloutReported, every
from harness.units import NS_PER_S

READ_NS: Final = NS_PER_S
"""Planned time between two readings of the memory."""
SLACK_NS: Final = 2 * READ_NS
"""The memory is known a second late, on either side: its condition may be there so much sooner."""
_SEVERE: Final = "critical"


def memory(case: Case, history: RolloutHistory) -> list[list[SignalReading]]:
    """The memory of each pod of the candidate over its limit."""
    points: dict[str, list[tuple[int, float]]] = {}
    for read in every(RolloutMemory, case.evidence.observations):
        if read.rollout == history.plan.name and read.release == history.plan.candidate:
            points.setdefault(read.subject, []).append((read.when_ns, read.share))
    return [gauge(sorted(mine), READ_NS) for mine in points.values()]


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
