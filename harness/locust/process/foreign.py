"""Users of Locust's own (`HttpUser`, `FastHttpUser`, any `User`), recorded through Locust's request event.

Names, failures and `catch_response` are as Locust has them. Each request is due when it is sent: a closed model.
The certificates of the target are theirs too, where a session, a class or a request has none of its own.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

import gevent.ssl
from gevent import Timeout, getcurrent
from locust import FastHttpUser
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
from harness.locust.client.failures import kind_of
from harness.locust.process.recorder import CUT_OFF, OURS, is_foreign
from harness.locust.process.worker import LocustWorker
from harness.targets.http import CLIENT_CERT, CLIENT_KEY
from harness.units import NS_PER_MS, NS_PER_S

_SERVED: Final = ("x-served-region", "x-served-pod")
_ERROR: Final = 400
_SUCCEEDED: Final = 200
"""The status of a success that HTTP has none for: of gRPC, SQL, a queue, or of steps that are reported as one request."""
_MOST_KINDS: Final = 100
"""So many different failures are kept apart; of later ones only the class is."""
_LONGEST: Final = 120
_MISTAKES: Final = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RuntimeError)
"""What reading an event may raise that a locustfile fires itself: its values may be anything."""
_WAYS_OUT: Final = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser)
"""What a task raises to go on elsewhere: no mistake."""


class _BrokenTask(CatchResponseError):
    """The task raised while it read a right answer: its own mistake, or a content that it did not expect."""


class _UnderWay:
    """A `with` around a request that was sent and that Locust has not reported yet.

    Args:
        requests: of this process.
        route: name and method.
    """

    def __init__(self, requests: ForeignRequests, route: tuple[str, str]) -> None:
        self._requests = requests
        self.route = route
        self.journey = requests.journey()
        self.sent_ns = clock.now_ns()

    def __enter__(self) -> None:
        self._requests.open.add(self)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._requests.open.discard(self)
        if error is not None:
            self._requests.ended_by(error, self)


class ForeignRequests:
    """Records every request that Locust reports, and every one that ended without a report or is open at the end.

    Args:
        worker: that serves this process.
        environment: Locust's.

    Attributes:
        open: requests under way.
    """

    def __init__(self, worker: LocustWorker, environment: Any) -> None:
        self._worker = worker
        self._since_ns = clock.now_ns()
        self._kinds: dict[str, None] = {}
        self._failed: weakref.WeakSet[Any] = weakref.WeakSet()
        self._users: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self.open: set[_UnderWay] = set()
        worker.before_close = self._cut_off
        environment.stop_timeout = worker.options.drain_s  # a task under way may end, as our own journeys may
        environment.events.request.add_listener(self._ended)
        environment.events.user_error.add_listener(self._broke)
        environment.events.request.measure = self._measured(environment.events.request.measure)
        for session in (HttpSession, FastHttpSession):
            session.request = self._followed(session.request)  # type: ignore[method-assign]
        for caught in (CaughtResponse, FastCaughtResponse):
            caught.__exit__ = _reported(caught.__exit__)  # type: ignore[method-assign]
        for kind in environment.user_classes:
            _show_certificate(kind)

    def _followed(self, request: Callable[..., Any]) -> Callable[..., Any]:
        """A request of a session that has its row however it ends: the slowest ones end otherwise than by an answer."""

        @wraps(request)
        def follow(session: Any, method: str, url: str, name: str | None = None, **options: Any) -> Any:
            user = getattr(session, "user", None)
            if user is not None:
                self._users[getcurrent()] = type(user).__name__.lower()
            if isinstance(session, HttpSession):
                options = {**_certificates(session), **options}
            route = str(name or getattr(session, "request_name", None) or url)
            with _UnderWay(self, (route, str(method))):
                response = request(session, method, url, name=name, **options)
            if options.get("catch_response"):
                self._caught(response, f"{method} {route}")
            return response

        return follow

    def _measured(self, measure: Callable[..., Any]) -> Callable[..., Any]:
        """Locust's `measure`, of which what is open at the end is recorded: it fires its event however its block is left."""

        @wraps(measure)
        @contextmanager
        def follow(request_type: str, name: str, *arguments: Any, **options: Any) -> Iterator[dict[str, Any]]:
            request = _UnderWay(self, (str(name), str(request_type)))
            with measure(request_type, name, *arguments, **options) as meta:
                self.open.add(request)
                try:
                    yield meta
                finally:
                    self.open.discard(request)

        return follow

    def ended_by(self, error: BaseException, request: _UnderWay) -> None:
        """Record a request that was left by what Locust does not report.

        Its greenlet was killed, or a `gevent.Timeout` of its file is over: neither is an `Exception`. Of another one that
        the file lets be raised, and may catch, it is not known whether the request was sent: its journey broke.
        """
        if not isinstance(error, Exception):
            self._put_failed(request, _given_up(error))
        elif not isinstance(error, _WAYS_OUT):  # which a listener of the event may raise: it is reported then
            self._worker.broke(error)
            self._failed.add(getcurrent())  # so that it breaks no second time when its task has raised it

    def _cut_off(self) -> None:
        """Record what is open at the end: Locust ends its users, not the greenlets that they have spawned."""
        for request in self.open:
            self._put_failed(request, CUT_OFF)
        self.open.clear()

    def _put_failed(self, request: _UnderWay, error: str) -> None:
        self._put(request.route, (request.sent_ns, clock.now_ns()), journey=request.journey, error=error)

    def _caught(self, response: Any, route: str) -> None:
        """Notice when a response is given up that no `with` has left."""
        if response.request_meta["response"] is response:
            response.request_meta["response"] = None  # until it is left: a cycle would be freed late, or never
        response.kept = weakref.finalize(response, self._lost, route)
        response.kept.atexit = False

    def _lost(self, route: str) -> None:
        """The response of a request was given up, and no `with` had left it: Locust reports none of it, and so does no row.

        Its journey counts as broken, because the target was asked and what it answered is not known.
        """
        self._worker.broke(LocustError(f"{route}: catch_response=True without `with`: Locust reports no such request"))

    def _ended(self, *, context: Any = None, exception: BaseException | None = None, **said: Any) -> None:
        """Record a request; one that cannot be read breaks its journey, for Locust would log it and the request be lost."""
        if context is OURS:
            return
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
        exception: BaseException | None = None,
        response: Any = None,
        start_time: float | None = None,
        **_: Any,
    ) -> None:
        now_ns = clock.now_ns()
        took_ns = None if response_time is None else round(float(response_time) * NS_PER_MS)
        ago_ns = self._ago_ns(start_time, now_ns)
        if ago_ns is None:
            ago_ns = took_ns or 0
        sent_ns = now_ns - max(ago_ns, 0)
        done_ns = now_ns if took_ns is None else max(sent_ns, min(sent_ns + took_ns, now_ns))
        status = _status(response, exception)
        error = None if exception is None else self._kind(exception, status)
        route = (str(name), str(request_type))
        size = int(response_length or 0)
        self._put(route, (sent_ns, done_ns), status=status, size=size, response=response, error=error)

    def _ago_ns(self, start_time: float | None, now_ns: int) -> int | None:
        """How long ago a request began; None where its start is no time of the wall clock since this process began, as of `perf_counter`."""
        if start_time is None:
            return None
        ago_s = clock.wall().timestamp() - start_time
        return round(ago_s * NS_PER_S) if 0 <= ago_s <= (now_ns - self._since_ns) / NS_PER_S else None

    def _put(
        self,
        route: tuple[str, str],
        span: tuple[int, int],
        *,
        status: int = 0,
        size: int = 0,
        response: Any = None,
        journey: str | None = None,
        error: str | None,
    ) -> None:
        sent_ns, done_ns = span
        named = (*_SERVED, self._worker.options.release_header)
        region, pod, release = (_header(response, header) for header in named)
        self._worker.recorder.put_row(
            (sent_ns, sent_ns, done_ns, status, size),
            (self.journey() if journey is None else journey, "", *route),
            (region, pod, release or None),
            error,
        )

    def journey(self) -> str:
        """Name of the user whose greenlet this is; empty: not known."""
        return self._users.get(getcurrent(), "")

    def _kind(self, error: BaseException, status: int) -> str:
        """The failure in a few words: a status, a word of ours, or what `catch_response` says."""
        if isinstance(error, CatchResponseError):
            kind = str(error)[:_LONGEST] or "failure"
        elif status >= _ERROR:
            kind = f"status {status}"
        elif not isinstance(error, Exception):
            kind = _given_up(error)
        elif "timeout" in type(error).__name__.lower():
            kind = "timeout"
        else:
            kind = kind_of(error)
        if kind not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            return type(error).__name__
        self._kinds[kind] = None
        return kind

    def _broke(self, exception: BaseException, **_: Any) -> None:
        """A task raised: a mistake in its file, unless the last request of its user had failed."""
        here = getcurrent()
        if here in self._failed:
            self._failed.discard(here)
        else:
            self._worker.broke(exception)


