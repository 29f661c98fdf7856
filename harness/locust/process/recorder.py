"""Records one row per request, also for requests without an answer.

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
"""The context of requests that are recorded here; listeners of Locust's event skip requests with it."""
_NOWHERE: Final = (None, None, None)


def is_foreign(kind: type) -> bool:
    """Whether a class of users is not from the harness, so that its requests are recorded by Locust's event."""
    return getattr(kind, "model", None) not in {"open", "closed"}


@dataclass(kw_only=True, slots=True, eq=False)
class Request:
    """A request in progress.

    The class is not frozen, since freezing would double the cost of the object that is made for each request.

    Attributes:
        journey: name of the journey.
        step: place of the request in the journey, from 1.
        name: name of the route.
        method: HTTP method.
        intended_ns: due time, in ns.
        sent_ns: send time, in ns.
        arrival: number of the journey in this worker, from 1; 0: unknown.
        connection: number of the connection in this worker, from 1; 0: there was no connection.
        account: number of the signed-in user, equal in all workers; 0: unknown.
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
    """Keeps the requests in progress, and writes a row when a request ends.

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
        """Record the begin of a request."""
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
        described: int = 0,
    ) -> None:
        """Write the row of a request and report it to Locust, unless it was cut off before.

        Args:
            request: request that has begun.
            done_ns: time at which the answer was complete or the failure was detected, in ns.
            response: answer, complete or not.
            error: kind of failure; None: answered as expected.
            served: region, pod and release that served the request, as far as the answer names them.
            served_us: serving time in µs from the answer; 0: not in the answer.
            described: whether the answer is as the API description says, a code of `harness.model.records.table`.
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
                    described,
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
        described: int = 0,
    ) -> None:
        """Write the row of a request of Locust's own users.

        Args:
            times_status_size: due time, send time and end (ns), status, and size of the answer in bytes.
            route: journey, step, name and method.
            served: region, pod and release that served the request.
            error: kind of failure; None: answered as expected.
            described: whether the answer is as the API description says, a code of `harness.model.records.table`.
        """
        if self._writer is not None:
            self._writer.put(
                (*times_status_size, self._worker, 0, 0, 0, 0, described),
                (*route, self._region, *served, error),
            )

    def cut_off(self) -> None:
        """End all requests in progress as cut off.

        These are the slowest requests; without them the figures would be too good.
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
