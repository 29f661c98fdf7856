"""Records of a rollout that contradict themselves or the plan, so that nothing can be judged by them.

A run writes each of these records once, in this order: the start, the steps, the rollback, the end. Another order, or a second start, means
that one record contains two rollouts, or was not written by one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Final

from harness.model import Observation
from harness.model.observations import (
    RolloutBack,
    RolloutEnded,
    RolloutStarted,
    RolloutStatus,
    RolloutStep,
    every,
)
from harness.model.planned.rollout import ReversedBy, RolloutPlan, percent

_DEGRADED: Final = "Degraded"
"""The phase of an object whose controller has reacted to an abort."""


def contradiction(plan: RolloutPlan, release: str, mine: Sequence[Observation]) -> str:
    """The contradiction in the record of a rollout, or between the record and the plan, in words.

    Empty if there is none.

    Args:
        plan: plan of the rollout.
        release: the release that the candidate replaces.
        mine: records of this rollout.
    """
    started, backs = list(every(RolloutStarted, mine)), list(every(RolloutBack, mine))
    ended = list(every(RolloutEnded, mine))
    for what, times in (("began", len(started)), ("was taken back", len(backs)), ("ended", len(ended))):
        if times > 1:
            return f"the rollout {what} {times} times"
    against = (
        _of_another(plan, release, started[0], ended),
        _lacking(plan, started[0]),
        _out_of_order(mine, started[0]),
        _aborted(mine, backs),
    )
    return next(chain.from_iterable(against), "")


def _of_another(
    plan: RolloutPlan, release: str, started: RolloutStarted, ended: Sequence[RolloutEnded]
) -> Iterator[str]:
    """Texts about recorded releases that differ from the planned ones."""
    for what, recorded, planned in (
        ("to", started.candidate, plan.candidate),
        ("from", started.stable, release),
        *(("back to", one.release, release) for one in ended if one.ok),
    ):
        if recorded != planned:
            yield f"the rollout went {what} {recorded or 'no release'}, expected {planned}"


def _lacking(plan: RolloutPlan, started: RolloutStarted) -> Iterator[str]:
    """Texts about objects of the plan without a record whether they were changed."""
    known = {*started.objects, *started.unchanged}
    for place in plan.namespaces:
        for name in plan.names:
            if (subject := f"{plan.kind} {place}/{name}") not in known:
                yield f"no record shows whether {subject} was changed"


def _out_of_order(mine: Sequence[Observation], started: RolloutStarted) -> Iterator[str]:
    """Texts about events in the wrong order, and about steps that do not grow."""
    steps, backs = list(every(RolloutStep, mine)), list(every(RolloutBack, mine))
    moments = [(started.when_ns, "the beginning")]
    moments += [(one.when_ns, f"the {percent(one.share)} % step") for one in steps]
    moments += [(one.when_ns, "the rollback") for one in backs]
    moments += [(one.when_ns, "the end") for one in every(RolloutEnded, mine)]
    for (before_ns, before), (at_ns, now) in pairwise(moments):
        if at_ns < before_ns:
            yield f"wrong order of the records: {now} was recorded before {before}"
    for one, following in pairwise(steps):
        if following.share <= one.share:
            yield f"the rollout reached the {percent(following.share)} % step after the {percent(one.share)} % step"
    spans = [(one.since_ns, one.when_ns, one.subject) for one in steps]
    spans += [(one.since_ns, one.when_ns, one.subject) for one in backs]
    spans += [(one.since_ns, one.when_ns, one.subject) for one in every(RolloutStatus, mine)]
    for since_ns, at_ns, subject in spans:
        if since_ns > at_ns:
            yield f"the record of a change of {subject} has an end before its beginning"


def _aborted(mine: Sequence[Observation], backs: Sequence[RolloutBack]) -> Iterator[str]:
    """Texts about objects that their controller aborted before the harness sent the command to roll back, so that the platform began the rollback."""
    for back in backs:
        for one in every(RolloutStatus, mine) if back.by == ReversedBy.HAND else ():
            if one.aborted and one.phase == _DEGRADED and one.when_ns < back.since_ns:
                yield f"the record names a rollback by hand, but {one.subject} had been aborted before"
