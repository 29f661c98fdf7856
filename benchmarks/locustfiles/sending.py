"""One request, and gone; `sending.py` offers it with one worker and with two."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Sending(OpenLoopUser):
    """Content is checked."""

    def journey(self, journey: Journey) -> None:
        """One request."""
        journey.get("/", name="home", status=200, expect={"ok": True})
