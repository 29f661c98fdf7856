"""Visitors of the shop: one request each."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser, target_entry


class Visitor(OpenLoopUser):
    """Asks for one item."""

    host = target_entry()
    journeys_per_s = 40.0

    def journey(self, journey: Journey) -> None:
        """One request."""
        journey.get("/items/1", name="read-item", status=200)
