"""The judge: makes verdicts from plan and evidence. It uses no IO, clock, randomness or environment."""

from __future__ import annotations

from harness.judgement.judging import judge
from harness.judgement.recovery import is_steady, recovered_at

__all__ = ["is_steady", "judge", "recovered_at"]