def _reported(leave: Callable[..., Any]) -> Callable[..., Any]:
    """The end of a `with` of `catch_response` that reports its request although the body raised: Locust would report none.

    A response that was kept may be left so later, and as often as its file does: Locust reports it each time.
    It has the failure of its status; a right one that the body broke on is a `broken task`.
    """

    @wraps(leave)
    def report(response: Any, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> Any:
        if (kept := getattr(response, "kept", None)) is not None:
            kept.detach()
            if response.request_meta["response"] is None:
                response.request_meta["response"] = response
        if kind is None or response._manual_result is not None or isinstance(error, ResponseError):  # noqa: SLF001
            return leave(response, kind, error, trace)
        right = response.request_meta["exception"] is None and 0 < response.status_code < _ERROR
        if right and isinstance(error, Exception) and not isinstance(error, _WAYS_OUT):
            response.failure(_BrokenTask("broken task"))
        leave(response, None, None, None)
        return False

    return report


def _on_its_way() -> BaseException | None:
    """What ends the block that reports its request in a `finally`, as `measure` does: the greenlet is killed, or its time is over.

    None where Locust has caught it already: `on_stop` runs while it handles it.
    """
    error = sys.exception()
    if error is None or isinstance(error, Exception) or error.__traceback__ is None:
        return None
    by = str(error.__traceback__.tb_frame.f_globals.get("__name__"))
    return None if by.startswith("locust.user.") else error


def _given_up(error: BaseException) -> str:
    """The failure of a request that its own file ended, or the end of the load."""
    return "timeout" if isinstance(error, Timeout) else CUT_OFF


def _status(response: Any, exception: BaseException | None) -> int:
    """HTTP's; where there is none, 0 of a failure. An HTTP response of status 0 is one that never came, whatever a task makes of it."""
    status = getattr(response, "status_code", None)
    if isinstance(status, int):
        return status
    return _SUCCEEDED if exception is None else 0


def _header(response: Any, name: str | None) -> str | None:
    """A header of a response; None where its headers cannot be asked by name, as the pairs of a queue."""
    get = getattr(getattr(response, "headers", None), "get", None)
    value = get(name) if name and callable(get) else None
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return None if value is None else str(value)


def _certificates(session: HttpSession) -> dict[str, Any]:
    """Options of Requests for the target's certificates. Locust's sessions do not read the environment, so that no proxy is between."""
    options: dict[str, Any] = {}
    if session.verify is True and (authorities := os.environ.get("REQUESTS_CA_BUNDLE")):
        options["verify"] = authorities
    if session.cert is None and (certificate := os.environ.get(CLIENT_CERT)):
        key = os.environ.get(CLIENT_KEY)
        options["cert"] = (certificate, key) if key else certificate
    return options


def _show_certificate(kind: type) -> None:
    """Let a `FastHttpUser` show the client's certificate. Whether it verifies the target is its own `insecure`."""
    certificate = os.environ.get(CLIENT_CERT)
    if not certificate or not issubclass(kind, FastHttpUser) or not is_foreign(kind) or kind.ssl_context_factory:
        return

    def context(user: FastHttpUser) -> Any:
        made = gevent.ssl.create_default_context()
        if user.insecure:
            made.check_hostname = False
            made.verify_mode = gevent.ssl.CERT_NONE
        made.load_cert_chain(certificate, os.environ.get(CLIENT_KEY))
        return made

    kind.ssl_context_factory = context
