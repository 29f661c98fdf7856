"""Pages: visitors of the website, who read three of its pages. Its size for a run stands in page-spike.yaml.

By hand, with the sandbox up and its part `frontend`:   locust -f loadtests/pages.py -H http://…   (the host of `website` in the target file)
"""

from __future__ import annotations

from harness.locust import Journey, OpenLoopUser


class Visitor(OpenLoopUser):
    """One visit: the first page, the portal, the documentation."""

    journeys_per_s = 18.0

    def journey(self, journey: Journey) -> None:
        """Half a second of reading between two pages."""
        journey.get("/", name="home", status=200)
        journey.think(0.5)
        journey.get("/portal", name="portal", status=200)
        journey.think(0.5)
        journey.get("/documentation", name="documentation", status=200)
