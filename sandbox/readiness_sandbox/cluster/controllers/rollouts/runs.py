"""AnalysisRuns of a rollout: made of AnalysisTemplates and arguments, observed, terminated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster.controllers.rollouts import sets
from readiness_sandbox.cluster.controllers.rollouts.analysis import phase_of
from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError, known
from readiness_sandbox.cluster.controllers.rollouts.metrics import merged_args, metrics_of
from readiness_sandbox.cluster.controllers.rollouts.spec import AnalysisStep, CanaryStrategy
from readiness_sandbox.cluster.controllers.rollouts.turn import RunView
from readiness_sandbox.cluster.controllers.view import reference
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.cluster.store import controller_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from readiness_sandbox.cluster.controllers.rollouts.arguments import Analysis
    from readiness_sandbox.cluster.controllers.rollouts.spec import BlueGreenStrategy
    from readiness_sandbox.cluster.controllers.rollouts.turn import StartRun
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Object, Store

GROUP: Final = "argoproj.io/v1alpha1"
_TEMPLATE: Final = frozenset({"metrics", "args", "dryRun", "measurementRetention"})
KEPT: Final = 10
"""Completed runs that are kept of a rollout, the newest."""


def analyses(strategy: CanaryStrategy | BlueGreenStrategy) -> Iterator[Analysis]:
    """Every analysis that a strategy names."""
    if isinstance(strategy, CanaryStrategy):
        yield from (step.analysis for step in strategy.steps if isinstance(step, AnalysisStep))
        named = [strategy.background]
    else:
        named = [strategy.before, strategy.after]
    yield from (each for each in named if each is not None)


def made(store: Store, rollout: Object, analysis: Analysis, hashes: Mapping[str, str]) -> Object:
    """The spec of a run: the metrics of all templates, and their arguments with values.

    Args:
        store: where the templates are.
        rollout: whose namespace they are in.
        analysis: what it names.
        hashes: for the placeholders `{latest}` and `{stable}`.

    Raises:
        SpecError: a template that is not there or has a field that is not served, an argument without a value, a metric that cannot be followed,
            or, of an analysis that something waits for, one that never ends.
    """
    templates = [_template(store, rollout, name) for name in analysis.templates]
    given = [{"name": name, "value": hashes.get(value, value)} for name, value in analysis.args]
    named = f"AnalysisTemplate {', '.join(analysis.templates)}"
    spec: Object = {
        "metrics": [each for template in templates for each in template["spec"].get("metrics") or ()],
        "args": merged_args(templates, given),
    }
    for name, rules in analysis.rules:
        every = [*rules, *(each for template in templates for each in template["spec"].get(name) or ())]
        spec |= {name: every} if every else {}
    try:
        metrics = metrics_of(spec)
    except SpecError as error:
        raise SpecError(f"{named}: {error}") from None
    for metric in metrics:
        if metric.measurements is None and not analysis.background:
            raise SpecError(f"{named}: metric {metric.name!r} runs without an end; hint: give it a count")
    return spec


def versions(store: Store, rollout: Object, analysis: Analysis) -> tuple[str, ...]:
    """The resource versions of the templates that an analysis names; empty for one that does not exist."""
    kind, namespace = _kind(store, "AnalysisTemplate"), rollout["metadata"]["namespace"]
    there = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in store.list(kind, namespace)}
    return tuple(there.get(name, "") for name in analysis.templates)


def _template(store: Store, rollout: Object, name: str) -> Object:
    try:
        template = store.get(_kind(store, "AnalysisTemplate"), rollout["metadata"]["namespace"], name)
    except StatusError:
        raise SpecError(f"spec.strategy: AnalysisTemplate {name!r} not found") from None
    known(template["spec"], _TEMPLATE, f"AnalysisTemplate {name}: spec")
    return template


def observed(store: Store, rollout: Object) -> dict[str, RunView]:
    """The state of the runs of a rollout."""
    return {
        run["metadata"]["name"]: RunView(
            phase=phase_of(run.get("status") or {}), message=str((run.get("status") or {}).get("message") or "")
        )
        for run in _owned(store, rollout)
    }


def start(store: Store, rollout: Object, action: StartRun) -> None:
    """Create the run, and remove the oldest completed ones."""
    status, meta = rollout.get("status") or {}, rollout["metadata"]
    latest = action.hash
    hashes = {"{latest}": latest, "{stable}": status.get("stableRS") or latest}
    labels = {"rollout-type": action.role.value, sets.HASH: latest}
    if action.step is not None:
        labels["step-index"] = str(action.step)
    store.create(
        _kind(store, "AnalysisRun"),
        {
            "metadata": {
                "name": action.name,
                "namespace": meta["namespace"],
                "labels": labels,
                "annotations": {sets.REVISION: str(action.revision)},
                "ownerReferences": [reference(rollout)],
            },
            "spec": made(store, rollout, action.analysis, hashes),
        },
    )
    complete = [run for run in _owned(store, rollout) if phase_of(run.get("status") or {}).completed]
    oldest = sorted(complete, key=lambda run: int(run["metadata"]["resourceVersion"]))
    for run in oldest[: max(0, len(oldest) - KEPT)]:
        store.delete(_kind(store, "AnalysisRun"), meta["namespace"], run["metadata"]["name"])


def stop(store: Store, rollout: Object, name: str) -> None:
    """Ask a run to end, as `kubectl argo rollouts terminate analysisrun` does."""
    kind = _kind(store, "AnalysisRun")
    run = store.get(kind, rollout["metadata"]["namespace"], name)
    store.update(kind, {**run, "spec": {**run["spec"], "terminate": True}})


def _owned(store: Store, rollout: Object) -> list[Object]:
    uid = rollout["metadata"]["uid"]
    every = store.list(_kind(store, "AnalysisRun"), rollout["metadata"]["namespace"])
    return [run for run in every if (controller_of(run) or {}).get("uid") == uid]


def _kind(store: Store, name: str) -> Kind:
    kind = store.kinds.by_api_version(GROUP, name)
    if kind is None:
        raise SpecError(f"spec.strategy: the cluster does not serve {name}")
    return kind
