"""The autoscaler's loop: read usage, decide, write the scale of the target, and say why in status and events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness import clock
from readiness_sandbox.cluster import kinds, views
from readiness_sandbox.cluster.controllers.autoscaling.behavior import AutoscalerPast, decide
from readiness_sandbox.cluster.controllers.autoscaling.proposals import MetricError, Proposal, propose
from readiness_sandbox.cluster.controllers.autoscaling.reading import behavior_of, pod_usage, source_of, target_of
from readiness_sandbox.cluster.controllers.view import POD, write_status
from readiness_sandbox.cluster.kubelet.status import with_condition
from readiness_sandbox.cluster.quantities import from_milli
from readiness_sandbox.cluster.scale import scale_of, with_replicas
from readiness_sandbox.cluster.selectors import Selector
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.scales import TIME_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.kubelet.usage import ContainerRate
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store

AUTOSCALER = kinds.by_name("HorizontalPodAutoscaler")


class RateSource(Protocol):
    """The kubelets, as far as an autoscaler asks them."""

    def rates(self, pod: Object) -> Sequence[ContainerRate] | None:
        """What the containers of a pod use now; None while one has not been measured twice."""
        ...


class _Stopped(Exception):
    """The loop of one autoscaler ends here; its status says why."""


@dataclass(frozen=True, slots=True)
class _ScaleTarget:
    """What is scaled, as it is stored, and its Scale."""

    kind: Kind
    obj: Object
    scale: Object


@dataclass(frozen=True, slots=True)
class _Wish:
    """What all metrics together ask for: replicas, and the words of the event when it is carried out."""

    replicas: int
    why: str


class Autoscalers:
    """All HorizontalPodAutoscalers; `reconcile` once a second, in place of Kubernetes' 15 s."""

    def __init__(self, store: Store, source: RateSource, record: Recorder) -> None:
        self._store = store
        self._source = source
        self._record = record
        self._past: dict[str, AutoscalerPast] = {}

    def reconcile(self) -> None:
        """One round."""
        found = self._store.list(AUTOSCALER)
        living = {each["metadata"]["uid"] for each in found}
        self._past = {uid: past for uid, past in self._past.items() if uid in living}
        for each in found:
            _Round(self._store, self._source, self._record, each, self._past).run()


