"""Two users sign in by turns."""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Signer(OpenLoopUser):
    """Signs in, and reads."""

    def journey(self, journey: Journey) -> None:
        """The first of two or the second."""
        answer = journey.post("/", name="sign-in")
        journey.signed_in(f"user-{journey.number % 2}", answer)
        journey.get("/", name=f"home {journey.number % 2}")
