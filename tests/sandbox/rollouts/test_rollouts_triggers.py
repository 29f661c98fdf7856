"""The triggers of document 002 as the platform ships them, at full length, on a clock that the test moves: no second too early, none too late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness_sandbox.cluster.controllers.rollouts.analysis import (
    Measured,
    assessed,
    due,
    phase_of,
    recorded,
    result_of,
)
from readiness_sandbox.cluster.controllers.rollouts.metrics import Metric, merged_args, metrics_of
from readiness_sandbox.platform.parts import directory
from tests.sandbox.monitor.recorded import evaluated, stored

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHIPPED = {
    each["metadata"]["name"]: each
    for each in yaml.safe_load_all((directory("rollout") / "region" / "analysis.yaml").read_text("utf-8"))
}
WINDOWS = [("latency", 300, 2.0, 1.999, 2.001), ("errors", 180, 0.05, 0.05, 0.051), ("memory", 600, 0.8, 0.8, 0.801)]
"""Trigger, window in seconds, limit, a reading that is not above it, one that is."""
FAR = 1200.0
"""Seconds of calm before anything happens: longer than any window."""

Reading = Callable[[float], float | None]
"""What is read at a second after the start of the analysis; None where nothing was."""


def metric(name: str, release: str = "1.1.0") -> Metric:
    """The metric of a shipped template, at full length."""
    template = SHIPPED[name]
    args = merged_args([template], [{"name": "release", "value": release}])
    return metrics_of({"metrics": template["spec"]["metrics"], "args": args})[0]


class Watch:
    """An analysis of one trigger on a series of readings."""

    def __init__(self, name: str, reading: Reading) -> None:
        self.metric = metric(name)
        self.reading = reading
        self.status: dict[str, Any] = {}
        self.second = 0.0

    def until(self, end_s: float) -> str:
        """Measure whenever it is due, a second at a time, and say the phase of the run."""
        while True:
            now = BEGIN + timedelta(seconds=self.second)
            for each in due([self.metric], self.status, now):
                self.status = recorded(self.status, each, Measured(started=now, finished=now, value=self._asked()))
            self.status = assessed([self.metric], self.status, now)
            if self.second >= end_s:
                return phase_of(self.status).value
            self.second += 1

    def _asked(self) -> list[Any]:
        span = self.metric.query.span
        if span is None:
            points = [self.reading(self.second)]
        else:
            steps = round((span.start_back_s - span.end_back_s) / span.step_s)
            points = [self.reading(self.second - span.start_back_s + n * span.step_s) for n in range(steps + 1)]
        return [each for each in points if each is not None]

    @property
    def last(self) -> str:
        """The phase of the last measurement."""
        phase: str = result_of(self.status, self.metric.name)["measurements"][-1]["phase"]
        return phase


def bad_between(first_s: float, last_s: float, calm: float, bad: float) -> Reading:
    """Calm but for that stretch, both ends of which are bad."""
    return lambda second: bad if first_s <= second <= last_s else calm


@pytest.mark.parametrize(("name", "window_s", "limit", "calm", "bad"), WINDOWS)
def test_a_trigger_fires_after_its_whole_window_and_not_a_second_before(
    name: str, window_s: int, limit: float, calm: float, bad: float
) -> None:
    """4:59 above the limit is calm, 5:00 is taken back; at the limit is not above it, for however long."""
    assert Watch(name, lambda _: limit).until(5 * window_s) == "Running"
    short = Watch(name, bad_between(FAR, FAR + window_s - 1, calm, bad))
    assert short.until(FAR + 3 * window_s) == "Running"
    full = Watch(name, bad_between(FAR, FAR + window_s, calm, bad))
    assert full.until(FAR + window_s - 1) == "Running"
    assert full.until(FAR + window_s) == "Failed"


@pytest.mark.parametrize(("name", "window_s", "limit", "calm", "bad"), WINDOWS)
def test_one_calm_reading_begins_the_window_anew(
    name: str, window_s: int, limit: float, calm: float, bad: float
) -> None:
    """A blip just before the end."""
    del limit
    blip_s = FAR + window_s - 15

    def reading(second: float) -> float:
        return calm if second < FAR or second == blip_s else bad

    watch = Watch(name, reading)
    assert watch.until(blip_s + window_s) == "Running"
    assert watch.until(blip_s + window_s + 15) == "Failed"


@pytest.mark.parametrize(("name", "window_s", "limit", "calm", "bad"), WINDOWS)
def test_a_gap_is_unknown_and_not_calm(name: str, window_s: int, limit: float, calm: float, bad: float) -> None:
    """All readings that are there are bad, one is missing: neither Failed nor Successful."""
    del limit
    gap_s = FAR + window_s / 2

    def reading(second: float) -> float | None:
        return None if gap_s <= second < gap_s + 15 else calm if second < FAR else bad

    watch = Watch(name, reading)
    assert (watch.until(FAR + window_s), watch.last) == ("Running", "Inconclusive")
    assert watch.until(gap_s + 15 + window_s) == "Failed"


@pytest.mark.parametrize("name", ["latency", "errors", "memory", "user-reports", "slow-queries"])
def test_a_metric_that_is_never_exported_ends_inconclusive(name: str) -> None:
    """The rollout pauses; it is neither promoted nor taken back."""
    assert Watch(name, lambda _: None).until(1200) == "Inconclusive"


@pytest.mark.parametrize("name", ["user-reports", "slow-queries"])
def test_one_critical_report_or_one_alert_is_enough(name: str) -> None:
    """Within a measurement of its record, or as soon as it fires for the release; none is calm."""
    watch = Watch(name, lambda second: float(second >= 630))
    assert watch.until(629) == "Running"
    assert watch.until(645) == "Failed"


def test_the_triggers_read_the_new_release_alone() -> None:
    """A critical report on the old release, or its slow answers, are not asked for."""
    for name in SHIPPED:
        for each in SHIPPED[name]["spec"]["metrics"]:
            assert '="{{args.release}}"' in each["provider"]["prometheus"]["query"]
    assert metric("latency", "1.2.0").query.query == 'release:response_seconds:p95{version="1.2.0"}'


@settings(max_examples=25)
@given(first=st.integers(600, 640), length=st.integers(150, 215))
def test_whatever_the_phase_a_short_stretch_never_fires_and_a_longer_one_always(first: int, length: int) -> None:
    """Errors, measured every 15 s: below 3 min never; from 3 min and one interval on always."""
    watch = Watch("errors", bad_between(first, first + length, 0.01, 0.2))
    phase = watch.until(first + 300)
    if length < 180:
        assert phase == "Running"
    if length >= 195:
        assert phase == "Failed"


P95, ERRORS, REQUESTS = "release:response_seconds:p95_of_9s", "release:errors:rate", "release:requests:rate"
CALM = {
    f'{name}{{version="{version}"}}': f"{value}x20"
    for name, value in ((P95, 0.03), (ERRORS, 0), (REQUESTS, 35))
    for version in ("1.0.0", "1.1.0")
}
"""What is recorded of two releases, a second apart."""


def step_phase(series: dict[str, str]) -> str:
    """How the analysis at the end of a share ends, on what the embedded evaluator makes of these series."""
    template, storage = SHIPPED["step"]["spec"], stored(series, every_s=1.0)
    args = merged_args([SHIPPED["step"]], [{"name": "release", "value": "1.1.0"}])
    metrics, status = metrics_of({"metrics": template["metrics"], "args": args}), dict[str, Any]()
    for each in metrics:
        value: list[Any] = list(evaluated(storage, each.query.query, 15.0).values())
        status = recorded(status, each, Measured(started=BEGIN, finished=BEGIN, value=value))
    return phase_of(assessed(metrics, status, BEGIN)).value


@pytest.mark.parametrize(
    ("changed", "phase"),
    [
        ({}, "Successful"),
        ({f'{P95}{{version="1.1.0"}}': "0.35x20"}, "Failed"),
        ({f'{ERRORS}{{version="1.1.0"}}': "3x20"}, "Failed"),
    ],
    ids=["calm", "slower", "more errors"],
)
def test_a_step_passes_a_release_that_is_as_good(changed: dict[str, str], phase: str) -> None:
    """A slower one, and one that fails more often, are taken back."""
    assert step_phase({**CALM, **changed}) == phase


@pytest.mark.parametrize("rule", [P95, ERRORS, REQUESTS])
def test_a_step_whose_figures_are_not_recorded_pauses(rule: str) -> None:
    """A rule that is renamed, or not loaded, is no calm release; the other release may be gone, as at 100 %."""
    assert step_phase({name: value for name, value in CALM.items() if not name.startswith(rule)}) == "Inconclusive"
    gone = {name: value for name, value in CALM.items() if "1.0.0" not in name or not name.startswith(rule)}
    assert step_phase(gone) == "Successful"