class _Round:
    """One autoscaler, once."""

    def __init__(
        self, store: Store, source: RateSource, record: Recorder, autoscaler: Object, past: dict[str, AutoscalerPast]
    ) -> None:
        self._store = store
        self._source = source
        self._record = record
        self._autoscaler = autoscaler
        self._past = past
        self._uid: str = autoscaler["metadata"]["uid"]
        self._spec: Object = autoscaler["spec"]
        status = autoscaler.get("status") or {}
        self._conditions: list[Object] = status.get("conditions") or []
        self._metrics: list[Object] = []
        self._status: Object = {key: status[key] for key in ("lastScaleTime",) if key in status}

    def run(self) -> None:
        """Decide and write."""
        try:
            target = self._target()
        except _Stopped:
            return self._write(0, 0)
        current: int = target.scale["spec"]["replicas"]
        self._say("AbleToScale", "SucceededGetScale", "the HPA controller was able to get the target's current scale")
        try:
            desired, why = self._desired(target, current)
        except _Stopped:
            return self._write(current, current)
        if desired != current:
            self._scale(target, desired, why)
        return self._write(current, desired)

    def _target(self) -> _ScaleTarget:
        reference = self._spec["scaleTargetRef"]
        version, name = reference.get("apiVersion", ""), reference["kind"]
        kind = self._store.kinds.by_api_version(version, name)
        if kind is None or "scale" not in kind.subresources:
            why = f'no matches for kind "{name}" in version "{version}" that can be scaled'
        else:
            try:
                obj = self._store.get(views.stored(kind), self._autoscaler["metadata"]["namespace"], reference["name"])
                return _ScaleTarget(views.stored(kind), obj, scale_of(kind, obj))
            except StatusError as missing:
                why = missing.message
        self._fail(
            "AbleToScale", "FailedGetScale", f"the HPA controller was unable to get the target's current scale: {why}"
        )
        raise _Stopped

    def _desired(self, target: _ScaleTarget, current: int) -> tuple[int, str]:
        """Replicas, and the words of the event."""
        behavior = behavior_of(self._spec)
        if current == 0:
            self._say(
                "ScalingActive",
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
                status="False",
            )
            return 0, ""
        if current > behavior.most:
            return behavior.most, "Current number of replicas above Spec.MaxReplicas"
        if current < behavior.least:
            return behavior.least, "Current number of replicas below Spec.MinReplicas"
        wish = self._wish(target, current)
        decision = decide(wish.replicas, current, behavior, self._past.get(self._uid, AutoscalerPast()), clock.now_s())
        self._past[self._uid] = decision.past
        self._say("AbleToScale", *decision.able)
        self._say("ScalingLimited", *decision.limit, status="True" if decision.limited else "False")
        return decision.replicas, wish.why if decision.replicas > current else "All metrics below target"

    def _wish(self, target: _ScaleTarget, current: int) -> _Wish:
        """The highest proposal; a metric that gives none keeps the replicas from falling."""
        selector = Selector.parse(target.scale["status"]["selector"])
        pods = self._store.list(POD, target.scale["metadata"]["namespace"], labels=selector)
        proposals: list[tuple[Proposal, str]] = []
        failed: tuple[str, str] | None = None
        for metric in self._spec.get("metrics") or ():
            try:
                needed = target_of(metric, self._spec)
                usages = [pod_usage(pod, self._source.rates(pod), metric) for pod in pods]
                proposal = propose(needed, usages, current, clock.wall().timestamp(), TIME_SCALE)
            except MetricError as error:
                reason = f"FailedGet{metric['type']}Metric"
                failed = failed or (reason, f"failed to get {_named(metric)}: {error}")
                continue
            self._metrics.append(_current(metric, proposal))
            proposals.append((proposal, _named(metric)))
        highest = max(proposals, key=lambda each: each[0].replicas, default=None)
        if failed is not None and (highest is None or highest[0].replicas < current):
            reason, message = failed
            self._fail("ScalingActive", reason, f"the HPA was unable to compute the replica count: {message}")
            raise _Stopped
        assert highest is not None  # noqa: S101 - without a proposal a metric has failed, and there is always a metric
        proposal, name = highest
        self._say(
            "ScalingActive",
            "ValidMetricFound",
            f"the HPA was able to successfully calculate a replica count from {name}",
        )
        return _Wish(proposal.replicas, f"{name} above target")

    def _scale(self, target: _ScaleTarget, desired: int, why: str) -> None:
        before: int = target.scale["spec"]["replicas"]
        try:
            self._store.update(target.kind, with_replicas(target.kind, target.obj, desired))
        except StatusError as refused:
            self._fail(
                "AbleToScale",
                "FailedUpdateScale",
                f"the HPA controller was unable to update the target scale: {refused.message}",
                event="FailedRescale",
            )
            return
        self._say(
            "AbleToScale",
            "SucceededRescale",
            f"the HPA controller was able to update the target scale to {desired}",
        )
        self._record(self._autoscaler, "Normal", "SuccessfulRescale", f"New size: {desired}; reason: {why}")
        self._past[self._uid] = self._past.get(self._uid, AutoscalerPast()).scaled(clock.now_s(), before, desired)
        self._status["lastScaleTime"] = clock.wall_text()

    def _say(self, kind: str, reason: str, message: str, *, status: str = "True") -> None:
        self._conditions = with_condition(self._conditions, kind, status, reason, message, now=clock.wall_text())

    def _fail(self, kind: str, reason: str, message: str, *, event: str = "") -> None:
        """A condition that is false, and an event; equal events are counted."""
        self._say(kind, reason, message, status="False")
        self._record(self._autoscaler, "Warning", event or reason, message)

    def _write(self, current: int, desired: int) -> None:
        status = {
            **self._status,
            "currentReplicas": current,
            "desiredReplicas": desired,
            "currentMetrics": self._metrics,
            "conditions": self._conditions,
        }
        write_status(self._store, AUTOSCALER, self._autoscaler, status)


def _named(metric: Object) -> str:
    """`cpu resource utilization (percentage of request)`: how Kubernetes names a metric."""
    source = source_of(metric)
    what = (
        f"{source.get('name', metric['type'])} {'container ' if metric['type'] == 'ContainerResource' else ''}resource"
    )
    return f"{what} utilization (percentage of request)" if "averageUtilization" in source.get("target", {}) else what


def _current(metric: Object, proposal: Proposal) -> Object:
    """An element of `status.currentMetrics`."""
    source, kind = source_of(metric), metric["type"]
    value: Object = {"averageValue": from_milli(proposal.average)}
    if proposal.utilization is not None:
        value["averageUtilization"] = proposal.utilization
    shown = {key: source[key] for key in ("name", "container") if key in source}
    return {"type": kind, kind[:1].lower() + kind[1:]: {**shown, "current": value}}
