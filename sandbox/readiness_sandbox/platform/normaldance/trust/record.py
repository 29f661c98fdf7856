"""The one place where each refusal and each change of state is noted: a counter of the pod's metrics."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from prometheus_client import Counter


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessEvent:
    """What happened.

    Attributes:
        event: route of the gateway or of the service, as `set-roles`.
        outcome: `done` or `refused`.
        status: of the answer.
        actor: name of the user or client, empty where it is not known.
        about: whom or what it was done to.
        reason: why it was refused.
    """

    event: str
    outcome: str
    status: int
    actor: str = ""
    about: str = ""
    reason: str = ""


class AccessRecord:
    """What is noted at this pod."""

    def __init__(self) -> None:
        self.counter = Counter(
            "access_events_total", "Changes and refusals.", ("event", "outcome", "status"), registry=None
        )

    def note(self, entry: AccessEvent) -> None:
        """Note one, at once."""
        self.counter.labels(entry.event, entry.outcome, entry.status).inc()


RECORD = web.AppKey("record", AccessRecord)
