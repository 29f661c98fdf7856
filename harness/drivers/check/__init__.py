"""Checks: named facts read from the live target, expected against measured."""

from __future__ import annotations

from harness.drivers.check.running import CHECKS, run_check

__all__ = ["CHECKS", "run_check"]
