"""A quarter of the rate, half, three quarters, all of it: where does it begin to hurt?"""

from __future__ import annotations

from harness.locust import Shape


class Steps(Shape):
    """Four steps of a minute."""

    step_s = 60
    steps = (0.25, 0.5, 0.75, 1.0)

    def share(self, at_s: float) -> float | None:
        """The step that this second lies in."""
        step = int(at_s // self.step_s)
        return self.steps[step] if step < len(self.steps) else None
