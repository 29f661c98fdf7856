"""Loads under a clock that only moves in a sleep: as long as the sentence, the metrics API and the autoscaler need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.drivers.scale import Holding, hold_levels, holding, spike
from harness.drivers.scale.scaled import CpuReading, Scaled, Usage
from harness.drivers.scale.times import (
    DOWN_AS_DEFAULT,
    UP_AS_DEFAULT,
    ScalingPace,
    reached_within_s,
    rest_within_s,
    risen_within_s,
)
from harness.errors import DriverError
from harness.model import Demand
from harness.targets.kubernetes import Cluster
from tests.builders.records import Records
from tests.fake_clock import FakeClock

HOLD = {"workload": "web", "resource": "cpu", "low": "60 %", "high": "85 %", "hold": "6 min"}
IDLE = 0.1


@dataclass
class Service:
    """A service with two pods and an autoscaler, whose usage is measured in windows that follow each other.

    Attributes:
        climb_s: so long its usage takes from one load to the next.
        window_s: of the metrics API, which shows the last whole window. up, down: what its autoscaler says of itself. time_scale: it is so much faster.
        stresses: since when each was there, until when, and for how long it would have been.
        loads: what it used since each moment, over its request.
    """

    clock: FakeClock
    window_s: float
    up: ScalingPace = UP_AS_DEFAULT
    down: ScalingPace = DOWN_AS_DEFAULT
    time_scale: float = 1.0
    target: float = 0.7
    stresses: list[list[float]] = field(default_factory=list)
    loads: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, IDLE)])
    risen: int = 0
    climb_s: float = 0.0
    above_s: float = 0.0
    changed_s: float = 0.0

    def now_s(self) -> float:
        """Of the clock."""
        return self.clock.monotonic()

    def load_at(self, at_s: float) -> float:
        """What it uses at a moment; stress that is too old has ended itself."""
        (_, before), (since, load) = [(0.0, 0.0), *(one for one in self.loads if one[0] <= at_s)][-2:]
        over = bool(self.stresses) and load != IDLE and at_s - since > self.stresses[-1][2]
        part = min((at_s - since) / self.climb_s, 1.0) if self.climb_s and load > before > 0 else 1.0
        return IDLE if over else before + part * (load - before)

    def mean(self) -> float:
        """Of the last whole window, with ten points in it."""
        end_s = self.now_s() // self.window_s * self.window_s
        return sum(self.load_at(end_s - self.window_s * (point + 0.5) / 10) for point in range(10)) / 10

    def replicas(self) -> int:
        """The autoscaler acts when it is read."""
        now_s, mean = self.now_s(), self.mean()
        if mean > 1.1 * self.target:
            self.above_s = now_s
            if now_s - self.changed_s >= self.up.period_s / self.time_scale:
                self.risen, self.changed_s = self.risen + 1, now_s
        elif self.risen and now_s - self.above_s >= self.down.window_s / self.time_scale:
            self.risen = 0
        return 2 + self.risen

    @contextmanager
    def stressed(
        self, _here: object, stressors: Mapping[str, Any], _target: object, _platform: object, *, needs_s: float
    ) -> Iterator[None]:
        """As `stressed`, by the added share of the request."""
        stress = [self.now_s(), 0.0, needs_s]
        self.stresses.append(stress)
        self.loads.append((self.now_s(), self.loads[-1][1] + stressors["added"]))
        yield
        stress[1] = self.now_s()
        self.loads.append((self.now_s(), self.loads[-1][1] - stressors["added"]))


class ScaledService:
    """As `Scaled`."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.subject, self.least = "north/web", 2
        self.up, self.down = service.up, service.down

    def replicas(self) -> int:
        """Now."""
        return self.service.replicas()

    def pods(self) -> list[dict[str, Any]]:
        """Two, whatever the replicas are."""
        return [{"metadata": {"name": name}} for name in ("a", "b")]

    def at_rest(self) -> bool:
        """Whether it has two."""
        return self.replicas() == self.least

    def usage(self, _resource: str) -> Usage:
        """Of the last window."""
        return Usage(mean=self.service.mean(), pods=2)

    def cpu_readings(self) -> list[CpuReading]:
        """Those of another pod, with longer windows, count for nothing."""
        windows = {"a": self.service.window_s, "other": 900.0}
        return [CpuReading(pod=name, cores=0.1, until_s=0.0, window_s=each) for name, each in windows.items()]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A clock that only moves in a sleep."""
    return FakeClock.installed(monkeypatch)


def given(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    params: Mapping[str, str],
    *,
    elsewhere: Sequence[str] = (),
    workload: str = "",
) -> Records:
    """What is recorded of a load."""
    sink, here = Records("scale"), ScaledService(service)

    def found(_target: object, workload: str) -> ScaledService:
        if workload == "bare":
            raise DriverError("north/bare has a container without a resource request for cpu")
        return here

    monkeypatch.setattr(holding, "cheapest", lambda *_: here)
    monkeypatch.setattr(holding, "find_scaled", found)
    monkeypatch.setattr(holding, "every_service", lambda *_: ["bare", "portal", "web", "wiki"])
    monkeypatch.setattr(holding, "stressed", service.stressed)
    monkeypatch.setattr(holding, "stressors_for", lambda _here, _resource, added: {"added": added})
    now = Holding(
        demand=Demand(kind="scale", name=name, params=params),
        workload=workload,
        target=cast("Any", SimpleNamespace(time_scale=service.time_scale, cpu_scale=1.0)),
        platform=cast("Any", None),
        sink=sink,
        alive=lambda: None,
        elsewhere=elsewhere,
    )
    {"hold": hold_levels, "spike": spike}[name](now)
    return sink


@pytest.mark.parametrize("window_s", [15.0, 60.0])
def test_at_scale_1_both_levels_are_held_for_as_long_as_the_sentence_says(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, window_s: float
) -> None:
    """Six minutes at 60 %, and a rise at 85 %; one attempt is enough, as it may take until its windows are measured."""
    service = Service(clock, window_s=window_s)
    sink = given(service, monkeypatch, "hold", HOLD)
    low, high = sink.of("scale.ended")
    assert (low["ok"], low["mean"]) == (True, pytest.approx(0.6, abs=0.06))
    assert (high["highest"] < 0.92, service.risen) == (True, 0)
    assert len(service.stresses) == 2
    assert all(ended - begun < needs for begun, ended, needs in service.stresses)
    reached = sink.of("scale.reached")[0]["at_ns"]
    assert (low["at_ns"] - reached) / 1e9 >= 360
    assert max(one["usage"] for one in sink.of("scale.usage")) < 0.92  # no more than the level was given


def test_without_a_name_every_service_is_given_both_levels(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other: each takes a stress for the lower level, and one that is added for the higher. One that the act names is loaded alone.

    One to which another sentence of the run gives these levels gets them once; one that cannot be loaded is named, and keeps no other from its load.
    """
    service = Service(clock, window_s=15.0)
    unnamed = {key: value for key, value in HOLD.items() if key != "workload"}
    sink = given(service, monkeypatch, "hold", unnamed, elsewhere=["portal"])
    assert [one["why"] for one in sink.of("scale.failed")] == [
        "north/bare has a container without a resource request for cpu"
    ]
    assert [ended["level"] for ended in sink.of("scale.ended")] == [0.6, 0.85, 0.6, 0.85]
    sink = given(Service(clock, window_s=15.0), monkeypatch, "hold", unnamed, workload="web")
    assert [ended["level"] for ended in sink.of("scale.ended")] == [0.6, 0.85]
    low, high, next_low, next_high = service.stresses
    assert low[0] < high[0] < high[1] <= low[1] <= next_low[0] < next_high[0] < next_high[1] <= next_low[1]


