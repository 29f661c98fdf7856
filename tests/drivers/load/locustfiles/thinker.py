"""Thinks longer than any test."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Thinker(OpenLoopUser):
    """Would come back."""

    def journey(self, journey: Journey) -> None:
        """The second request is due in an hour."""
        journey.get("/", name="home")
        journey.think(3600)
        journey.get("/", name="home")
