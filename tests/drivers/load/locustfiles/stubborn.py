"""Spins the processor, so that no signal is ever looked at."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Stubborn(OpenLoopUser):
    """Must be killed."""

    def journey(self, journey: Journey) -> None:
        """One request, and then never again."""
        journey.get("/", name="home")
        while True:
            pass
