"""A listener signs in, looks at a track, adds one of their own and plays the first: four requests over sixteen seconds."""

from __future__ import annotations

from typing import ClassVar

from harness.locust import Journey, OpenLoopUser

LISTENERS = 500
TRACKS = 997
"""Of a thousand: checks write to the last three, and what they write must not be counted as a listener's."""


class Listener(OpenLoopUser):
    """Meets each of the four everyday routes once, so that each gets a quarter of the requests."""

    abstract = True
    session: ClassVar[str] = ""  # an app keeps its session: a sign-in that fails is one failure, not three

    def journey(self, journey: Journey) -> None:
        """Sign in, read, create, play; some seconds of thought between."""
        name = f"listener-{journey.random.randint(1, LISTENERS)}"
        track = journey.random.randint(1, TRACKS)

        signed_in = journey.post(
            "/sessions",
            name="sign-in",
            json={"user": name, "password": f"listen-{name}"},
            status=201,
            expect={"token": str},
        )
        journey.signed_in(name, signed_in)
        if signed_in.ok:
            Listener.session = signed_in["token"]
        journey.sign_in(Listener.session)
        journey.think(5.5)

        journey.get(f"/tracks/{track}", name="read-track", status=200, expect={"id": track, "title": str})
        journey.think(5.5)

        title = f"Song {journey.random.randrange(10**6)}"
        created = journey.post(
            "/tracks",
            name="create-track",
            json={"title": title, "artist": name},
            status=201,
            expect={"id": int, "title": title},
            once=True,
        )
        journey.wrote("tracks", created, item="id", fields={"title": title, "artist": name})
        journey.think(5.5)

        played = journey.post(
            f"/tracks/{track}/plays",
            name="play-track",
            status=201,
            expect={"id": track, "plays": int},
            once=True,
        )
        journey.wrote("plays", played, item=track, count="plays")
