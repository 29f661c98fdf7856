"""Census: every known listener in turn, so that a share of users is counted and not estimated. Its size for a run stands in census.yaml.

By hand, with the sandbox up:   locust -f loadtests/census.py
"""

from __future__ import annotations

from journeys.listener import LISTENERS, TRACKS

from harness.locust import Journey, OpenLoopUser, target_entry


class Census(OpenLoopUser):
    """Listener 1, 2, 3… sign in and read a track; after the last one the first again."""

    host = target_entry()
    journeys_per_s = 60.0

    def journey(self, journey: Journey) -> None:
        """Two requests, both as the same user."""
        name = f"listener-{(journey.number - 1) % LISTENERS + 1}"
        signed_in = journey.post(
            "/sessions",
            name="sign-in",
            json={"user": name, "password": f"listen-{name}"},
            status=201,
            expect={"token": str},
        )
        if not signed_in.ok:
            return
        journey.sign_in(signed_in["token"])
        track = journey.random.randint(1, TRACKS)
        journey.get(f"/tracks/{track}", name="read-track", status=200, expect={"id": track, "title": str})
