"""Somebody who writes with keys."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Keyed(OpenLoopUser):
    """Writes at a service that heeds the key, and at one that does not."""

    def journey(self, journey: Journey) -> None:
        """Each is accounted for."""
        for account in ("keyed", "keyless"):
            answer = journey.post(f"/{account}", name="home", expect={"id": int}, once=True)
            journey.wrote(account, answer, item="id")
