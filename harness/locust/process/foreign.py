"""Records users of Locust's own (`HttpUser`, `FastHttpUser`, any `User`) through Locust's request event.

Names, failures and `catch_response` work as in Locust. Each request is due when it is sent: a closed model. The users
use the certificates of the target, unless a session, class or request sets others.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from gevent import getcurrent
from locust.clients import HttpSession
from locust.clients import ResponseContextManager as CaughtResponse
from locust.contrib.fasthttp import FastHttpSession
from locust.contrib.fasthttp import ResponseContextManager as FastCaughtResponse
from locust.exception import (
    CatchResponseError,
    InterruptTaskSet,
    LocustError,
    RescheduleTask,
    RescheduleTaskImmediately,
    ResponseError,
    StopTest,
    StopUser,
)

from harness import clock
from harness.locust.process.certificates import certificates, show_certificate
from harness.locust.process.recorder import CUT_OFF, OURS, is_foreign
from harness.locust.process.streams import StreamReading, body_of, kind_of_any, reading_of
from harness.locust.process.under_way import RequestRow, UnderWay
from harness.locust.process.worker import LocustWorker
from harness.units import NS_PER_MS, NS_PER_S

_SERVED: Final = ("x-served-region", "x-served-pod")
_ERROR: Final = 400
_SUCCEEDED: Final = 200
"""Status recorded for a success without an HTTP status: gRPC, SQL, a queue, or steps reported as one request."""
_MOST_KINDS: Final = 100
"""Maximum number of different failures with a recorded text; further failures are recorded by class only."""
_LONGEST: Final = 120
_MISTAKES: Final = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RuntimeError)
"""Errors that reading an event may raise, since a locustfile may fire the event with any values."""
_WAYS_OUT: Final = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser)
"""Exceptions that a task raises to continue elsewhere; they are not errors."""


class _BrokenTask(CatchResponseError):
    """Failure of a task that raised an error while reading a valid answer."""


class ForeignRequests:
    """Records every request that Locust reports, and every request without a report or open at the end.

    Args:
        worker: `LocustWorker` of this process.
        environment: environment of Locust.

    Attributes:
        open: requests in progress.
        sending: request that each greenlet sends at present.
    """

    def __init__(self, worker: LocustWorker, environment: Any) -> None:
        self._worker = worker
        self._since_ns = clock.now_ns()
        self._kinds: dict[str, None] = {}
        self._failed: weakref.WeakSet[Any] = weakref.WeakSet()
        self._users: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._read: dict[StreamReading, Any] = {}
        self.open: set[UnderWay] = set()
        self.sending: weakref.WeakKeyDictionary[Any, UnderWay | None] = weakref.WeakKeyDictionary()
        self._senders: weakref.WeakSet[Any] = weakref.WeakSet()
        self._runner: Any = environment.runner
        worker.before_close = self._cut_off
        worker.silent = self._silent
        environment.stop_timeout = worker.options.drain_s  # a task under way may end, as our own journeys may
        environment.events.request.add_listener(self._ended)
        environment.events.user_error.add_listener(self._broke)
        environment.events.request.measure = self._measured(environment.events.request.measure)
        for session in (HttpSession, FastHttpSession):
            session.request = self._followed(session.request)  # type: ignore[method-assign]
        HttpSession.prepare_request = self._named(HttpSession.prepare_request)  # type: ignore[method-assign]
        for caught in (CaughtResponse, FastCaughtResponse):
            caught.__exit__ = _reported(caught.__exit__)  # type: ignore[method-assign]
        for kind in environment.user_classes:
            show_certificate(kind)

    def _followed(self, request: Callable[..., Any]) -> Callable[..., Any]:
        """Follow a request of a session, so that it gets a row however it ends: the slowest requests end without an answer."""

        @wraps(request)
        def follow(session: Any, method: str, url: str, name: str | None = None, **options: Any) -> Any:
            user = getattr(session, "user", None)
            if user is not None:
                self._users[getcurrent()] = type(user).__name__.lower()
            self._sends()
            if isinstance(session, HttpSession):
                options = {**certificates(session), **options}
            given = name or getattr(session, "request_name", None)
            caught, streamed = bool(options.get("catch_response")), bool(options.get("stream"))
            route = (str(given or url), str(method))
            with UnderWay(self, route, named=bool(given), streamed=streamed and not caught) as sent:
                response = request(session, method, url, name=name, **options)
            if streamed:
                self._is_read(response, sent.row)
            if caught:
                self._caught(response, f"{method} {sent.route[0]}")
            return response

        return follow

    def _named(self, prepare: Callable[..., Any]) -> Callable[..., Any]:
        """Name a request of Requests when it is prepared: as Locust does, by its path with its `params`."""

        @wraps(prepare)
        def follow(session: Any, request: Any) -> Any:
            prepared, sent = prepare(session, request), self.sending.get(getcurrent())
            if sent is not None and not sent.named:
                sent.route, sent.named = (str(prepared.path_url), sent.route[1]), True
            return prepared

        return follow

    def _is_read(self, response: Any, row: RequestRow | None) -> None:
        """Follow the reading of an answer after its headers; record a request that Locust has reported once its answer is no longer read."""
        body = body_of(response)
        if body is None:
            if row is not None:
                self._put(row)
            return
        body.reading = reading = StreamReading(response)
        if row is not None:
            self._read[reading] = kept = weakref.finalize(body, self._was_read, reading, row)
            kept.atexit = False

    def _was_read(self, reading: StreamReading, row: RequestRow) -> None:
        """Record a request whose answer the locustfile has finished reading."""
        self._read.pop(reading, None)
        done_ns = max(row.span[1], reading.at_ns)
        error = CUT_OFF if reading.busy else reading.error or None
        self._put(row._replace(span=(row.span[0], done_ns), error=row.error or error))

    def _measured(self, measure: Callable[..., Any]) -> Callable[..., Any]:
        """Locust's `measure`, extended so that blocks which are open at the end are recorded."""

        @wraps(measure)
        @contextmanager
        def follow(request_type: str, name: str, *arguments: Any, **options: Any) -> Iterator[dict[str, Any]]:
            self._sends()
            request = UnderWay(self, (str(name), str(request_type)))
            with measure(request_type, name, *arguments, **options) as meta:
                self.open.add(request)
                try:
                    yield meta
                finally:
                    self.open.discard(request)

        return follow

    def ended_by(self, error: BaseException, request: UnderWay) -> None:
        """Record a request with an end that Locust does not report.

        Its greenlet was killed, or a `gevent.Timeout` of the locustfile ended it: neither is an `Exception`. For other
        exceptions it is unknown whether the request was sent, so the journey counts as broken.
        """
        if not isinstance(error, Exception):
            self._put_failed(request, kind_of_any(error))
        elif not isinstance(error, _WAYS_OUT):  # which a listener of the event may raise: it is reported then
            self._worker.broke(error)
            self._failed.add(getcurrent())  # so that it breaks no second time when its task has raised it

    def _cut_off(self) -> None:
        """Record the requests that are open at the end: Locust ends its users, but not the greenlets that they spawned."""
        for request in self.open:
            self._put_failed(request, CUT_OFF)
        self.open.clear()
        for kept in [*self._read.values()]:
            kept()

    def _put_failed(self, request: UnderWay, error: str) -> None:
        self._put(
            RequestRow(
                route=request.route,
                journey=request.journey,
                span=(request.sent_ns, clock.now_ns()),
                error=error,
            )
        )

    def _caught(self, response: Any, route: str) -> None:
        """Detect a `catch_response` response that is discarded without a `with` block."""
        if response.request_meta["response"] is response:
            response.request_meta["response"] = None  # until it is left: a cycle would be freed late, or never
        response.kept = weakref.finalize(response, self._lost, route)
        response.kept.atexit = False

    def _lost(self, route: str) -> None:
        """Report a response that was discarded without a `with` block: Locust does not report its request, so it has no row.

        Its journey counts as broken, because a request was sent and its result is unknown.
        """
        self._worker.broke(
            LocustError(f"{route}: `catch_response=True` needs `with`, else Locust does not report the request")
        )

    def _ended(self, *, context: Any = None, exception: object = None, **said: Any) -> None:
        """Record a request; if its event cannot be read, its journey counts as broken, since Locust would log it and lose the request.

        A request has failed if Locust counts it so: its exception is an exception, a text, or any other true value.
        """
        if context is OURS:
            return
        self._sends()
        exception = exception or None
        if exception is None and not isinstance(getattr(said.get("response"), "status_code", None), int):
            exception = _on_its_way()
        if exception is None or isinstance(exception, _BrokenTask):
            self._failed.discard(getcurrent())  # what raises after this is no consequence of an earlier failure
        else:
            self._failed.add(getcurrent())
        try:
            self._record(exception=exception, **said)
        except _MISTAKES as error:
            self._worker.broke(error)

    def _record(
        self,
        *,
        request_type: str = "",
        name: str = "",
        response_time: float | None = None,
        response_length: int | None = None,
        exception: object = None,
        response: Any = None,
        start_time: float | None = None,
        **_: Any,
    ) -> None:
        status, named = _status(response, exception), (*_SERVED, self._worker.options.release_header)
        region, pod, release = (_header(response, header) for header in named)
        row = RequestRow(
            route=(str(name), str(request_type)),
            journey=self.journey(),
            span=self._span(response_time, start_time),
            status=status,
            size=int(response_length or 0),
            served=(region, pod, release or None),
            error=None if exception is None else self._kind(exception, status),
            described=self._compared(str(request_type), response, status),
        )
        sent = self.sending.get(getcurrent())
        if sent is not None and sent.streamed and sent.route == row.route:  # else it is of a listener
            sent.row = row
        else:
            self._put(row)

    def _compared(self, method: str, response: Any, status: int) -> int:
        sent = self.sending.get(getcurrent())
        streamed = sent is not None and sent.streamed
        return 0 if streamed else self._worker.comparer.of_locust(method, response, status)

    def _span(self, response_time: float | None, start_time: float | None) -> tuple[int, int]:
        """When a request was sent and answered; both times are equal if it has no response time, so that it is in no quantile, as in Locust.

        Raises ValueError for a response time that is no length of time.
        """
        now_ns = clock.now_ns()
        if response_time is None:
            return now_ns, now_ns
        if not 0 <= response_time < math.inf:
            raise ValueError(f"a request was reported with a response time of {response_time} ms")
        took_ns = max(round(float(response_time) * NS_PER_MS), 1)
        ago_ns = self._ago_ns(start_time, now_ns)
        sent_ns = now_ns - max(took_ns if ago_ns is None else ago_ns, 1)
        return sent_ns, min(sent_ns + took_ns, now_ns)

    def _ago_ns(self, start_time: float | None, now_ns: int) -> int | None:
        """How long ago a request began, in ns; None if its start is not a wall-clock time since this process began, such as `perf_counter`."""
        if start_time is None:
            return None
        ago_s = clock.wall().timestamp() - start_time
        return round(ago_s * NS_PER_S) if 0 <= ago_s <= (now_ns - self._since_ns) / NS_PER_S else None

    def _put(self, row: RequestRow) -> None:
        sent_ns, done_ns = row.span
        self._worker.recorder.put_row(
            (sent_ns, sent_ns, done_ns, row.status, row.size),
            (row.journey, "", *row.route),
            row.served,
            row.error,
            row.described,
        )

    def _sends(self) -> None:
        """Note that the user of this greenlet, or of the one that spawned it, sends requests."""
        greenlet = getcurrent()
        while greenlet is not None and greenlet not in self._senders:
            self._senders.add(greenlet)
            parent = getattr(greenlet, "spawning_greenlet", None)
            greenlet = parent() if parent is not None else None

    def _silent(self) -> int:
        """Number of Locust's own users that have not sent a request yet."""
        return sum(
            greenlet not in self._senders and is_foreign(type(greenlet.args[0]))
            for greenlet in self._runner.user_greenlets
        )

    def journey(self) -> str:
        """Name of the user of this greenlet; empty if unknown."""
        return self._users.get(getcurrent(), "")

    def _kind(self, error: object, status: int) -> str:
        """The failure in a few words: a status, a known word, or the text from the locustfile."""
        if isinstance(error, CatchResponseError) or not isinstance(error, BaseException):
            kind = str(error)[:_LONGEST] or "failure"
        elif status >= _ERROR:
            kind = f"status {status}"
        else:
            kind = kind_of_any(error)
        if kind not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            return type(error).__name__
        self._kinds[kind] = None
        return kind

    def _broke(self, exception: BaseException, **_: Any) -> None:
        """Record a task that raised: as an error in its file, unless the last request of its user had failed."""
        here = getcurrent()
        if here in self._failed:
            self._failed.discard(here)
        else:
            self._worker.broke(exception)


