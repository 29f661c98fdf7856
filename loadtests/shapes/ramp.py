"""From nothing to twice the rate in five minutes."""

from __future__ import annotations

from locust import LoadTestShape

from harness.locust import FULL_RATE


class Ramp(LoadTestShape):
    """A straight line."""

    ramp_s = 300
    height = 2

    def tick(self) -> tuple[int, float] | None:
        """Users, which are per cent of the rate, and how fast to get there; None at the end."""
        at = self.get_run_time()
        if at >= self.ramp_s:
            return None
        return max(1, round(FULL_RATE * self.height * at / self.ramp_s)), FULL_RATE
