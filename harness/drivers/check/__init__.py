"""Checks: named facts read from the live target, expected against measured."""

from __future__ import annotations

from harness.drivers.check.claim import CheckKind, When
from harness.drivers.check.registry import CHECKS, CLAIMS, OF_PROJECT, consents, kind_of, run_check

__all__ = ["CHECKS", "CLAIMS", "OF_PROJECT", "CheckKind", "When", "consents", "kind_of", "run_check"]
