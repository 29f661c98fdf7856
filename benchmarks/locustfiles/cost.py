"""One request, and gone: as a user of ours, and as Locust's own two; `load_cost.py` picks one by name."""

from __future__ import annotations

from typing import ClassVar

from locust import FastHttpUser, HttpUser, task

from harness.locust import ClosedLoopUser, Journey, OpenLoopUser


class Ours(OpenLoopUser):
    """A journey of one request, the dearest there is: what a journey costs falls on one request."""

    def journey(self, journey: Journey) -> None:
        """Content is checked."""
        journey.get("/", name="home", status=200, expect={"ok": True})


class OursOfFour(OpenLoopUser):
    """A journey of four requests."""

    def journey(self, journey: Journey) -> None:
        """Content is checked."""
        for _ in range(4):
            journey.get("/", name="home", status=200, expect={"ok": True})


class OursClosed(ClosedLoopUser):
    """A user who never thinks, as Locust's own."""

    think_s: ClassVar[float] = 0.0

    def journey(self, journey: Journey) -> None:
        """Content is checked."""
        journey.get("/", name="home", status=200, expect={"ok": True})


class Fast(FastHttpUser):
    """Locust's faster user: asks again as soon as it is answered."""

    @task
    def home(self) -> None:
        """One request."""
        self.client.get("/", name="home")


class Requests(HttpUser):
    """Locust's usual user."""

    @task
    def home(self) -> None:
        """One request."""
        self.client.get("/", name="home")
