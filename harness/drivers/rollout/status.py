"""Reads the status of rollout objects from their JSON, with one pure function per kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.targets.cluster.selectors import selector_text

if TYPE_CHECKING:
    from harness.targets.kubernetes import Object

HEALTHY, PROGRESSING, PAUSED, DEGRADED = "Healthy", "Progressing", "Paused", "Degraded"
"""Phases as Argo Rollouts names them; the status of other kinds uses the same names."""
REVISION: Final = "deployment.kubernetes.io/revision"
_MOST_WEIGHT: Final = 100
"""Weight of all traffic, unless a Rollout sets another weight."""
WORKLOAD_GENERATION: Final = "rollout.argoproj.io/workload-generation"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectStatus:
    """Progress of one object.

    Attributes:
        phase: `Healthy`, `Progressing`, `Paused` or `Degraded`.
        message: reason for the phase, in the product's words.
        share: share of users on the current template, or of replicas without a router; None: not reported.
        step: number of the step, from 0; None: the object has no steps.
        current: hash of the current template.
        stable: hash of the template for a rollback.
        pause: reason of a pause.
        aborted: whether the rollout was aborted.
        switched: whether all requests go to the current template.
        observed: whether the status belongs to the present spec.
        overlooked: whether the controller has not yet processed the last write (a spec, the end of a pause, an abort).
    """

    phase: str
    message: str = ""
    share: float | None = None
    step: int | None = None
    current: str = ""
    stable: str = ""
    pause: str = ""
    aborted: bool = False
    switched: bool = False
    observed: bool = True
    overlooked: bool = False

    @property
    def at_rest(self) -> bool:
        """Whether the object has fully reached its spec."""
        return self.phase == HEALTHY and self.switched


def read_rollout(obj: Object) -> ObjectStatus:
    """The status of a `Rollout` of Argo Rollouts, computed like its clients do.

    Source: `utils/rollout/rolloututil.go`, GetRolloutPhase. The status of an older generation does not count for the
    present spec. A pause counts as ended when it was lifted, before the phase shows it.
    """
    spec, status = obj["spec"], obj.get("status") or {}
    conditions = status.get("pauseConditions") or []
    phase, message = str(status.get("phase") or PROGRESSING), str(status.get("message") or "")
    observed, unpaused = _observed(obj), bool(status.get("controllerPause")) and not conditions
    if not observed:
        phase, message = PROGRESSING, "waiting for rollout spec update to be observed"
    elif unpaused:
        phase, message = PROGRESSING, "waiting for rollout to unpause"
    current, stable = str(status.get("currentPodHash") or ""), str(status.get("stableRS") or "")
    settled = bool(current) and current == stable
    blue_green = "blueGreen" in (spec.get("strategy") or {})
    active = (status.get("blueGreen") or {}).get("activeSelector")
    routing = ((spec.get("strategy") or {}).get("canary") or {}).get("trafficRouting") or {}
    share = float(active == current) if blue_green else 1.0 if settled else _canary_share(status, routing)
    return ObjectStatus(
        phase=phase,
        message=message,
        share=share,
        step=status.get("currentStepIndex"),
        current=current,
        stable=stable,
        pause=next((str(one.get("reason", "")) for one in conditions), "manually paused" if spec.get("paused") else ""),
        aborted=bool(status.get("abort")),
        switched=observed and (bool(active) and active == current if blue_green else settled or share == 1.0),
        observed=observed,
        overlooked=not observed or unpaused or (bool(status.get("abort")) and not status.get("abortedAt")),
    )


def _observed(obj: Object) -> bool:
    """Whether the status is of the present spec, and of the present workload that it refers to.

    Generations are texts; what is not a number counts as observed.
    """
    status, meta = obj.get("status") or {}, obj["metadata"]
    workload = (meta.get("annotations") or {}).get(WORKLOAD_GENERATION, "")
    pairs = [(status.get("observedGeneration"), meta.get("generation"))]
    pairs += [(status.get("workloadObservedGeneration"), workload)] if obj["spec"].get("workloadRef") else []
    return all(not str(seen).isdigit() or str(seen) == str(given) for seen, given in pairs)


def _canary_share(status: Mapping[str, Any], routing: Mapping[str, Any]) -> float | None:
    """The weight that traffic is routed by over the most that it may be; without such routing the share of the pods.

    It is unknown before it is written, and until a router that is asked says that it is in effect: the controller's own
    step waits for that.
    """
    weights = (status.get("canary") or {}).get("weights") or {}
    if weights.get("verified") is False:  # null where the router cannot be asked
        return None
    if "canary" in weights:
        return float(weights["canary"].get("weight", 0)) / (routing.get("maxTrafficWeight") or _MOST_WEIGHT)
    if routing:
        return None
    replicas = int(status.get("replicas") or 0)
    return int(status.get("updatedReplicas") or 0) / replicas if replicas else None


def read_deployment(obj: Object) -> ObjectStatus:
    """The status of a `Deployment`, computed like `kubectl rollout status` does."""
    spec, status, meta = obj["spec"], obj.get("status") or {}, obj["metadata"]
    expected = int(spec.get("replicas", 1))
    total, updated = int(status.get("replicas") or 0), int(status.get("updatedReplicas") or 0)
    available = int(status.get("availableReplicas") or 0)
    seen = int(status.get("observedGeneration") or 0) >= int(meta.get("generation") or 0)
    late = any(
        condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded"
        for condition in status.get("conditions") or ()
    )
    phase, message = PROGRESSING, ""
    if not seen:
        message = "waiting for deployment spec update to be observed"
    elif late:
        phase, message = DEGRADED, "exceeded its progress deadline"
    elif spec.get("paused"):
        phase, message = PAUSED, "manually paused"
    elif updated < expected:
        message = f"{updated} of {expected} new replicas have been updated"
    elif total > updated:
        message = f"{total - updated} old replicas are pending termination"
    elif available < updated:
        message = f"{available} of {updated} updated replicas are available"
    else:
        phase = HEALTHY
    return ObjectStatus(
        phase=phase,
        message=message,
        share=updated / total if seen and total else None,
        current=str((meta.get("annotations") or {}).get(REVISION, "")),
        pause="manually paused" if spec.get("paused") else "",
        switched=phase == HEALTHY,
        observed=seen,
    )


def read_service(obj: Object, pods: Iterable[Object], endpoints: Object | None) -> ObjectStatus:
    """The status of a `Service` with a switched selector.

    The switch is complete when the endpoints are exactly the ready selected pods.

    Args:
        obj: contents of the Service.
        pods: pods that the selector selects.
        endpoints: Endpoints object with the name of the Service.
    """
    selector = obj["spec"].get("selector") or {}
    ready = {_address(pod) for pod in pods if _ready(pod)}
    subsets = (endpoints or {}).get("subsets") or []
    there = {address["ip"] for subset in subsets for address in subset.get("addresses") or ()}
    current = selector_text(selector)
    done = bool(ready) and there == ready
    if not ready:
        message = f"no ready pod is selected by {current}"
    else:
        message = "" if done else f"{len(there & ready)} of {len(ready)} selected pods are endpoints"
    return ObjectStatus(
        phase=HEALTHY if done else PROGRESSING,
        message=message,
        share=len(there & ready) / len(there) if there else None,
        current=current,
        switched=done,
    )


def _ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _address(pod: Object) -> str:
    return str((pod.get("status") or {}).get("podIP", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisStatus:
    """The status of one AnalysisRun.

    Attributes:
        name: name of the object.
        kind: `Step`, `Background`, `PrePromotion` or `PostPromotion`.
        step: number of the step, from 0, for an analysis of kind `Step`.
        phase: `Pending`, `Running`, `Successful`, `Failed`, `Error` or `Inconclusive`.
        message: reason for the phase.
        measured: smallest number of measurements of a metric without dry run; 0 for a run that was ended early
            (`spec.terminate`), since its phase is then always Successful.
        metrics: name, phase, counts, kept values and conditions of each metric.
    """

    name: str
    kind: str
    step: int | None
    phase: str
    message: str
    measured: int
    metrics: tuple[Mapping[str, Any], ...]


_COUNTS: Final = ("count", "successful", "failed", "inconclusive", "error")
_CONDITIONS: Final = ("successCondition", "failureCondition")


def read_analysis(obj: Object) -> AnalysisStatus:
    """The status of an `AnalysisRun` of Argo Rollouts."""
    labels, status = obj["metadata"].get("labels") or {}, obj.get("status") or {}
    results: Sequence[Mapping[str, Any]] = status.get("metricResults") or ()
    conditions = {
        str(one.get("name", "")): [str(one[key]) for key in _CONDITIONS if one.get(key)]
        for one in obj["spec"].get("metrics") or ()
    }
    metrics = tuple(
        {
            "name": str(one.get("name", "")),
            "phase": str(one.get("phase", "")),
            **{key: int(one.get(key) or 0) for key in _COUNTS},
            "values": [str(each.get("value", "")) for each in one.get("measurements") or ()],
            "conditions": conditions.get(str(one.get("name", "")), []),
            **({"dry_run": True} if one.get("dryRun") else {}),
        }
        for one in results
    )
    counted = [int(one.get("count") or 0) for one in results if not one.get("dryRun")]
    declared = len(obj["spec"].get("metrics") or ())
    step = str(labels.get("step-index", ""))
    return AnalysisStatus(
        name=str(obj["metadata"]["name"]),
        kind=str(labels.get("rollout-type", "")),
        step=int(step) if step.isdigit() else None,
        phase=str(status.get("phase") or "Pending"),
        message=str(status.get("message") or ""),
        measured=min(counted, default=0) if len(results) >= declared and not obj["spec"].get("terminate") else 0,
        metrics=metrics,
    )
