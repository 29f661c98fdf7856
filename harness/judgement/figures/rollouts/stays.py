"""The steps of each object of a rollout, in its own order, and how long the object stayed at each.

A step of the rollout begins and ends with the last object; only the statuses of each object show the steps of a faster object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from harness.judgement.figures.rollouts.history import RolloutHistory, with_shares
from harness.model.observations import RolloutStatus
from harness.model.planned.rollout import percent
from harness.units import NS_PER_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """One object at one step.

    Attributes:
        subject: the object.
        share: planned share of the step; 0: before the first step.
        given: share that the object reported.
        came_since_ns, came_ns: the object came to the step between these two times.
        left_since_ns, left_ns: the object left the step between these two times, for another step or by the rollback.
        left_step: the object's own step number in the first reading after the step; None: it reports none, or was taken back.
        next_share: share of the next step; None: no next step, as the rollout was taken back or its record ends.
        hidden: steps at which the object may have been just before this step, while it was not read.
    """

    subject: str
    share: float
    given: float
    came_since_ns: int
    came_ns: int
    left_since_ns: int
    left_ns: int
    left_step: int | None = None
    next_share: float | None = None
    hidden: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """`25 %`."""
        return f"{percent(self.share)} %"

    @property
    def least_s(self) -> float:
        """Smallest possible length of the stay, in s."""
        return max(self.left_since_ns - self.came_ns, 0) / NS_PER_S

    @property
    def most_s(self) -> float:
        """Greatest possible length of the stay, in s."""
        return (self.left_ns - self.came_since_ns) / NS_PER_S

    @property
    def unread_s(self) -> float:
        """Time between the first reading at the step and the reading before it, in s."""
        return (self.came_ns - self.came_since_ns) / NS_PER_S

    @property
    def resolution_s(self) -> float:
        """Uncertainty of the beginning and of the end of the stay, in s."""
        return max(self.came_ns - self.came_since_ns, self.left_ns - self.left_since_ns) / NS_PER_S


UNREAD_NS: Final = NS_PER_S
"""Longest time in ns between two readings in which an object cannot have come to a step and left it; objects are read several times a second."""


def may_hide(steps: Sequence[float], before: float, share: float, since_ns: int, at_ns: int) -> list[float]:
    """The planned steps between two shares that may have been missed between two readings.

    Empty if the readings are close enough.
    """
    return [one for one in steps if before < one < share] if at_ns - since_ns > UNREAD_NS else []


def stays_of(history: RolloutHistory) -> Mapping[str, tuple[Stay, ...]]:
    """The stays of every object at steps, in order of time, until the rollout was taken back.

    Empty for an object without a status.
    """
    subjects = sorted({*history.objects, *(one.subject for one in history.statuses)})
    return {subject: _stays(history, subject) for subject in subjects}


def _stays(history: RolloutHistory, subject: str) -> tuple[Stay, ...]:
    """Each run of statuses that are nearest to one step."""
    back = history.back
    end_ns, end_since_ns = (history.until_ns,) * 2 if back is None else (back.when_ns, back.since_ns)
    own = [one for one in history.statuses if one.subject == subject and one.when_ns < end_ns]
    runs: list[
        tuple[float, RolloutStatus, list[RolloutStatus]]
    ] = []  # step, the first status before or at it, then the statuses at it
    for one, given in with_shares(own):
        if given is None or one.aborted:
            continue
        share = _step_near(given, history.plan.steps)
        if share != (runs[-1][0] if runs else 0.0):
            runs.append((share, one, []))
        if runs and one.share is not None:
            runs[-1][2].append(one)
    found = []
    for number, (share, _, there) in enumerate(runs):
        came = there[0]  # never empty: the object reported the share within this time
        following = runs[number + 1] if number + 1 < len(runs) else None
        before = runs[number - 1][0] if number else 0.0
        left = following[1] if following else None
        found.append(
            Stay(
                subject=subject,
                share=share,
                given=min((one.share for one in there if one.share is not None), key=partial(_apart, share)),
                came_since_ns=came.since_ns,
                came_ns=came.when_ns,
                left_since_ns=left.since_ns if left else end_since_ns,
                left_ns=left.when_ns if left else end_ns,
                left_step=left.step if left else None,
                next_share=following[0] if following else None,
                hidden=tuple(may_hide(history.plan.steps, before, share, came.since_ns, came.when_ns)),
            )
        )
    return tuple(found)


def _step_near(share: float, steps: Sequence[float]) -> float:
    """The step that is nearest to a share, the lower one if two are equally near; 0: before all steps."""
    return min((0.0, *steps), key=lambda step: (_apart(share, step), step))


def _apart(one: float, other: float) -> float:
    return round(abs(one - other), 9)
