"""strategy.canary: steps in order, each completed before the next.

The stable set serves what the canary does not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.rollouts import shares
from readiness_sandbox.cluster.controllers.rollouts.analysis import AnalysisPhase
from readiness_sandbox.cluster.controllers.rollouts.spec import AnalysisStep, PauseStep, SetWeight
from readiness_sandbox.cluster.controllers.rollouts.turn import Notice, PauseReason, RunRole, Weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.controllers.rollouts.spec import CanaryStrategy, Step
    from readiness_sandbox.cluster.controllers.rollouts.turn import TemplateSet, Turn

ALL = 100


def turn_canary(turn: Turn, strategy: CanaryStrategy) -> None:
    """Take one turn."""
    if turn.stable is None:
        _first(turn, strategy)
    elif not turn.updating:
        _settled(turn, strategy)
    else:
        if not turn.aborted:
            _forward(turn, strategy)
        if turn.aborted:  # perhaps only now
            _taken_back(turn, strategy, turn.stable)


def weight_at(steps: Sequence[Step], index: int) -> int:
    """The share in percent that the steps up to and including `index` ask for.

    100 after the last step, 0 before the first setWeight.
    """
    if index >= len(steps):
        return ALL
    weights = [step.weight for step in steps[: index + 1] if isinstance(step, SetWeight)]
    return weights[-1] if weights else 0


def _first(turn: Turn, strategy: CanaryStrategy) -> None:
    """The first template: no steps, no analysis."""
    turn.status["currentStepIndex"] = len(strategy.steps)
    _full(turn, strategy)
    for service in strategy.services:
        turn.select(service, turn.new)
    _weigh(turn, strategy, 0, turn.new)
    if turn.is_full(turn.new):
        _promote(turn)


def _settled(turn: Turn, strategy: CanaryStrategy) -> None:
    """Give all traffic to the stable template, after a promotion or an undo."""
    turn.status |= {"currentStepIndex": len(strategy.steps), "promoteFull": False}
    _full(turn, strategy)
    turn.keep(turn.new)
    for service in strategy.services:
        turn.select(service, turn.new)
    if strategy.stable_service is None or turn.observed.selectors.get(strategy.stable_service) == turn.new.hash:
        _weigh(turn, strategy, 0, turn.new)
    if strategy.route:
        _retire_others(turn, strategy)


def _full(turn: Turn, strategy: CanaryStrategy) -> None:
    """Give every replica to the new template."""
    if strategy.route is None:
        _split(turn, strategy, ALL)
    else:
        turn.scale(turn.new, turn.spec.replicas)


def _taken_back(turn: Turn, strategy: CanaryStrategy, stable: TemplateSet) -> None:
    """Aborted: the stable set serves all, then the new one goes."""
    for service in strategy.services:
        turn.select(service, stable)
    if strategy.route is None:
        _split(turn, strategy, 0)
        return
    turn.scale(stable, turn.spec.replicas)
    turn.keep(stable)
    _weigh(turn, strategy, 0, stable)
    if turn.observed.weight in (None, 0):
        turn.retire(turn.new, strategy.abort_delay_s)
    _retire_others(turn, strategy)


def _forward(turn: Turn, strategy: CanaryStrategy) -> None:
    index = min(int(turn.status.get("currentStepIndex") or 0), len(strategy.steps))
    if turn.status.get("promoteFull"):
        turn.go_on()
        turn.stop_runs()
        index = len(strategy.steps)
    turn.status["currentStepIndex"] = index
    background = strategy.background
    if background is not None and background.starting_step <= index < len(strategy.steps):
        turn.analysed(RunRole.BACKGROUND, background)
        if turn.aborted:
            return
    waits = index < len(strategy.steps) and isinstance(strategy.steps[index], AnalysisStep)
    if not waits and turn.run_status(RunRole.STEP):
        turn.set_run(RunRole.STEP, None)  # it is over, or a person has promoted over it while it goes on
    _shift(turn, strategy, index)
    if index < len(strategy.steps):
        if not turn.spec.paused and _done(turn, strategy, index):
            turn.go_on()
            turn.status["currentStepIndex"] = index + 1
            message = f"Rollout step {index + 1}/{len(strategy.steps)} completed ({_said(strategy.steps[index])})"
            turn.do(Notice("RolloutStepCompleted", message))
    elif not turn.paused and turn.is_full(turn.new) and (strategy.route is None or turn.observed.weight == ALL):
        turn.stop_run(RunRole.BACKGROUND)
        _promote(turn)


def _done(turn: Turn, strategy: CanaryStrategy, index: int) -> bool:
    """Whether the step is complete."""
    step = strategy.steps[index]
    if isinstance(step, PauseStep):
        return turn.pause_is_over(PauseReason.CANARY_STEP, step.seconds)
    if isinstance(step, AnalysisStep):
        return turn.analysed(RunRole.STEP, step.analysis, index) is AnalysisPhase.SUCCESSFUL and not turn.paused
    if turn.paused:
        return False
    if strategy.route is None:
        return _is_split(turn, strategy, step.weight)
    return turn.new.available >= _replicas_for(turn, step.weight) and turn.observed.weight == step.weight


def _shift(turn: Turn, strategy: CanaryStrategy, index: int) -> None:
    """Set the replicas and weights that the step asks for.

    The weight follows the pods: no traffic goes to a set without available pods.
    """
    stable = turn.stable
    assert stable is not None  # noqa: S101 - of an update there is one
    weight = weight_at(strategy.steps, index)
    if strategy.route is None:
        _split(turn, strategy, weight)
        for service in (strategy.stable_service, strategy.canary_service):
            turn.select(service, turn.new if service == strategy.canary_service and turn.new.available else stable)
        return
    count = _replicas_for(turn, weight)
    turn.scale(stable, turn.spec.replicas)
    turn.keep(stable)
    turn.keep(turn.new)
    turn.scale(turn.new, count)
    turn.select(strategy.stable_service, stable)
    if turn.new.available:
        turn.select(strategy.canary_service, turn.new)
    if turn.new.available < max(count, 1):
        weight = min(weight_at(strategy.steps, index - 1) if index else 0, turn.observed.weight or 0)
    if not turn.new.available:
        weight = 0
    if not weight or turn.observed.selectors.get(strategy.canary_service or "") == turn.new.hash:
        _weigh(turn, strategy, weight, stable)
    _retire_others(turn, strategy)


def _split(turn: Turn, strategy: CanaryStrategy, weight: int) -> None:
    """Without a route the share is that of the pods. One set is scaled a turn, and the next turn sees what became of it."""
    canary, stable = _next_shares(turn, strategy, weight)
    if turn.stable is not None and turn.updating and turn.stable.replicas != stable:
        turn.scale(turn.stable, stable)
    elif turn.new.replicas != canary:
        turn.scale(turn.new, canary)
    else:
        others = sorted(turn.others, key=lambda each: each.revision, reverse=True)
        available = sum(each.available for each in turn.observed.sets)
        for each, left in zip(
            others, shares.leaving(_bounds(turn, strategy), [_pods(each) for each in others], available), strict=True
        ):
            turn.scale(each, left)


def _is_split(turn: Turn, strategy: CanaryStrategy, weight: int) -> bool:
    """Whether the pods are there that the weight asks for, and no others; of the stable ones also those that do not serve."""
    stable = turn.stable
    assert stable is not None  # noqa: S101 - of an update there is one
    counts = (turn.new.replicas, stable.replicas)
    there = turn.new.available == turn.new.replicas and stable.existing == stable.replicas
    return there and counts == _next_shares(turn, strategy, weight) and not any(each.available for each in turn.others)


def _next_shares(turn: Turn, strategy: CanaryStrategy, weight: int) -> shares.PodShares:
    stable = _pods(turn.stable) if turn.stable is not None and turn.updating else None
    others = sum(each.replicas for each in turn.others)
    return shares.step(_bounds(turn, strategy), weight, _pods(turn.new), stable, others)


def _bounds(turn: Turn, strategy: CanaryStrategy) -> shares.PodBounds:
    return shares.PodBounds(turn.spec.replicas, strategy.max_surge, strategy.max_unavailable)


def _pods(each: TemplateSet) -> shares.Pods:
    return shares.Pods(each.replicas, each.available)


def _replicas_for(turn: Turn, weight: int) -> int:
    return math.ceil(turn.spec.replicas * weight / ALL)


def _retire_others(turn: Turn, strategy: CanaryStrategy) -> None:
    for each in turn.others:
        turn.retire(each, strategy.scale_down_delay_s)


def _weigh(turn: Turn, strategy: CanaryStrategy, weight: int, stable: TemplateSet) -> None:
    if strategy.route is None:
        return
    if (turn.observed.weight, turn.observed.in_progress) != (weight, turn.updating):
        turn.do(Weigh(weight, turn.updating))
    if turn.observed.weight != weight:
        turn.do(Notice("TrafficWeightUpdated", f"Traffic weight updated from {turn.observed.weight or 0} to {weight}"))
    canary = turn.new.hash if turn.updating and not turn.aborted else stable.hash
    weights = {
        "canary": {"weight": weight, "serviceName": strategy.canary_service, "podTemplateHash": canary},
        "stable": {"weight": ALL - weight, "serviceName": strategy.stable_service, "podTemplateHash": stable.hash},
    }
    turn.status["canary"] = {**(turn.status.get("canary") or {}), "weights": weights}


def _promote(turn: Turn) -> None:
    """Make the new set the stable one; its Service follows in the next turn, then the weight."""
    turn.status |= {"stableRS": turn.new.hash, "promoteFull": False}
    turn.do(Notice("RolloutCompleted", f"Rollout completed update to revision {turn.new.revision} ({turn.new.hash})"))


def _said(step: Step) -> str:
    if isinstance(step, SetWeight):
        return f"setWeight: {step.weight}"
    if isinstance(step, AnalysisStep):
        return "analysis"
    return "pause" if step.seconds is None else f"pause: {step.seconds:g}s"
