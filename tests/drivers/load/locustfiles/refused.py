"""Somebody whose writes are not acknowledged."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Refused(OpenLoopUser):
    """Writes item N to `/N`."""

    def journey(self, journey: Journey) -> None:
        """Each is accounted for."""
        for item in (302, 303, 409, 422):
            journey.wrote("items", journey.post(f"/{item}", name="home"), item=item)
