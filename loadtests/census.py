"""Census: every known listener in turn, so that a share of users is counted and not estimated. Its size for a run stands in census.yaml.

By hand, with the sandbox up:   locust -f loadtests/census.py
"""

from __future__ import annotations

from typing import ClassVar

from journeys.listener import LISTENERS, TRACKS

from harness.locust import Journey, OpenLoopUser, target_entry

SIGN_IN_EVERY = 5
"""One visit in five is a sign-in."""


class Census(OpenLoopUser):
    """Listener 1, 2, 3… signs in, or reads a track with the token of before; after the last one the first again."""

    host = target_entry()
    journeys_per_s = 70.0
    tokens: ClassVar[dict[str, str]] = {}

    def journey(self, journey: Journey) -> None:
        """One request: so many users are met in a step with the fewest requests."""
        visit, number = divmod(journey.number - 1, LISTENERS)
        name = f"listener-{number + 1}"
        if name in self.tokens and (visit + number) % SIGN_IN_EVERY:
            journey.sign_in(self.tokens[name])
            track = journey.random.randint(1, TRACKS)
            journey.get(f"/tracks/{track}", name="read-track", status=200, expect={"id": track, "title": str})
            return
        signed_in = journey.post(
            "/sessions",
            name="sign-in",
            json={"user": name, "password": f"listen-{name}"},
            status=201,
            expect={"token": str},
        )
        journey.signed_in(name, signed_in)
        if signed_in.ok:
            self.tokens[name] = signed_in["token"]
