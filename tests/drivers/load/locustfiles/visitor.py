"""One request, and gone."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Visitor(OpenLoopUser):
    """Looks at the home page."""

    def journey(self, journey: Journey) -> None:
        """One request."""
        journey.get("/", name="home")
