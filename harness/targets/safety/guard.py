"""Refuses runs, experiments and rollouts that a target does not allow, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import Refused
from harness.model import NO_FAULT, ExperimentPlan, Hit
from harness.model.planned.rollout import RolloutPlan
from harness.targets.files.target import MayBreak, Target


def guard_target(target: Target, allow_target: str = "") -> None:
    """Refuse a production-like target whose name was not typed in full.

    A target is production-like if it has `environment: production`, or does not have `disposable: true`.

    Raises:
        Refused: the name is missing or wrong.
    """
    if target.breakable:
        return
    if allow_target != target.name:
        typed = f"`--allow-target {allow_target}` is not its name" if allow_target else "`--allow-target` is missing"
        raise Refused(
            f"{target.name} is {'a production target' if target.environment == 'production' else 'not disposable'}, and {typed}",
            where=str(target.file),
            hint=f"pass `--allow-target {target.name}` to confirm that this run may send load and probes there, "
            "and faults that `may_break` allows",
        )


def guard_experiment(target: Target, experiment: ExperimentPlan) -> None:
    """Refuse an experiment that the target does not allow; an experiment without a fault is always allowed.

    Raises:
        Refused: the target is production-like, and `may_break` does not name it.
    """
    if experiment.domain != NO_FAULT.name:
        _entry(target, "experiment", experiment.name)


def guard_rollout(target: Target, rollout: RolloutPlan) -> None:
    """Refuse a rollout that the target does not allow, or that changes objects missing in the target file.

    Raises:
        Refused: the target is production-like, and `may_break` lacks the rollout or an object that it changes.
    """
    entry = _entry(target, "rollout", rollout.name)
    foreign = sorted({*rollout.names} - {*entry.workloads}) if entry and entry.workloads else []
    if foreign:
        raise _refusal(target, "rollout", rollout.name, f"it would change {', '.join(foreign)}")


def guard_replaced(target: Target, rollout: str, pods: int) -> None:
    """Refuse a rollout that would replace more pods than the target allows, when their number is known.

    Raises:
        Refused: the rollout would replace too many pods.
    """
    entry = _entry(target, "rollout", rollout)
    if entry is not None and entry.max_pods is not None and pods > entry.max_pods:
        raise _refusal(target, "rollout", rollout, f"it would replace {pods} pods, `max_pods` allows {entry.max_pods}")


def guard_hits(target: Target, experiment: str, hits: Iterable[Hit]) -> None:
    """Refuse an action that would hit more than the target allows, when the affected pods are known.

    Raises:
        Refused: the action would hit a workload that is missing in `may_break`, or too many pods.
    """
    entry = _entry(target, "experiment", experiment)
    if entry is None:
        return
    pods = [hit for hit in hits if hit.kind == "pod"]
    foreign = sorted({_named(hit) for hit in pods if hit.workload not in entry.workloads}) if entry.workloads else []
    if foreign:
        raise _refusal(target, "experiment", experiment, f"it would hit {', '.join(foreign)}")
    if entry.max_pods is not None and len(pods) > entry.max_pods:
        why = f"it would hit {len(pods)} pods, `max_pods` allows {entry.max_pods}"
        raise _refusal(target, "experiment", experiment, why)


def _named(hit: Hit) -> str:
    return hit.workload or f"the pod {hit.namespace}/{hit.name}, which has no label `app`"


def _entry(target: Target, kind: str, name: str) -> MayBreak | None:
    """The entry of `may_break` for an experiment or a rollout; None if everything is allowed."""
    if target.breakable:
        return None
    entry = next((entry for entry in target.may_break if getattr(entry, kind) == name), None)
    if entry is None:
        raise _refusal(target, kind, name, "it is missing in `may_break`")
    return entry


def _refusal(target: Target, kind: str, name: str, why: str) -> Refused:
    return Refused(
        f"{target.name} does not allow the {kind} {name}: {why}",
        where=str(target.file),
        hint=f"to allow it, add this to `may_break`: {{{kind}: {name}, workloads: […], max_pods: …}}",
    )
