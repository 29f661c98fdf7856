"""Null runs beside the fault-free window: none outlives the window, whatever becomes of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from harness.drivers.chaos import ChaosRun
from harness.errors import ConfigurationError
from harness.evidence import History
from harness.model import ExperimentPlan
from harness.run.breaking import Breaking


class Child:
    """A child whose experiment may not be there."""

    def __init__(self, experiment: ExperimentPlan, told: list[str]) -> None:
        self.experiment = experiment
        self._told = told

    def start(self) -> None:
        """Start it, if there is a file."""
        if not self.experiment.file:
            raise ConfigurationError("there is no such file")
        self._told.append(f"{self.experiment.name} started")

    def release(self) -> None:
        """Its window is over."""

    def finish(self) -> Any:
        """Wait for it."""
        self._told.append(f"{self.experiment.name} finished")
        return Result()


class Result:
    """What became of it."""

    exit_code, journal, why = 0, {"status": "completed"}, ""


class Breaks(Breaking):
    """With those children."""

    told: list[str]

    def _child(self, experiment: ExperimentPlan, attempt: int) -> ChaosRun:
        assert attempt == 1
        return cast("ChaosRun", Child(experiment, self.told))


def test_null_runs_that_were_started_are_finished_when_the_next_one_cannot_start(tmp_path: Path) -> None:
    """The second experiment has no file: the first one's child is not left behind."""
    nothing: Any = None
    history = History(tmp_path / "run.ndjson", "run")
    breaking = Breaks(
        nothing,
        nothing,
        nothing,
        progress=nothing,
        steadiness=nothing,
        history=history,
        allow_target="",
        shares=nothing,
        alive=nothing,
        fault_window=nothing,
    )
    breaking.told = []
    common: dict[str, Any] = {"domain": "none", "within_s": 1, "hold_s": 0, "observe_s": 1, "seconds": 1}
    plans = [ExperimentPlan(name="calm", file="calm.yaml", **common), ExperimentPlan(name="gone", file="", **common)]
    traffic: Any = type("Traffic", (), {"window_s": 1.0})
    with pytest.raises(ConfigurationError), breaking.null_runs(plans, 0, traffic):
        pass
    history.close()
    assert breaking.told == ["calm started", "calm finished"]
