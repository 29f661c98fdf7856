"""From nothing to twice the rate in five minutes."""

from __future__ import annotations

from harness.locust import Shape


class Ramp(Shape):
    """A straight line."""

    ramp_s = 300
    height = 2.0

    def share(self, at_s: float) -> float | None:
        """In proportion to the time that has passed."""
        return self.height * at_s / self.ramp_s if at_s < self.ramp_s else None
