"""No window opens on a target that does not serve: what is down before the load is not judged."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.errors import DriverError
from harness.model import TrafficPlan
from harness.model.domain import PartsState
from harness.run import underway
from harness.targets import Target
from tests.builders.conducting import stage
from tests.builders.plans import plan, traffic
from tests.builders.records import Records
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


def opened(monkeypatch: pytest.MonkeyPatch, down: str, told: dict[str, Any] | None = None, entry: str = "") -> Records:
    """What is recorded of one traffic on that target; what its load is told goes into `told`."""
    clock = FakeClock.installed(monkeypatch)
    load = SimpleNamespace(
        rows=[], begin_ns=clock.now_ns, stopping_ns=0, stop=lambda: None, alive=lambda: True, problems=[]
    )

    def start(_: TrafficPlan, **given: Any) -> SimpleNamespace:
        (told if told is not None else {}).update(given)
        return load

    monkeypatch.setattr(underway, "Load", SimpleNamespace(start=start))
    made = stage(clock, plan())
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
    with pytest.raises(DriverError, match="shop: the target does not serve, so no window was opened: reads: 0 of 100"):
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
    told: dict[str, Any] = {}
    opened(monkeypatch, "", told, entry)
    assert told["entry"] == address
