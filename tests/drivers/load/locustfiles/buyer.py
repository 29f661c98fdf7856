"""One write, once."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Buyer(OpenLoopUser):
    """Buys something, with a key that no other write has."""

    def journey(self, journey: Journey) -> None:
        """One request."""
        journey.post("/", name="home", once=True)
