"""Targets: a YAML file describes a platform, its addresses, and the faults that are allowed there."""

from __future__ import annotations

from harness.targets.files.reference import Reference
from harness.targets.files.target import Target, load_target
from harness.targets.safety.guard import guard_experiment, guard_rollout, guard_target
from harness.targets.safety.lease import ClusterLease
from harness.targets.safety.lock import TargetLock
from harness.targets.safety.platform import Platform, platform_of
from harness.targets.state import running_target_file

__all__ = [
    "ClusterLease",
    "Platform",
    "Reference",
    "Target",
    "TargetLock",
    "guard_experiment",
    "guard_rollout",
    "guard_target",
    "load_target",
    "platform_of",
    "running_target_file",
]
