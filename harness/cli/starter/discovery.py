"""Finds paths of a service that answer, by a few GET requests, before a project is written."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.clock import Deadline
from harness.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

HEALTH: Final = ("/health", "/healthz", "/health/ready", "/readyz", "/livez", "/ping", "/status", "/up", "/")
"""Usual health paths of services, in the order in which they are requested."""
_WITHIN_S: Final = 3.0
_REFUSED: Final = (401, 403)


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscoveredPaths:
    """Paths that answer GET with status 200 and a body that is complete in time.

    Attributes:
        health: first path of `HEALTH` that answers, else a documented read; empty if none answers.
        read: root, else a documented read, else `health` if its answer has a body; empty if none answers.
        problem: why no path is known; empty if the service answers.
        refused: status with which the service refused a request without credentials; 0 if it refused none.
    """

    health: str = ""
    read: str = ""
    problem: str = ""
    refused: int = 0


def tls_of(ca_file: str) -> ssl.SSLContext:
    """The TLS settings for requests: certificates are verified with this CA, or with the CAs of the system.

    Raises:
        ConfigurationError: the file does not contain a certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        hint = "name a file of PEM certificates"
        raise ConfigurationError(f"the file has no certificate: {error}", where=ca_file, hint=hint) from error


def discovered(entry: str, tls: ssl.SSLContext, documented: Sequence[str] = ()) -> DiscoveredPaths:
    """Request the usual paths of services, then the documented paths; no other requests are sent.

    After the first answer, a path without a complete answer in time is skipped.

    Args:
        entry: address of the service.
        tls: TLS settings for the requests.
        documented: paths of reads that answer 200 according to the OpenAPI document.
    """
    import httpx

    refused: list[int] = []
    completed: dict[str, bool | None] = {}
    with httpx.Client(base_url=entry, verify=tls, timeout=_WITHIN_S, trust_env=False) as client:

        def filled(path: str) -> bool | None:
            """Whether the body of the answer has text; None without a complete answer of status 200."""
            if path not in completed:
                try:
                    with client.stream("GET", path) as answer:
                        if answer.status_code in _REFUSED:
                            refused.append(answer.status_code)
                        body = _filled(answer)  # also of an error: a service would log that its connection was reset
                        completed[path] = body if answer.status_code == 200 else None
                except httpx.HTTPError:
                    if not completed:  # the service may be down: the other paths would take as long
                        raise
                    completed[path] = None
            return completed[path]

        stored = [path for path in documented if path not in HEALTH]
        try:
            well = next((path for path in (*HEALTH, *stored) if filled(path) is not None), "")
            read = next((path for path in ("/", *stored, well) if path and filled(path)), "")
        except httpx.HTTPError as error:
            return DiscoveredPaths(problem=str(error) or type(error).__name__)
    return DiscoveredPaths(health=well, read=read, refused=next(iter(refused), 0))


def statuses_of(entry: str, tls: ssl.SSLContext, paths: Sequence[str]) -> dict[str, int]:
    """Path → status of the answer to GET; 0 if no answer was complete in time."""
    import httpx

    found: dict[str, int] = {}
    with httpx.Client(base_url=entry, verify=tls, timeout=_WITHIN_S, trust_env=False) as client:
        for path in paths:
            try:
                with client.stream("GET", path) as answer:
                    found[path] = 0 if _filled(answer) is None else answer.status_code
            except httpx.HTTPError:
                found[path] = 0
    return found


def _filled(answer: httpx.Response) -> bool | None:
    """Whether a body has text; None if it is a stream that does not end in time."""
    deadline, found = Deadline.after(_WITHIN_S), False
    for piece in answer.iter_bytes():
        found = found or bool(piece.strip())
        if deadline.over:
            return None
    return found
