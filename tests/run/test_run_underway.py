"""No window opens on a target that does not serve: what is down before the load is not judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest

from harness.drivers.load import LoadSettings
from harness.errors import DriverError
from harness.model import Act, Plan
from harness.model.planned.domain import PartsState
from harness.run import gathering
from harness.run.load import underway
from harness.targets import Target
from tests.builders.conducting import Told, stage
from tests.builders.plans import plan, traffic
from tests.builders.records import Records
from tests.builders.rollout_runs import objective_of, planned
from tests.fake_clock import FakeClock

TARGET = Target(name="shop", environment="staging", entry="http://127.0.0.1:9", website="http://127.0.0.1:10/")


class Steadiness:
    """A target whose reads fail, all or some of them."""

    def __init__(self, down: str) -> None:
        self._down = down

    def wait(self, within_s: float) -> tuple[PartsState, float]:
        """It never becomes steady."""
        return PartsState(ok=False, why="reads: some of 100 requests of the last 5 s succeeded"), within_s

    def down(self) -> str:
        """As given."""
        return self._down


class Load:
    """A load that is asked to stop after half a second, and whose workers take two more to end."""

    rows = ()
    problems = ()

    def __init__(self, settings: LoadSettings, clock: FakeClock, watch: Told) -> None:
        self.settings = settings
        self.begin_ns = clock.now_ns
        self.stopping_ns = 0
        self.told_before_it_stopped: list[str] = []
        self._clock = clock
        self._watch = watch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clock.sleep(0.5)
        self.stopping_ns = self._clock.now_ns
        self.told_before_it_stopped = list(self._watch.calls)
        self._clock.sleep(2.0)

    def alive(self) -> bool:
        """Always."""
        return True


def opened(
    monkeypatch: pytest.MonkeyPatch, down: str, loads: list[Load] | None = None, entry: str = "", of: Plan | None = None
) -> Records:
    """What is recorded of one traffic of a plan on that target; its load goes into `loads`."""
    clock = FakeClock.installed(monkeypatch)
    made = stage(clock, of or plan())

    def load(settings: LoadSettings, _sink: object, **_: object) -> Load:
        started = Load(settings, clock, made.watch)
        if loads is not None:
            loads.append(started)
        return started

    monkeypatch.setattr(underway, "Load", load)
    made.records.kept.clear()
    made.context.target = TARGET
    made.context.sinks = cast("Any", SimpleNamespace(of=Records))
    made.context.directory = cast("Any", SimpleNamespace(path=Path()))
    try:
        with underway.under_way(traffic(entry=entry), made.context, cast("Any", Steadiness(down))):
            pass
    finally:
        assert made.context.underway is None
    return made.records


def test_no_window_opens_on_a_target_that_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends with the reason; nothing is left for an uptime to be judged on."""
    with pytest.raises(
        DriverError, match="shop: the target does not serve requests, so no window was opened: reads: 0 of 100"
    ):
        opened(monkeypatch, "reads: 0 of 100 requests of the last 5 s succeeded")


def test_a_target_that_is_not_steady_and_serves_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that fails one request in ten must be refused, not waited for."""
    records = opened(monkeypatch, "")
    assert [window["subject"] for window in records.of("window.opened")] == ["everyday/fault-free"]
    assert [steady["ok"] for steady in records.of("steady")] == [False, False]


@pytest.mark.parametrize(("entry", "address"), [("", "http://127.0.0.1:9"), ("website", "http://127.0.0.1:10")])
def test_requests_go_to_the_entry_or_to_what_the_traffic_names(
    monkeypatch: pytest.MonkeyPatch, entry: str, address: str
) -> None:
    """Paths of journeys are below of it."""
    loads: list[Load] = []
    opened(monkeypatch, "", loads, entry)
    assert [load.settings.entry for load in loads] == [address]


def test_the_windows_end_when_the_load_is_asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch is told before, as its health window must not reach into the end of the load; the workers end later."""
    loads: list[Load] = []
    records = opened(monkeypatch, "", loads)
    (load,), (window,) = loads, records.of("window.closed")
    assert window["end_ns"] == load.stopping_ns
    assert load.told_before_it_stopped[-1:] == ["health_window is_open=False"]


@pytest.mark.parametrize(
    ("sentence", "traffic_of_it", "is_often"),
    [
        ("the uptime of the entry is at least 99.9 % in the steady state", "everyday", True),
        ("the uptime of the entry is at least 99.9 % in the steady state", "spike", False),
        ("the response time p95 of every route is below 300 ms in the steady state", "everyday", False),
    ],
)
def test_health_is_probed_often_where_an_uptime_is_computed_from_it(
    monkeypatch: pytest.MonkeyPatch, sentence: str, traffic_of_it: str, *, is_often: bool
) -> None:
    """Probes that no uptime is computed from are load that nobody asked for. The first call is of the traffic of the stage itself."""
    loads: list[Load] = []
    objective = objective_of(sentence)
    asked = replace(objective, scope=replace(objective.scope, traffic=traffic_of_it))
    opened(monkeypatch, "", loads, of=planned(asked))
    told = [call for call in loads[0].told_before_it_stopped if call.startswith("health_window")]
    assert told[1:] == [f"health_window is_open={is_often}", "health_window is_open=False"]


def test_a_load_that_was_started_is_stopped_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also before the first window."""

    def fails(_: object) -> float:
        raise KeyError("promised")

    monkeypatch.setattr(underway, "Promise", SimpleNamespace(of=fails))
    loads: list[Load] = []
    with pytest.raises(KeyError):
        opened(monkeypatch, "", loads)
    assert loads[0].stopping_ns > 0


def test_a_load_whose_processes_run_already_is_the_one_that_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is made beside it, and it is taken once."""
    clock = FakeClock.installed(monkeypatch)
    made = stage(clock, plan())
    made.context.target = TARGET
    made.context.sinks = cast("Any", SimpleNamespace(of=Records))
    made.context.directory = cast("Any", SimpleNamespace(path=Path()))
    spawned = Load(cast("Any", None), clock, made.watch)
    made.context.spawned["everyday"] = cast("Any", spawned)
    monkeypatch.setattr(underway, "Load", None)
    with underway.under_way(traffic(), made.context, cast("Any", Steadiness(""))) as now:
        assert cast("Any", now.load) is spawned
    assert made.context.spawned == {}


@pytest.mark.parametrize(("elsewhere", "spawned"), [(0, ["everyday"]), (2, [])])
def test_the_first_load_starts_beside_the_watch_unless_workers_are_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, elsewhere: int, spawned: list[str]
) -> None:
    """Its processes are ended with the run, also where it never began; workers elsewhere are not asked for before their time."""
    calls: list[str] = []

    def load(*_: object, **__: object) -> object:
        return SimpleNamespace(spawn=lambda: calls.append("spawn"), stop=lambda: calls.append("stop"))

    monkeypatch.setattr(gathering, "Load", load)
    first = replace(traffic(), remote_workers=elsewhere)
    acts = (
        Act(name="everyday/fault-free", kind="traffic", demand="traffic:everyday", seconds=1.0, traffic="everyday"),
    )
    given = replace(plan(), traffic={"everyday": first}, acts=acts)
    place: Any = SimpleNamespace(path=tmp_path)
    sinks: Any = SimpleNamespace(of=Records)
    with gathering._spawned(given, TARGET, place, sinks, cast("Any", SimpleNamespace(say=calls.append))) as found:
        assert [*found] == spawned
    assert calls == (["spawn", "stop"] if spawned else [])
