"""A rollout as a pure state machine.

Spec, status, what was observed, and the time ─▶ the next status and the actions.

    decide(spec, status, observed, now) ─▶ TurnDecision(status, actions)

All state is in the objects: whoever applies only some of the actions and loses the status goes on from what exists and ends on one release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.rollouts.blue_green import turn_blue_green
from readiness_sandbox.cluster.controllers.rollouts.canary import turn_canary
from readiness_sandbox.cluster.controllers.rollouts.spec import CanaryStrategy
from readiness_sandbox.cluster.controllers.rollouts.turn import Notice, Turn, TurnDecision
from readiness_sandbox.cluster.timestamps import micro_timestamp, passed_s

if TYPE_CHECKING:
    from datetime import datetime

    from readiness_sandbox.cluster.controllers.rollouts.spec import RolloutSpec
    from readiness_sandbox.cluster.controllers.rollouts.turn import Observed
    from readiness_sandbox.cluster.store import Object

COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "HPAReplicas")


def decide(spec: RolloutSpec, status: Object, observed: Observed, now: datetime) -> TurnDecision:
    """Take one turn.

    It is called again with its own status and the result of its actions until nothing changes.
    """
    turn = Turn(spec, status, observed, now)
    _meet_template(turn)
    _obey(turn)
    if isinstance(spec.strategy, CanaryStrategy):
        turn_canary(turn, spec.strategy)
    else:
        turn_blue_green(turn, spec.strategy)
    turn.stop_strays()
    _report(turn, status)
    return TurnDecision({name: value for name, value in turn.status.items() if value is not None}, tuple(turn.actions))


def refused(status: Object, why: str, generation: int, now: datetime) -> Object:
    """The status of a rollout whose spec cannot be followed: nothing else is touched."""
    message = f"The Rollout is invalid: {why}"
    invalid = _condition(status, "InvalidSpec", "InvalidSpec", message, micro_timestamp(now), holds=True)
    conditions = [*(each for each in status.get("conditions") or () if each["type"] != "InvalidSpec"), invalid]
    phase = {"phase": "Degraded", "message": f"InvalidSpec: {message}", "observedGeneration": str(generation)}
    return {**status, **phase, "conditions": conditions}


def _meet_template(turn: Turn) -> None:
    """Begin anew when the template, or the list of steps, is another than in the turn before."""
    strategy = turn.spec.strategy
    steps_hash = strategy.steps_hash if isinstance(strategy, CanaryStrategy) else ""
    known = turn.status.get("currentPodHash"), turn.status.get("currentStepHash", "")
    if known == (turn.new.hash, steps_hash):
        return
    turn.stop_runs()
    turn.status |= {
        "currentPodHash": turn.new.hash,
        "currentStepHash": steps_hash,
        "controllerPause": False,
        "pauseConditions": None,
        "abort": False,
        "abortedAt": None,
        "promoteFull": False,
        "message": "",
    }
    turn.forget_runs()
    skips = False
    if isinstance(strategy, CanaryStrategy):
        skips = turn.updating and _close_rollback(turn)
        turn.status["currentStepIndex"] = len(strategy.steps) if skips or not turn.updating else 0
        if turn.stable is not None and (skips or not turn.updating):
            turn.do(Notice("SkipSteps", f"Rollback to stable ReplicaSet: revision {turn.new.revision}"))
    if turn.updating and not skips:
        turn.do(Notice("RolloutUpdated", f"Rollout updated to revision {turn.new.revision}"))


def _close_rollback(turn: Turn) -> bool:
    """Whether the template is an older one within the rollback window.

    The age of the set decides, not its revision, which an undo raises.
    """
    stable = turn.stable
    if stable is None or not turn.new.created < stable.created:
        return False
    newer = [each for each in turn.observed.sets if turn.new.created < each.created <= stable.created]
    return len(newer) <= turn.spec.rollback_revisions


def _obey(turn: Turn) -> None:
    """What a person has patched into the status."""
    status = turn.status
    if status.get("abort") and not status.get("abortedAt"):
        if turn.updating:
            turn.abort("")
        else:
            status["abort"] = False  # there is nothing to take back
    elif not status.get("abort") and status.get("abortedAt"):
        turn.go_on()
        turn.forget_runs()  # the abort terminated them, and a terminated run is Successful: the steps are analysed anew
        status |= {"abortedAt": None, "message": ""}
        turn.do(Notice("RolloutRetried", f"Rollout retries its update to revision {turn.new.revision}"))
    if status.get("promoteFull") and not turn.updating:
        status["promoteFull"] = False


def _report(turn: Turn, before: Object) -> None:
    """Counts, conditions, phase and message."""
    sets = turn.observed.sets
    turn.status |= {
        "replicas": sum(each.existing for each in sets),
        "updatedReplicas": turn.new.existing,
        "readyReplicas": sum(each.ready for each in sets),
        "availableReplicas": sum(each.available for each in sets),
        "HPAReplicas": sum(each.existing for each in sets),
        "observedGeneration": str(turn.observed.generation),
    }
    if _overdue(turn, before) and turn.spec.progress_deadline_abort and turn.updating and not turn.aborted:
        turn.abort("", told=_timed_out(turn))  # the status does not keep the cause
    phase, message = _phase(turn, before)
    turn.status |= {"phase": phase, "message": message, "conditions": _conditions(turn, before, phase, message)}


def _phase(turn: Turn, before: Object) -> tuple[str, str]:
    """(phase, message) in the controller's own order."""
    status = turn.status
    conditions = status.get("pauseConditions") or []
    if turn.aborted:
        return "Degraded", str(status.get("message") or "RolloutAborted: Rollout aborted")
    if _overdue(turn, before):
        return "Degraded", f"ProgressDeadlineExceeded: {_timed_out(turn)}"
    if turn.spec.paused:
        return "Paused", "manually paused"
    if conditions:
        return "Paused", str(conditions[0]["reason"])
    waits = _waits_for(turn)
    return ("Progressing", waits) if waits else ("Healthy", "")


