"""Two kinds of visitors, three readers for each writer, told apart by tags."""

from __future__ import annotations

from typing import ClassVar

from locust import tag

from harness.locust import Journey, OpenLoopUser


class Reader(OpenLoopUser):
    """Reads."""

    journeys_per_s: ClassVar[float] = 30.0

    @tag("read")
    def journey(self, journey: Journey) -> None:
        """One request."""
        journey.get("/read", name="read")


class Writer(OpenLoopUser):
    """Writes."""

    journeys_per_s: ClassVar[float] = 10.0

    @tag("write")
    def journey(self, journey: Journey) -> None:
        """One request."""
        journey.post("/write", name="write", json={})
