"""Change of the rate over time, for locustfiles that are run by hand."""

from __future__ import annotations

from typing import Any, Final

from locust import LoadTestShape

FULL_RATE: Final = 100
"""Number of users that means the full rate: the users of a shape are percent."""


class Shape(LoadTestShape):
    """The share of the rate at each moment; implement `share`.

    Locust evaluates the shape once a second.
    """

    abstract = True

    def share(self, at_s: float) -> float | None:
        """The share of the rate at a moment: 1 is the full rate, 2 is twice the rate; None ends the load.

        Args:
            at_s: time since the start, in seconds.
        """
        raise NotImplementedError

    def tick(self) -> tuple[int, float] | None:
        """Called by Locust: the number of users, and the number of users to start per second."""
        clockwork: Any = self  # Locust's own method has no types
        share = self.share(clockwork.get_run_time())
        return None if share is None else (max(1, round(share * FULL_RATE)), float(FULL_RATE))
