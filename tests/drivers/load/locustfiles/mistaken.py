"""Every second journey breaks by a mistake of its author."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Mistaken(OpenLoopUser):
    """Reads what is not there."""

    def journey(self, journey: Journey) -> None:
        """The answer has no such key."""
        answer = journey.get("/", name="home", expect={})
        if journey.random.random() < 0.5:
            answer["nothing"]
