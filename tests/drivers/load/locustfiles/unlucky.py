"""Meets every kind of failure in turn, and goes on."""

from __future__ import annotations

from typing import ClassVar

from harness.locust import Journey, OpenLoopUser


class Unlucky(OpenLoopUser):
    """The server does what the path says."""

    timeout_s: ClassVar[float] = 2.5

    def journey(self, journey: Journey) -> None:
        """Each request is named after the failure that it must be."""
        journey.get("/answer", name="none", status=200, expect={"right": True})
        journey.get("/hang", name="timeout")
        journey.get("/reset", name="reset")
        journey.post("/reset", name="reset", json={"a": 1})
        journey.get("/close", name="reset")
        journey.get("/cut", name="reset")
        journey.get("/503", name="status 503")
        journey.get("/answer", name="status 200", status=201)
        journey.get("/answer", name="wrong body", expect={"right": False})
        journey.get("/answer", name="wrong body", expect={"token": str})
        journey.get("/text", name="wrong body", expect={"right": True})
        journey.get("/answer", name="none", expect={"right": bool})
