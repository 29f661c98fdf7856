"""`gateway-reads`: does a read of every service pass through the api-gateway of every region?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import httpx

from harness.drivers.check.facts import Look, Seen
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.http import http_client

READS: Final[Mapping[str, str]] = {
    "api-gateway": "/health",
    "user-service": "/users/listener-1",
    "track-service": "/tracks/1",
}
"""Service to a path that reads from it and needs no sign-in."""

_WITHIN_S: Final = 2.0


def gateway_reads(target: Target, _params: Mapping[str, str]) -> Look:
    """Asks each region's entry for one read of every service."""
    entries = {name: region.entry for name, region in target.regions.items() if region.entry}
    if not entries:
        raise ConfigurationError(
            "names no region with an entry", where=f"{target.file}: regions", hint="write `regions: {NAME: {entry: …}}`"
        )

    def look() -> Sequence[Seen]:
        seen = []
        for region, entry in entries.items():
            with http_client(target, entry, timeout_s=_WITHIN_S) as client:
                for service, path in READS.items():
                    answer = answered(client, path)
                    seen.append(
                        Seen(
                            subject=f"{region}/{service}",
                            wanted=f"GET {path}: status 200",
                            seen=answer,
                            ok=answer == "status 200",
                        )
                    )
        return seen

    return look


def answered(client: httpx.Client, url: str) -> str:
    """`status 200`, or what kept an answer from coming."""
    try:
        return f"status {client.get(url).status_code}"
    except httpx.TimeoutException:
        return "no answer in time"
    except httpx.HTTPError as error:
        return f"no answer: {error}"
