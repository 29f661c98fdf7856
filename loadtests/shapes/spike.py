"""Calm, three times the rate for half a minute, calm again: does it come back by itself?"""

from __future__ import annotations

from harness.locust import Shape


class Spike(Shape):
    """A minute of calm on both sides."""

    calm_s = 60
    spike_s = 30
    height = 3.0

    def share(self, at_s: float) -> float | None:
        """All of the rate, but for the spike."""
        if at_s >= 2 * self.calm_s + self.spike_s:
            return None
        return self.height if self.calm_s <= at_s < self.calm_s + self.spike_s else 1.0
