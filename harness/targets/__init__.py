"""Targets: a YAML file describes a platform, its addresses, and the faults that are allowed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOME = {
    "ClusterLease": "harness.targets.safety.lease",
    "Platform": "harness.targets.safety.platform",
    "Reference": "harness.targets.files.reference",
    "Target": "harness.targets.files.target",
    "TargetLock": "harness.targets.safety.lock",
    "guard_experiment": "harness.targets.safety.guard",
    "guard_rollout": "harness.targets.safety.guard",
    "guard_target": "harness.targets.safety.guard",
    "load_target": "harness.targets.files.target",
    "platform_of": "harness.targets.safety.platform",
    "running_target_file": "harness.targets.state",
}


def __getattr__(name: str) -> Any:
    """Load the name when it is asked for: a process of the load reads a few names of this room, and no target file."""
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
