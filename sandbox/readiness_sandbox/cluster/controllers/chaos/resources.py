"""What all chaos resources have in common: chosen once, injected as long as they exist, with Chaos Mesh's status."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, ClassVar, Final

from harness import clock
from readiness_sandbox.cluster.controllers.chaos.selection import chosen, selected
from readiness_sandbox.cluster.controllers.view import POD
from readiness_sandbox.cluster.durations import seconds
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store

GROUP: Final = "chaos-mesh.org/v1alpha1"
PAUSE: Final = "experiment.chaos-mesh.org/pause"


@dataclass(slots=True)
class ChaosRecord:
    """One thing that was selected, a pod or a container of it.

    Attributes:
        id: `namespace/pod` or `namespace/pod/container`.
    """

    pod: Object
    id: str
    injected: bool = False
    counts: dict[str, int] = field(default_factory=lambda: {"injectedCount": 0, "recoveredCount": 0})
    events: list[Object] = field(default_factory=list)

    def happened(self, operation: str, kind: str, message: str = "") -> None:
        """Add an event: `Apply` or `Recover`, `Succeeded` or `Failed`."""
        event: Object = {"operation": operation, "type": kind, "timestamp": clock.wall_text()}
        self.events.append(event | ({"message": message} if message else {}))

    def as_json(self) -> Object:
        """One of `status.experiment.containerRecords`."""
        return {
            "id": self.id,
            "selectorKey": ".",
            "phase": "Injected" if self.injected else "Not Injected",
            **self.counts,
            "events": self.events,
        }


@dataclass(slots=True)
class _RunningChaos:
    """What is known of one resource: what it selected, once, and since when it runs."""

    records: list[ChaosRecord]
    since_s: float
    over: bool = False


class ChaosResources:
    """All chaos resources of one kind.

    Attributes:
        kind: as `kind` of the resource.
    """

    kind: ClassVar[str]

    def __init__(self, store: Store, record: Recorder) -> None:
        self._store = store
        self._record = record
        self._random = Random()
        self._known: dict[str, _RunningChaos] = {}

    def records(self, chaos: Object, pods: list[Object]) -> list[ChaosRecord]:
        """What a resource is to hit in the pods that were chosen."""
        raise NotImplementedError

    def inject(self, chaos: Object, record: ChaosRecord) -> None:
        """Begin with one of them. Raises StatusError where that is not possible."""
        raise NotImplementedError

    def recover(self, record: ChaosRecord) -> None:
        """End it."""
        raise NotImplementedError

    def chosen(self, spec: Object, chaos: Object) -> list[Object]:
        """The pods that a selector and a mode mean."""
        pods = selected({**chaos, "spec": spec}, self._store.list(POD))
        return chosen(spec, pods, self._random)

    def reconcile(self) -> None:
        """Begin what is new, end what is over, paused or deleted."""
        kind = self._store.kinds.by_api_version(GROUP, self.kind)
        found: Mapping[str, Object] = (
            {} if kind is None else {each["metadata"]["uid"]: each for each in self._store.list(kind)}
        )
        for uid in [uid for uid in self._known if uid not in found]:
            self._recover(self._known.pop(uid))
        for uid, chaos in found.items():
            experiment = self._known.get(uid) or self._begun(chaos)
            self._known[uid] = experiment
            paused = (chaos["metadata"].get("annotations") or {}).get(PAUSE) == "true"
            duration = chaos["spec"].get("duration")
            experiment.over |= duration is not None and clock.now_s() - experiment.since_s >= seconds(duration)
            running = not (experiment.over or paused)
            if running:
                self._inject(chaos, experiment)
            else:
                self._recover(experiment)
            status = _status(experiment, running=running, paused=paused)
            if kind is not None:
                self._store.update(kind, {**chaos, "status": status})

    def _begun(self, chaos: Object) -> _RunningChaos:
        pods = self.chosen(chaos["spec"], chaos)
        if not pods:
            self._record(chaos, "Warning", "Failed", "Failed to select targets: no pod is selected")
        return _RunningChaos(self.records(chaos, pods), clock.now_s())

    def _inject(self, chaos: Object, experiment: _RunningChaos) -> None:
        for each in experiment.records:
            if each.injected or (each.events and each.events[-1]["type"] == "Failed"):
                continue
            try:
                self.inject(chaos, each)
            except StatusError as error:
                each.happened("Apply", "Failed", error.message)
                self._record(chaos, "Warning", "Failed", f"Failed to apply chaos: {error.message}")
            else:
                each.injected = True
                each.counts["injectedCount"] += 1
                each.happened("Apply", "Succeeded")
                self._record(chaos, "Normal", "Applied", f"Successfully apply chaos for {each.id}")

    def _recover(self, experiment: _RunningChaos) -> None:
        for each in experiment.records:
            if each.injected:
                self.recover(each)
                each.injected = False
                each.counts["recoveredCount"] += 1
                each.happened("Recover", "Succeeded")


def _status(experiment: _RunningChaos, *, running: bool, paused: bool) -> Object:
    """Conditions as Chaos Mesh has them: AllRecovered is true before injection too, both are false without a target."""
    injected = [each.injected for each in experiment.records]
    some = bool(injected)
    conditions = {
        "Selected": some,
        "AllInjected": some and all(injected),
        "AllRecovered": some and not any(injected),
        "Paused": paused,
    }
    return {
        "conditions": [{"type": name, "status": "True" if holds else "False"} for name, holds in conditions.items()],
        "experiment": {
            "desiredPhase": "Run" if running else "Stop",
            "containerRecords": [each.as_json() for each in experiment.records],
        },
    }