def test_a_level_is_waited_for_while_the_usage_climbs_to_it(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine takes half a minute to hand out what is asked for: no load begins anew for that, and the higher level begins at the lower one."""
    service = Service(clock, window_s=3.0, climb_s=30.0, target=0.75)
    sink = given(service, monkeypatch, "hold", {**HOLD, "hold": "6 s"})
    assert [(one["level"], one["ok"]) for one in sink.of("scale.ended")] == [(0.6, True), (0.85, True)]
    assert len(service.stresses) == 2
    assert sink.of("scale.begun")[1]["mean"] == pytest.approx(0.6, abs=0.06)
    low, high = (one["at_ns"] for one in sink.of("scale.ended"))
    assert min(one["usage"] for one in sink.of("scale.usage") if low < one["at_ns"] < high) > 0.5


def test_a_spike_lasts_until_a_slow_autoscaler_has_grown_three_times(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three minutes between two scale-ups, and five minutes before it falls: at scale 60 they are seconds."""
    for time_scale, window_s, most_s in ((1.0, 15.0, 700.0), (60.0, 0.5, 24.0)):
        service = Service(
            clock, window_s=window_s, up=ScalingPace(window_s=60.0, period_s=180.0), time_scale=time_scale
        )
        sink = given(service, monkeypatch, "spike", {})
        replicas = [one["replicas"] for one in sink.of("scale.usage")]
        ((begun, ended, needs),) = service.stresses
        assert max(replicas) == 5
        assert ended - begun < needs <= most_s
        assert sink.of("scale.ended")[0]["ok"]


def test_the_times_of_the_sandbox_are_as_they_were() -> None:
    """12 s for a level, 24 s for a spike, a minute and some seconds to come to rest; with windows of 3 s and the sandbox's own autoscaler."""
    here = Scaled(
        cluster=cast("Cluster", None),
        namespace="north",
        name="web",
        least=2,
        requests={},
        labels={},
        up=ScalingPace(window_s=60.0, period_s=180.0),
    )
    reached_s = reached_within_s([CpuReading(pod="a", cores=0.1, until_s=0.0, window_s=3.0)])
    assert (reached_s, risen_within_s(here, reached_s, 60.0)) == (12.0, 24.0)
    assert rest_within_s(here, 5, 60.0) == 60 + (300 + 3 * 15) / 60
    assert rest_within_s(here, 5, 1.0) == 60 + 300 + 3 * 15


@pytest.mark.parametrize(
    ("behavior", "up", "down"),
    [
        (None, ScalingPace(window_s=0.0, period_s=15.0), ScalingPace(window_s=300.0, period_s=15.0)),
        (
            {"scaleUp": {"stabilizationWindowSeconds": 60, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 180}]}},
            ScalingPace(window_s=60.0, period_s=180.0),
            ScalingPace(window_s=300.0, period_s=15.0),
        ),
        ({"scaleDown": {"stabilizationWindowSeconds": 0}}, ScalingPace(window_s=0.0, period_s=15.0), ScalingPace(window_s=0.0, period_s=15.0)),
    ],
    ids=["default", "slow", "down at once"],
)  # fmt: skip
def test_the_pace_of_an_autoscaler_is_what_it_says(
    behavior: dict[str, Any] | None, up: ScalingPace, down: ScalingPace
) -> None:
    """What it leaves out is as the Kubernetes API has it by default."""
    autoscaler = {"spec": {"behavior": behavior} if behavior else {}}
    assert (ScalingPace.of(autoscaler, "scaleUp"), ScalingPace.of(autoscaler, "scaleDown")) == (up, down)


def test_a_usage_that_was_high_before_the_load_spoils_no_level(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pods were busy with something else when they were read: the first level is corrected by what was missing, the second is reached at once."""
    service = Service(clock, window_s=15.0)
    service.loads = [(0.0, 0.4), (clock.monotonic() + 2.0, IDLE)]
    sink = given(service, monkeypatch, "hold", HOLD)
    assert [(one["level"], one["ok"]) for one in sink.of("scale.ended")] == [(0.6, True), (0.85, True)]
    assert len(service.stresses) == 3
    assert [one["level"] for one in sink.of("scale.begun")] == [0.6, 0.6, 0.85]
