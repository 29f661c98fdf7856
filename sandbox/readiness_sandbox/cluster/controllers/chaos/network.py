"""NetworkChaos with the action `partition`: what passes between two groups of pods through Services is dropped, as long as it exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.chaos.resources import ChaosRecord, ChaosResources
from readiness_sandbox.cluster.controllers.view import key
from readiness_sandbox.cluster.statuses import bad_request
from readiness_sandbox.network.seam import Disturbance, Impairment, Seat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store
    from readiness_sandbox.network.seam import LinkImpaired, Network


class NetworkChaos(ChaosResources):
    """All NetworkChaos of the cluster: a record is of a pod of `selector`, which is parted from those of `target`."""

    kind = "NetworkChaos"

    def __init__(self, store: Store, network: Network, record: Recorder) -> None:
        super().__init__(store, record)
        self._network = network
        self._parted: dict[int, LinkImpaired] = {}
        """By the identity of the record."""

    def records(self, chaos: Object, pods: list[Object]) -> list[ChaosRecord]:  # noqa: ARG002 - a pod is a record
        """The pods."""
        return [ChaosRecord(pod, "/".join(key(pod))) for pod in pods]

    def inject(self, chaos: Object, record: ChaosRecord) -> None:
        """Part one of them from the pods of `target`."""
        spec = chaos["spec"]
        others = self.chosen(spec["target"], chaos)
        pairs = [pair for other in others for pair in _pairs(spec.get("direction", "to"), record.pod, other)]
        if not pairs:
            raise bad_request("no pod of `target` with an address is selected")
        self._parted[id(record)] = self._network.impair(pairs, Impairment(kind=Disturbance.BLACKHOLE))

    def recover(self, record: ChaosRecord) -> None:
        """Join it with them again."""
        self._network.heal(self._parted.pop(id(record)))


def _pairs(direction: str, pod: Object, other: Object) -> Iterator[tuple[Seat, Seat]]:
    """Sender and receiver of what is dropped; nothing where one of the two has no address."""
    here, there = _seat(pod), _seat(other)
    if here.address and there.address and here.address != there.address:
        if direction in ("to", "both"):
            yield here, there
        if direction in ("from", "both"):
            yield there, here


def _seat(pod: Object) -> Seat:
    namespace, name = key(pod)
    return Seat(key=f"{namespace}/{name}", namespace=namespace, address=(pod.get("status") or {}).get("podIP") or "")
