"""Writes to paths that redirect."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Redirected(OpenLoopUser):
    """The server redirects `/N` with the status N."""

    def journey(self, journey: Journey) -> None:
        """Each request is named after what is expected of it."""
        for status in (301, 302, 303, 307, 308):
            journey.post(f"/{status}", name=f"POST {status}", json={"item": 1}, once=True)
        journey.request("PUT", "/303", name="PUT 303", json={"item": 1})
        journey.get("/302", name="GET 302")
        journey.request("HEAD", "/302", name="HEAD 302")
        journey.post("/303", name="the page", json={}, status=200)
        journey.post("/303", name="the content", json={}, expect={"id": 1})
        journey.post("/303", name="the redirect", json={}, status=303)
