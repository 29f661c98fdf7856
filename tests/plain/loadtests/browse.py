"""Visitors of a plain service. Its size stands in browse.yaml."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser, target_entry


class Visitor(OpenLoopUser):
    """Looks at the list, thinks, looks at one item."""

    host = target_entry()
    journeys_per_s = 20.0

    def journey(self, journey: Journey) -> None:
        """Two requests over half a second."""
        journey.get("/items", name="list-items", status=200, expect={"items": list})
        journey.think(0.5)
        item = journey.random.randint(1, 9)
        journey.get(f"/items/{item}", name="read-item", status=200, expect={"id": item})
