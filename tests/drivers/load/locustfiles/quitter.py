"""Every second journey ends by something that is no Exception."""

from __future__ import annotations

import os

from gevent import GreenletExit

from harness.locust import Journey, OpenLoopUser

_ENDS = {kind.__name__: kind for kind in (SystemExit, KeyboardInterrupt, GreenletExit, GeneratorExit)}


class Quitter(OpenLoopUser):
    """Ends as `QUITS_BY` says."""

    def journey(self, journey: Journey) -> None:
        """What comes after it is never sent."""
        journey.get("/", name="home")
        if journey.random.random() < 0.5:
            raise _ENDS[os.environ["QUITS_BY"]]
        journey.get("/", name="home")
