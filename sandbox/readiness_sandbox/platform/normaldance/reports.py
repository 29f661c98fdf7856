"""What users report of a release: counted, by how bad it is and which release it is about."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import Counter

from .kit.app import RequestRefused, answer, body_of, text_in

SEVERITIES = ("critical", "minor")
MOST_RELEASES = 20
"""Releases that are distinguished; a report about any other is refused."""


class Reports:
    """The reports that came in at this gateway.

    Attributes:
        counter: for the metrics; a release that has answered here counts from 0.
    """

    def __init__(self) -> None:
        self.counter = Counter("user_reports_total", "Reports of users.", ("severity", "about"), registry=None)
        self._known: set[str] = set()

    def know(self, release: str) -> None:
        """Count the reports about a release from now on."""
        if release and release not in self._known and len(self._known) < MOST_RELEASES:
            self._known.add(release)
            for severity in SEVERITIES:
                self.counter.labels(severity, release)

    async def report(self, request: web.Request) -> web.Response:
        """POST /reports {"severity", "release", "text"}: 202.

        422 for a severity or a release that is unknown.
        """
        body = await body_of(request)
        severity, release = text_in(body, "severity"), text_in(body, "release")
        text_in(body, "text", longest=2000)
        if severity not in SEVERITIES:
            raise RequestRefused(422, f'"severity" must be one of {", ".join(SEVERITIES)}')
        self.know(release)
        if release not in self._known:
            raise RequestRefused(422, "too many releases are reported about")
        self.counter.labels(severity, release).inc()
        return answer({"severity": severity, "release": release}, 202)
