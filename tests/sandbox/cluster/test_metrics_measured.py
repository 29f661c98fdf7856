"""What the machinery measures, as kubelets expose it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.view import NODE
from readiness_sandbox.cluster.metrics.measured import COUNTED_FOR_S, ClusterMeters
from readiness_sandbox.cluster.store import Store
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    import pytest

    from readiness_sandbox.cluster.kubelet.usage import ContainerRate, UsageSample
    from readiness_sandbox.cluster.store import Object


class NoContainers:
    """Kubelets that have nothing to measure."""

    def usage(self, _pod: Object) -> list[tuple[str, UsageSample]]:
        """None runs."""
        return []

    def rates(self, _pod: Object) -> list[ContainerRate] | None:
        """None runs."""
        return []


class CountingNetwork:
    """A network that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def traffic(self) -> dict[str, tuple[int, int]]:
        """Nobody sends."""
        self.asked += 1
        return {}


def test_one_answer_of_the_network_serves_all_kubelets_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question stops the API server until it is answered; the next scrape asks again."""
    clock, store, network = FakeClock.installed(monkeypatch), Store(), CountingNetwork()
    for name in ("north-1", "north-2"):
        store.create(NODE, {"metadata": {"name": name}, "spec": {}, "status": {}})
    meters = ClusterMeters(store, NoContainers(), network)
    for _ in range(2):
        for name in ("north-1", "north-2"):
            meters.exposition(name, "/metrics/cadvisor")
    assert network.asked == 1
    clock.now_ns += round(COUNTED_FOR_S * 1e9) + 1
    meters.exposition("north-1", "/metrics/cadvisor")
    assert network.asked == 2
