"""StressChaos: stress in the containers that it selects, as long as it exists, with Chaos Mesh's status."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

from harness import clock
from harness.sandbox.cluster.controllers.chaos.selection import chosen, selected
from harness.sandbox.cluster.controllers.view import POD, key
from harness.sandbox.cluster.durations import seconds
from harness.sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.sandbox.cluster.recorder import Recorder
    from harness.sandbox.cluster.store import Object, Store

GROUP: Final = "chaos-mesh.org/v1alpha1"
PAUSE: Final = "experiment.chaos-mesh.org/pause"


class Stressor(Protocol):
    """The kubelets, as far as they stress containers."""

    def stress(self, pod: Object, container: str, stressors: Object) -> None:
        """Begin to stress a container. Raises StatusError when it does not run, or when that is too much."""
        ...

    def relieve(self, pod_uid: str, container: str) -> None:
        """End it; nothing when there is none."""
        ...


@dataclass(slots=True)
class _Record:
    """One container that was selected."""

    pod: Object
    container: str
    injected: bool = False
    counts: dict[str, int] = field(default_factory=lambda: {"injectedCount": 0, "recoveredCount": 0})
    events: list[Object] = field(default_factory=list)

    def happened(self, operation: str, kind: str, message: str = "") -> None:
        event: Object = {"operation": operation, "type": kind, "timestamp": clock.wall_text()}
        self.events.append(event | ({"message": message} if message else {}))

    def as_json(self) -> Object:
        return {
            "id": "/".join((*key(self.pod), self.container)),
            "selectorKey": ".",
            "phase": "Injected" if self.injected else "Not Injected",
            **self.counts,
            "events": self.events,
        }


@dataclass(slots=True)
class _Experiment:
    """What is known of one resource: its containers, chosen once, and since when it runs."""

    records: list[_Record]
    since_s: float
    over: bool = False


class StressChaos:
    """All StressChaos of the cluster."""

    def __init__(self, store: Store, kubelets: Stressor, record: Recorder) -> None:
        self._store = store
        self._kubelets = kubelets
        self._record = record
        self._random = Random()
        self._known: dict[str, _Experiment] = {}

    def reconcile(self) -> None:
        """Begin what is new, end what is over, paused or deleted."""
        kind = self._store.kinds.by_api_version(GROUP, "StressChaos")
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

    def _begun(self, chaos: Object) -> _Experiment:
        pods = chosen(chaos["spec"], selected(chaos, self._store.list(POD)), self._random)
        if not pods:
            self._record(chaos, "Warning", "Failed", "Failed to select targets: no pod is selected")
        names = chaos["spec"].get("containerNames")
        records = [_Record(pod, each) for pod in pods for each in names or [pod["spec"]["containers"][0]["name"]]]
        return _Experiment(records, clock.now_s())

    def _inject(self, chaos: Object, experiment: _Experiment) -> None:
        for each in experiment.records:
            if each.injected or (each.events and each.events[-1]["type"] == "Failed"):
                continue
            try:
                self._kubelets.stress(each.pod, each.container, chaos["spec"]["stressors"])
            except StatusError as error:
                each.happened("Apply", "Failed", error.message)
                self._record(chaos, "Warning", "Failed", f"Failed to apply chaos: {error.message}")
            else:
                each.injected = True
                each.counts["injectedCount"] += 1
                each.happened("Apply", "Succeeded")
                self._record(
                    chaos,
                    "Normal",
                    "Applied",
                    f"Successfully apply chaos for {'/'.join(key(each.pod))}/{each.container}",
                )

    def _recover(self, experiment: _Experiment) -> None:
        for each in experiment.records:
            if each.injected:
                self._kubelets.relieve(each.pod["metadata"]["uid"], each.container)
                each.injected = False
                each.counts["recoveredCount"] += 1
                each.happened("Recover", "Succeeded")


def _status(experiment: _Experiment, *, running: bool, paused: bool) -> Object:
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
