"""Two requests with the trace ids of the harness, and one with its own."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser

OWN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


class Tracer(OpenLoopUser):
    """Knows a trace of its own."""

    def journey(self, journey: Journey) -> None:
        """The header's name may be written in any case."""
        journey.get("/", name="home")
        journey.post("/302", name="home", json={})
        journey.request("GET", "/own", name="own", headers={"Traceparent": OWN})