def _reported(leave: Callable[..., Any]) -> Callable[..., Any]:
    """The end of a `with` block of `catch_response` that reports its request even if the body raised; Locust would not.

    A response that the file keeps may be used in several `with` blocks; Locust reports it each time. The failure is that of its status; if
    the status is right and the body raised, it is a `broken task`.
    """

    @wraps(leave)
    def report(response: Any, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> Any:
        if (kept := getattr(response, "kept", None)) is not None:
            kept.detach()
            if response.request_meta["response"] is None:
                response.request_meta["response"] = response
        if (reading := reading_of(response)) is not None:
            reading.report(response)
        if kind is None or response._manual_result is not None or isinstance(error, ResponseError):  # noqa: SLF001
            return leave(response, kind, error, trace)
        right = response.request_meta["exception"] is None and 0 < response.status_code < _ERROR
        if right and isinstance(error, Exception) and not isinstance(error, _WAYS_OUT):
            response.failure(_BrokenTask("broken task"))
        leave(response, None, None, None)
        return False

    return report


def _on_its_way() -> BaseException | None:
    """The exception that ends a block which reports its request in a `finally`: a killed greenlet or a timeout.

    None if Locust has caught it already: `on_stop` runs while Locust handles it.
    """
    error = sys.exception()
    if error is None or isinstance(error, Exception) or error.__traceback__ is None:
        return None
    by = str(error.__traceback__.tb_frame.f_globals.get("__name__"))
    return None if by.startswith("locust.user.") else error


def _status(response: Any, exception: object) -> int:
    """The HTTP status; without one, 0 for a failure. An HTTP response with status 0 never came, whatever a task reports."""
    status = getattr(response, "status_code", None)
    if isinstance(status, int):
        return status
    return _SUCCEEDED if exception is None else 0


def _header(response: Any, name: str | None) -> str | None:
    """A header of a response; None if its headers cannot be read by name, such as pairs of a message queue."""
    get = getattr(getattr(response, "headers", None), "get", None)
    value = get(name) if name and callable(get) else None
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return None if value is None else str(value)
