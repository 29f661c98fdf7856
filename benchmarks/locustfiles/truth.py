"""Users for a server that knows the truth; `accuracy/latency.py` picks one by name."""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from locust import FastHttpUser, task

from harness.locust import Journey, OpenLoopUser

_numbers = count(1)
"""Journeys begin in the order in which they are due."""


class Open(OpenLoopUser):
    """Arrives when due; its journey's number is the path, so that the server knows who it is."""

    timeout_s: ClassVar[float] = 10.0

    def journey(self, journey: Journey) -> None:
        """The answer's content is checked."""
        journey.post(f"/{next(_numbers)}", name="truth", status=200, expect={"ok": True})


class Impatient(Open):
    """Gives up after a second."""

    timeout_s: ClassVar[float] = 1.0


class Closed(FastHttpUser):
    """Asks again as soon as it is answered."""

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/", name="truth")
