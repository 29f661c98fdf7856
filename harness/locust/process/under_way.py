"""Requests of Locust's own users that are in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from gevent import getcurrent

from harness import clock

if TYPE_CHECKING:
    from harness.locust.process.foreign import ForeignRequests


class RequestRow(NamedTuple):
    """A request that has ended, or whose headers have arrived.

    Attributes:
        route: name and method of the request.
        journey: name of the user.
        span: times at which the request was sent and answered (ns).
        status: HTTP status of the answer.
        size: size of the answer in bytes.
        served: region, pod and release that served the request.
        error: kind of failure; None: answered as expected.
        described: whether the answer is as the API description says, a code of `harness.model.records.table`.
    """

    route: tuple[str, str]
    journey: str
    span: tuple[int, int]
    status: int = 0
    size: int = 0
    served: tuple[str | None, str | None, str | None] = (None, None, None)
    error: str | None = None
    described: int = 0


class UnderWay:
    """A `with` block around a request that was sent and that Locust has not yet reported.

    Args:
        requests: recorder of the requests of this process.
        route: name and method of the request.
        named: whether the locustfile gave the name; otherwise the name is known when the request is prepared.
        streamed: whether Locust reports the request when its headers have arrived.

    Attributes:
        row: row as Locust reported it, for a streamed request.
    """

    def __init__(
        self, requests: ForeignRequests, route: tuple[str, str], *, named: bool = True, streamed: bool = False
    ) -> None:
        self._requests = requests
        self.route = route
        self.named = named
        self.streamed = streamed
        self.row: RequestRow | None = None
        self.journey = requests.journey()
        self.sent_ns = clock.now_ns()

    def __enter__(self) -> Self:
        self._requests.open.add(self)
        self._around, self._requests.sending[getcurrent()] = self._requests.sending.get(getcurrent()), self
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._requests.open.discard(self)
        self._requests.sending[getcurrent()] = self._around
        if error is not None:
            self._requests.ended_by(error, self)
