"""Records one row for each request, also for requests without an answer.

Locust's own statistics get the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from locust.exception import CatchResponseError

from harness import clock
from harness.evidence.rows import RowWriter
from harness.locust.client.response import Response
from harness.units import NS_PER_MS, NS_PER_S

CUT_OFF: Final = "cut_off"
OURS: Final[dict[str, Any]] = {}
"""The context of requests that are recorded here; it tells listeners of Locust's event to skip them."""
_NOWHERE: Final = (None, None, None)


def is_foreign(kind: type) -> bool:
    """Whether a class of users is not one of the harness, whose classes record their requests themselves."""
    return getattr(kind, "model", None) not in {"open", "closed"}


@dataclass(kw_only=True, slots=True, eq=False)
class Request:
    """A request in progress.

    It is not frozen, as one is made for each request, and that would double its cost.

    Attributes:
        journey: name of the journey. step: its place in it, from 1. name: of the route. method: HTTP's.
        intended_ns: when it was due. sent_ns: when it was begun.
        arrival: number of the journey in this worker, from 1; 0: unknown.
        connection: number of the connection in this worker, from 1; 0: none was made.
        account: number of the user who is signed in, the same in all workers; 0: unknown.
    """

    journey: str
    step: int
    name: str
    method: str
    intended_ns: int
    sent_ns: int
    arrival: int = 0
    connection: int = 0
    account: int = 0


class RequestRecorder:
    """Keeps the requests in progress, and writes the row of each when it ends.

    Without a writer it only reports to Locust.
    """

    def __init__(self, writer: RowWriter | None, *, worker: int, region: str | None, request_event: Any) -> None:
        self._writer = writer
        self._worker = worker
        self._region = region
        self._fire = request_event.fire
        self._epoch_s = clock.wall().timestamp() - clock.now_s()
        self._open: set[Request] = set()

    def begin(self, request: Request) -> None:
        """Record that the request was begun."""
        self._open.add(request)

    def end(
        self,
        request: Request,
        done_ns: int,
        *,
        response: Response | None = None,
        error: str | None = None,
        served: tuple[str | None, str | None, str | None] = _NOWHERE,
        served_us: int = 0,
    ) -> None:
        """Write its row and report to Locust, unless it was cut off before.

        Args:
            request: that has begun.
            done_ns: when the answer was complete, or the failure detected.
            response: as much of the answer as came.
            error: kind of failure; None: answered as expected.
            served: region, pod and release that served it, as far as the answer says.
            served_us: how long serving it took, as the answer says; 0: it does not.
        """
        if request not in self._open:
            return
        self._open.discard(request)
        status, size = (response.status_code, len(response.body)) if response is not None else (0, 0)
        if self._writer is not None:
            self._writer.put(
                (
                    request.intended_ns,
                    request.sent_ns,
                    done_ns,
                    status,
                    size,
                    self._worker,
                    request.arrival,
                    request.connection,
                    served_us,
                    request.account,
                ),
                (
                    request.journey,
                    str(request.step),
                    request.name,
                    request.method,
                    self._region,
                    *served,
                    error,
                ),
            )
        self._fire(
            request_type=request.method,
            name=request.name,
            response_time=(done_ns - request.intended_ns) / NS_PER_MS,
            response_length=size,
            response=response,
            exception=CatchResponseError(error) if error else None,
            context=OURS,
            start_time=request.sent_ns / NS_PER_S + self._epoch_s,
            url=None,
        )

    def put_row(
        self,
        times_status_size: tuple[int, int, int, int, int],
        route: tuple[str, str, str, str],
        served: tuple[str | None, str | None, str | None],
        error: str | None,
    ) -> None:
        """Write the row of a request that one of Locust's own users sent.

        Args:
            times_status_size: when it was due, sent and answered, its status, and the bytes of its answer.
            route: journey, step, name and method.
            served: region, pod and release that served it.
            error: kind of failure; None: none.
        """
        if self._writer is not None:
            self._writer.put(
                (*times_status_size, self._worker, 0, 0, 0, 0),
                (*route, self._region, *served, error),
            )

    def cut_off(self) -> None:
        """End all requests in progress as cut off.

        The slowest requests are among them; without them the figures would be too good.
        """
        now = clock.now_ns()
        for request in tuple(self._open):
            self.end(request, now, error=CUT_OFF)

    def flush(self) -> None:
        """Write the buffered rows to the operating system."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Record all open requests as cut off, and end the file with its end record."""
        self.cut_off()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
