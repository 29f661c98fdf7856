"""Calm, three times the rate for half a minute, calm again: does it come back by itself?"""

from __future__ import annotations

from locust import LoadTestShape

from harness.locust import FULL_RATE


class Spike(LoadTestShape):
    """A minute of calm on both sides of the spike."""

    calm_s = 60
    spike_s = 30
    height = 3

    def tick(self) -> tuple[int, float] | None:
        """Users, which are per cent of the rate, and how fast to get there; None at the end."""
        at = self.get_run_time()
        if at >= 2 * self.calm_s + self.spike_s:
            return None
        spiking = self.calm_s <= at < self.calm_s + self.spike_s
        return (FULL_RATE * self.height if spiking else FULL_RATE), FULL_RATE
