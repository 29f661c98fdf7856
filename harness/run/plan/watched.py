"""For how long experiments and rollouts are watched, as the sentences about them ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.figures import spec_of
from harness.judgement.figures.spec import seconds_for
from harness.model import Claim, ExperimentPlan, Objective, TrafficPlan
from harness.model.planned.rollout import RolloutPlan

Sizes = Mapping[str, TrafficPlan]
"""The planned size of each traffic, by name."""


def watched(experiment: ExperimentPlan, claims: Iterable[Claim], scale: float, traffic: Sizes) -> ExperimentPlan:
    """The experiment with the observation times that its objectives need.

    It is watched at most for the longest scaled limit of their recoveries, and at least for the longest limit of first requests, since
    `none later than 10 s` cannot be known earlier.
    """
    named = [o for claim in claims for o in claim.objectives if experiment.name in o.scope.experiments]
    asked = [(0.0, 0.0), *(spec_of(o.figure).watched(o, scale) for o in named)]
    at_most, at_least = (max(seconds) for seconds in zip(*asked, strict=True))
    after_s = max([experiment.after_s, *(_after_s(o, scale, traffic) for o in named)])
    served_s = max([0.0, *(_answered_s(o, spec_of(o.figure).answers_served, traffic) for o in named)])
    awaits = {*experiment.awaits, *(part for o in named for part in spec_of(o.figure).awaits)}
    return replace(
        experiment,
        observe_s=max(experiment.observe_s, at_most),
        watch_s=max(experiment.watch_s, at_least),
        served_s=served_s,
        after_s=after_s,
        awaits=tuple(sorted(awaits)),
    )


def _after_s(objective: Objective, scale: float, traffic: Sizes) -> float:
    """Time of traffic after a restore that an objective needs: a length of time, and a number of answers."""
    spec = spec_of(objective.figure)
    return max(spec.afterwards(objective, scale), _answered_s(objective, spec.answers_after, traffic))


def _answered_s(objective: Objective, answers: int, traffic: Sizes) -> float:
    size = traffic.get(objective.scope.traffic or "")
    return seconds_for(answers, size.requests_per_s if size is not None else 0.0)


def way_back_watched(rollout: RolloutPlan, claims: Iterable[Claim], scale: float) -> RolloutPlan:
    """The rollout with its rollback observed, without help, for the longest time in the sentences about it."""
    named = [(spec_of(o.figure), o) for claim in claims for o in claim.objectives if o.scope.rollout == rollout.name]
    return replace(
        rollout,
        after_s=max([rollout.after_s, *(spec.afterwards(o, scale) for spec, o in named)]),
        helped_after_s=max([rollout.helped_after_s, *(spec.left_alone(o, scale) for spec, o in named)]),
    )
