"""A known number of users who wait for their answers."""

from __future__ import annotations

from typing import ClassVar

from harness.locust import ClosedLoopUser, Journey


class Clerk(ClosedLoopUser):
    """Two requests, a thought, and again."""

    think_s: ClassVar[float] = 0.1

    def journey(self, journey: Journey) -> None:
        """Two requests on one connection."""
        journey.get("/", name="home")
        journey.get("/", name="home")
