"""StressChaos: stress in the containers that it selects, as long as it exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from readiness_sandbox.cluster.controllers.chaos.resources import ChaosRecord, ChaosResources
from readiness_sandbox.cluster.controllers.view import key

if TYPE_CHECKING:
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store


class Stressor(Protocol):
    """The kubelets, as far as they stress containers."""

    def stress(self, pod: Object, container: str, stressors: Object) -> int:
        """Begin to stress a container, and return the number of this stress. Raises StatusError when it does not run, or when that is too much."""
        ...

    def relieve(self, stress: int) -> None:
        """End it; nothing when it was ended before."""
        ...


class StressChaos(ChaosResources):
    """All StressChaos of the cluster: a record is of a container, of those named or of the first of each pod."""

    kind = "StressChaos"

    def __init__(self, store: Store, kubelets: Stressor, record: Recorder) -> None:
        super().__init__(store, record)
        self._kubelets = kubelets
        self._stress: dict[int, int] = {}
        """By the identity of the record."""

    def records(self, chaos: Object, pods: list[Object]) -> list[ChaosRecord]:
        """The containers."""
        names = chaos["spec"].get("containerNames")
        return [
            ChaosRecord(pod, "/".join((*key(pod), each)))
            for pod in pods
            for each in names or [pod["spec"]["containers"][0]["name"]]
        ]

    def inject(self, chaos: Object, record: ChaosRecord) -> None:
        """Begin to stress one."""
        self._stress[id(record)] = self._kubelets.stress(record.pod, _container(record), chaos["spec"]["stressors"])

    def recover(self, record: ChaosRecord) -> None:
        """End that."""
        self._kubelets.relieve(self._stress.pop(id(record)))


def _container(record: ChaosRecord) -> str:
    return record.id.rpartition("/")[2]
