"""Checks: named facts read from the live target, expected against measured."""

from __future__ import annotations

from harness.drivers.check.kinds import CheckKind, When
from harness.drivers.check.registry import CHECKS, consents, kind_of

__all__ = ["CHECKS", "CheckKind", "When", "consents", "kind_of"]
