"""The gateway's web application firewall: it refuses requests with patterns of attacks, before anything else is done with them.

The variable FIREWALL switches it on. With the planted defect it counts them alone, and lets them through.
Its patterns are of its own; the harness's requests are not known here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_plus

from aiohttp import web
from prometheus_client import Counter

from .kit.app import ENVELOPE, Handler, answer

_PATTERNS: Final = {
    "sql": (
        r"\bunion\b.{0,20}\bselect\b",
        r"\bselect\b.{1,80}\bfrom\b",
        r";\s*(drop|delete|insert|update|alter|truncate)\b",
        r"['\"]\s*(or|and)\b",
        r"\b(or|and)\s+\d+\s*=\s*\d+",
        r"\b(sleep|benchmark|pg_sleep|waitfor)\s*\(",
    ),
    "script": (r"<\s*/?\s*script\b", r"\bon[a-z]{3,20}\s*=", r"javascript\s*:", r"<\s*(iframe|object|embed|svg|img)\b"),
    "traversal": (r"(^|[/\\=])\.\.([/\\]|$)", r"/etc/(passwd|shadow|hosts)\b", r"\bwin\.ini\b"),
}
_ATTACK: Final = {
    kind: re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL) for kind, patterns in _PATTERNS.items()
}
_HEADERS: Final = ("referer", "user-agent", "cookie", "x-forwarded-host")
_MOST_DECODINGS: Final = 2
"""What is encoded twice reaches a service that decodes twice."""


def guard(app: web.Application) -> None:
    """Put the firewall in front of the routes of an application, if this pod has one."""
    if os.environ.get("FIREWALL", "") == "on":
        firewall = Firewall(refuses=os.environ.get("DEFECT_FIREWALL_COUNTS", "") != "yes")
        app.middlewares.append(firewall.around)
        app[ENVELOPE].registry.register(firewall.counter)


class Firewall:
    """Refuses or counts attacks."""

    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses
        self.counter = Counter(
            "firewall_matches_total", "Requests with a pattern of an attack.", ("kind",), registry=None
        )

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through that has no pattern of an attack in its address, headers or body."""
        body = (await request.read()).decode("utf-8", "replace") if request.body_exists else ""
        kind = attack_in([request.raw_path, body, *(request.headers.get(name, "") for name in _HEADERS)])
        if kind:
            self.counter.labels(kind).inc()
            if self._refuses:
                return answer({"error": "refused by the firewall"}, 403)
        return await handler(request)


def attack_in(texts: Iterable[str]) -> str:
    """The kind of attack that one of these texts has the pattern of; empty: none."""
    for text in texts:
        decoded = text
        for _ in range(1 + _MOST_DECODINGS):
            for kind, pattern in _ATTACK.items():
                if pattern.search(decoded):
                    return kind
            decoded = unquote_plus(decoded)
    return ""
