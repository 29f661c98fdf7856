"""A quarter of the rate, half, three quarters, all of it: where does it begin to hurt?"""

from __future__ import annotations

from locust import LoadTestShape

from harness.locust import FULL_RATE


class Steps(LoadTestShape):
    """Four steps of a minute."""

    step_s = 60
    steps = (0.25, 0.5, 0.75, 1.0)

    def tick(self) -> tuple[int, float] | None:
        """Users, which are per cent of the rate, and how fast to get there; None at the end."""
        step = int(self.get_run_time() // self.step_s)
        return (round(self.steps[step] * FULL_RATE), FULL_RATE) if step < len(self.steps) else None
