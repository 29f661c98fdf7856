"""Checks: named facts read from the living target, wanted against seen."""

from __future__ import annotations

from harness.drivers.check.running import CHECKS, run_check

__all__ = ["CHECKS", "run_check"]
