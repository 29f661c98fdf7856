"""The judge: plan and evidence in, verdicts out. Pure: no IO, clock, randomness, environment."""

from __future__ import annotations

from harness.judgement.judging import judge
from harness.judgement.recovery import is_steady, recovered_at

__all__ = ["is_steady", "judge", "recovered_at"]
