"""Watcher of HorizontalPodAutoscalers: changes of their bounds, replicas and conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from harness import clock
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.evidence.histories.history import History
from harness.targets.access import Access, access
from harness.targets.files.target import Target
from harness.targets.kubernetes import Object

PART: Final = "autoscaler"
"""Component that the target file names if the platform has autoscalers."""


class AutoscalerFollower:
    """Follows the autoscalers of one namespace; records `autoscaler.present`, `autoscaler.changed`, `autoscaler.deleted`."""

    def __init__(self, recorder: WatchRecorder, history: History, name: str) -> None:
        self._recorder = recorder
        self._history = history
        self._name = name
        self._known: dict[str, Mapping[str, object]] = {}

    def trouble(self, why: str) -> None:
        """Note that the stream was interrupted."""
        self._recorder.trouble(self._name, why)

    def listed(self, objects: Sequence[Object]) -> None:
        """Process a list of all autoscalers; a known autoscaler that is not in the list was deleted."""
        there = {_subject(obj) for obj in objects}
        for subject in [subject for subject in self._known if subject not in there]:
            self._gone(subject)
        for obj in objects:
            self.changed("MODIFIED", obj)

    def changed(self, event: str, obj: Object) -> None:
        """Record a change of an autoscaler, with its usage; a change of the usage alone is not recorded."""
        subject = _subject(obj)
        if event == "DELETED":
            self._gone(subject)
            return
        said = _said(obj)
        if self._known.get(subject) != said:
            kind = "changed" if subject in self._known else "present"
            self._known[subject] = said
            self._history.put(f"autoscaler.{kind}", subject, at_ns=clock.now_ns(), usage=_usage(obj), **said)

    def _gone(self, subject: str) -> None:
        said = self._known.pop(subject, None)
        if said is not None:
            self._history.put("autoscaler.deleted", subject, at_ns=clock.now_ns(), **said)


def _subject(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _said(obj: Object) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    nothing: Object = {}
    active = next((one for one in status.get("conditions") or [] if one["type"] == "ScalingActive"), nothing)
    return {
        "target": spec["scaleTargetRef"]["name"],
        "least": spec.get("minReplicas", 1),
        "most": spec["maxReplicas"],
        "current": status.get("currentReplicas") or 0,
        "desired": status.get("desiredReplicas") or 0,
        "active": active.get("status") == "True",
        "why": active.get("reason") or "",
        "aims": _percents(spec.get("metrics"), "target"),
    }


def _usage(obj: Object) -> dict[str, int]:
    return _percents((obj.get("status") or {}).get("currentMetrics"), "current")


def _percents(metrics: Iterable[Object] | None, of: str) -> dict[str, int]:
    """By resource, in percent of the request, of metrics that are of that kind."""
    found = {
        one["resource"].get("name", ""): (one["resource"].get(of) or {}).get("averageUtilization")
        for one in metrics or []
        if one.get("resource")
    }
    return {name: percent for name, percent in found.items() if percent is not None}


class AutoscalersWatcher(Watcher):
    """Watches the autoscalers of the target's namespaces."""

    name: ClassVar[str] = "autoscalers"
    file: ClassVar[str] = "history/autoscalers.ndjson"

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `kubernetes` and the autoscaler component."""
        return target.kubernetes is not None and PART in target.parts

    def accesses(self, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the base class's
        """Permissions for one stream per namespace."""
        return access("list,watch horizontalpodautoscalers.autoscaling")

    def per_s(self, rates: Rates) -> float:  # noqa: ARG002 - the base class's
        """0, since the cluster reports changes without probes."""
        return 0.0

    def begin(self, here: Watching) -> None:
        """Start one stream per namespace."""
        if here.target.kubernetes is None:
            return
        places = {(here.target.kubernetes.context, here.target.kubernetes.namespace)}
        places |= {
            (region.context or here.target.kubernetes.context, region.namespace)
            for region in here.target.regions.values()
            if region.namespace
        }
        history = here.recorder.history(self.name)
        for context, namespace in sorted(places):
            follower = AutoscalerFollower(here.recorder, history, self.name)
            path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
            here.follow(self.name, context, path, follower)
