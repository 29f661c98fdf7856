"""One row a request, also for those that never got an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness import clock
from harness.evidence.rows import RowWriter

CUT_OFF: Final = "cut_off"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Request:
    """A request under way.

    Attributes:
        journey: name of the journey. step: its place in it, from 1. name: of the route. method: HTTP's.
        intended_ns: when it was due. sent_ns: when it was begun.
    """

    journey: str
    step: int
    name: str
    method: str
    intended_ns: int
    sent_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a request ended.

    Attributes:
        done_ns: when the whole answer was read, or the failure seen.
        status: HTTP's; 0: no answer. size: bytes of the body.
        error: kind of failure; None: answered as expected.
        served: `region`, `pod` and `release` that served it, as far as the answer says.
    """

    done_ns: int
    status: int = 0
    size: int = 0
    error: str | None = None
    served: Mapping[str, str | None]


class Recorder:
    """Knows every request under way, and writes each one's row when it ends; without a writer it only knows."""

    def __init__(self, writer: RowWriter | None, *, worker: int, region: str | None) -> None:
        self._writer = writer
        self._worker = worker
        self._region = region
        self._open: set[Request] = set()

    def begin(self, request: Request) -> None:
        """The request is under way."""
        self._open.add(request)

    def end(self, request: Request, outcome: Outcome) -> None:
        """Write its row, unless it was cut off before."""
        if request not in self._open:
            return
        self._open.discard(request)
        if self._writer is None:
            return
        self._writer.put(
            (
                request.intended_ns,
                request.sent_ns,
                outcome.done_ns,
                outcome.status,
                outcome.size,
                self._worker,
            ),
            (
                request.journey,
                str(request.step),
                request.name,
                request.method,
                self._region,
                outcome.served.get("region"),
                outcome.served.get("pod"),
                outcome.served.get("release"),
                outcome.error,
            ),
        )

    def cut_off(self) -> None:
        """End all requests under way: the slowest ones are among them, and leaving them out would flatter."""
        now = clock.now_ns()
        for request in tuple(self._open):
            self.end(request, Outcome(done_ns=now, error=CUT_OFF, served={}))

    def flush(self) -> None:
        """Hand the rows to the operating system."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Cut off what is under way, and end the file in order."""
        self.cut_off()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
