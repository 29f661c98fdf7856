"""A visitor whose machine, where it is a worker, has booted five seconds later than the master's."""

from __future__ import annotations

import sys

from harness import clock
from harness.locust import Journey, OpenLoopUser

LATER_NS = 5_000_000_000

here_ns = clock.now_ns
if "--worker" in sys.argv:
    clock.now_ns = lambda: here_ns() - LATER_NS


class Elsewhere(OpenLoopUser):
    """Looks at the home page."""

    def journey(self, journey: Journey) -> None:
        """One request, which is accounted for."""
        journey.wrote("homes", journey.get("/", name="home"), item=1)