def _waits_for(turn: Turn) -> str:
    """What a rollout that goes on waits for; empty when it is done."""
    new, strategy = turn.new, turn.spec.strategy
    if isinstance(strategy, CanaryStrategy):
        return _canary_waits_for(turn, strategy)
    if new.existing < turn.spec.replicas:
        return "more replicas need to be updated"
    if new.available < turn.spec.replicas:
        return "updated replicas are still becoming available"
    if turn.observed.selectors.get(strategy.active_service) != new.hash:
        return "active service cutover pending"
    return "waiting for analysis to complete" if turn.updating or turn.stable is None else ""


def _canary_waits_for(turn: Turn, strategy: CanaryStrategy) -> str:
    new = turn.new
    if new.available < new.replicas or (not turn.updating and not turn.is_full(new)):
        return "updated replicas are still becoming available"
    if turn.updating or (strategy.route is not None and turn.observed.weight != 0):
        return "waiting for all steps to complete"
    if strategy.route is None and any(each.existing for each in turn.others):
        return "old replicas are pending termination"
    return ""


def _overdue(turn: Turn, before: Object) -> bool:
    """Whether there was no progress for the progress deadline while replicas are missing."""
    if turn.paused or turn.aborted or turn.new.available >= turn.new.replicas:
        return False
    since = _progressing(before).get("lastUpdateTime")
    return not _moved(turn, before) and passed_s(since, turn.now) >= turn.spec.progress_deadline_s


def _moved(turn: Turn, before: Object) -> bool:
    names = (*COUNTS, "currentPodHash", "currentStepIndex", "stableRS", "abort")
    return any(turn.status.get(name) != before.get(name) for name in names)


def _timed_out(turn: Turn) -> str:
    return f'ReplicaSet "{turn.spec.name}-{turn.new.hash}" has timed out progressing.'


def _progressing(status: Object) -> Object:
    return next((each for each in status.get("conditions") or () if each["type"] == "Progressing"), {})


def _conditions(turn: Turn, before: Object, phase: str, message: str) -> list[Object]:
    now = micro_timestamp(turn.now)
    resumed = before.get("phase") == "Paused" and phase != "Paused"
    since = now if _moved(turn, before) or resumed else _progressing(before).get("lastUpdateTime", now)
    reason = message.partition(":")[0] if phase == "Degraded" else f"Rollout{phase}"
    available = sum(each.available for each in turn.observed.sets) >= turn.spec.replicas
    completed = not turn.updating and turn.stable is not None
    progressing = _condition(before, "Progressing", reason, message, now, holds=phase != "Degraded")
    return [
        _condition(before, "Available", "AvailableReason", "", now, holds=available),
        {**progressing, "lastUpdateTime": since},
        _condition(before, "Paused", "RolloutPaused", "", now, holds=phase == "Paused"),
        _condition(before, "Completed", "RolloutCompleted", "", now, holds=completed),
        _condition(before, "Healthy", "RolloutHealthy", "", now, holds=phase == "Healthy"),
    ]


def _condition(before: Object, kind: str, reason: str, message: str, now: str, *, holds: bool) -> Object:
    """A condition; its transition time moves only when its status does."""
    status = "True" if holds else "False"
    old: Object = next((each for each in before.get("conditions") or () if each["type"] == kind), {})
    since = old["lastTransitionTime"] if old.get("status") == status else now
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}
