"""The memory of a rollout's pods: recorded when it was measured, and once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.errors import DriverError
from harness.model.planned.trigger import Signal
from harness.run.acts.rollout.signals import SignalReader
from tests.builders.records import Records
from tests.fake_clock import BEGUN_S, FakeClock

POD = {
    "metadata": {"name": "a", "labels": {"version": "1.1.0"}},
    "spec": {"containers": [{"name": "main", "resources": {"limits": {"memory": "100Mi"}}}]},
}


class Measured:
    """A cluster with one pod, whose memory was measured at a time; None: the metrics API does not answer."""

    def __init__(self) -> None:
        self.at_s: float | None = None
        self.memory = "50Mi"

    def customs(self, _api: str, _kind: str, _namespace: str) -> list[dict[str, Any]]:
        """As `Cluster.customs`."""
        if self.at_s is None:
            raise DriverError("no answer")
        written = datetime.fromtimestamp(self.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        containers = [{"name": "main", "usage": {"cpu": "1m", "memory": self.memory}}]
        return [{"metadata": {"name": "a"}, "timestamp": written, "window": "15.2s", "containers": containers}]

    def pods(self, _namespace: str) -> list[dict[str, Any]]:
        """As `Cluster.pods`."""
        return [POD]


def read(clock: FakeClock, measured: list[float | None]) -> list[Mapping[str, Any]]:
    """What is recorded of readings a second apart, each of a measurement at that second since the clock began."""
    cluster, kept = Measured(), Records()
    plan = SimpleNamespace(name="canary", triggers=[SimpleNamespace(signal=Signal.MEMORY)], reports=[])
    context = SimpleNamespace(target=SimpleNamespace(rollout=None))
    for number, at_s in enumerate(measured):
        clock.sleep(1.0)
        if number == 0:
            reader = SignalReader(cast("Any", plan), cast("Any", context), cast("Any", cluster), ["north"], kept)
        cluster.at_s = None if at_s is None else BEGUN_S + at_s
        reader.poll(0.25)
        while reader._memory.busy:
            reader._memory.record()
    reader.close()
    assert {one.subject for one in kept.kept} == {"north/a"}
    return kept.of("rollout.memory")


def test_the_moment_is_that_of_the_measurement(clock: FakeClock) -> None:
    """One that was read thirty seconds later has been there for thirty seconds."""
    begun_ns = clock.now_ns
    clock.sleep(60.0)
    (found,) = read(clock, [31.0])
    assert found["at_ns"] - begun_ns == pytest.approx(31e9, abs=1e6)
    assert (found["share"], found["window_s"], found["release"]) == (0.5, 15.2, "1.1.0")


def test_a_measurement_that_is_repeated_is_one(clock: FakeClock) -> None:
    """The metrics API shows its last one until the next; without an answer nothing is known."""
    begun_ns = clock.now_ns
    found = read(clock, [0.0, 0.0, 0.0, None, 3.0, 3.0])
    assert [round((one["at_ns"] - begun_ns) / 1e9) for one in found] == [0, 3]


def test_a_clock_of_the_cluster_that_is_ahead_shows_nothing_of_later(clock: FakeClock) -> None:
    """At the latest it was measured when it was read."""
    begun_ns = clock.now_ns
    (found,) = read(clock, [9.0])
    assert found["at_ns"] == begun_ns + 10**9
