"""Requests of Locust's own users that are in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from gevent import getcurrent

from harness import clock

if TYPE_CHECKING:
    from harness.locust.process.foreign import ForeignRequests


class RequestRow(NamedTuple):
    """A request that has ended, or whose headers have come.

    Attributes:
        route: name and method. journey: name of the user.
        span: when it was sent and answered. status, size: of the answer. served: region, pod and release that served it.
        error: kind of failure; None: none.
    """

    route: tuple[str, str]
    journey: str
    span: tuple[int, int]
    status: int = 0
    size: int = 0
    served: tuple[str | None, str | None, str | None] = (None, None, None)
    error: str | None = None


class UnderWay:
    """A `with` around a request that was sent and that Locust has not reported yet.

    Args:
        requests: of this process.
        route: name and method.
        named: whether the file gave the name; else it is known when the request is prepared.
        streamed: whether Locust reports it when its headers have come.

    Attributes:
        row: as Locust reported it, where it is streamed.
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
