"""Drives experiments: reads their files, runs each in a child process, and sees that the target is as before."""

from __future__ import annotations

from harness.drivers.chaos.chaos_run import ChaosResult, ChaosRun
from harness.drivers.chaos.environment import resolved_configuration
from harness.drivers.chaos.experiments import find_experiments, load_experiment
from harness.drivers.chaos.journal import Journal, read_journal
from harness.drivers.chaos.restore import Restored, Restorer
from harness.targets.undo import recover

__all__ = [
    "ChaosResult",
    "ChaosRun",
    "Journal",
    "Restored",
    "Restorer",
    "find_experiments",
    "load_experiment",
    "read_journal",
    "recover",
    "resolved_configuration",
]
