"""Drives experiments: reads their files, runs each in a child process, and verifies that the target is restored."""

from __future__ import annotations

from harness.drivers.chaos.attempt import open_attempt, open_rollbacks
from harness.drivers.chaos.chaos_run import ChaosResult, ChaosRun
from harness.drivers.chaos.environment import resolved_configuration
from harness.drivers.chaos.experiments import Experiments, find_experiments, load_experiment, read_experiment
from harness.drivers.chaos.forkserver import ForkServer
from harness.drivers.chaos.journal import read_journal
from harness.drivers.chaos.restore import Restorer, TargetSnapshot
from harness.drivers.chaos.scratch import sweep_scratch

__all__ = [
    "ChaosResult",
    "ChaosRun",
    "Experiments",
    "ForkServer",
    "Restorer",
    "TargetSnapshot",
    "find_experiments",
    "load_experiment",
    "open_attempt",
    "open_rollbacks",
    "read_experiment",
    "read_journal",
    "resolved_configuration",
    "sweep_scratch",
]
