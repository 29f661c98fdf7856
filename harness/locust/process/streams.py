"""Measures answers that are read in parts (`stream=True`) until the last part.

Locust itself measures only until the headers.

A locustfile that sets its own response time keeps it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final

from gevent import Timeout

from harness import clock
from harness.locust.client.failures import kind_of
from harness.locust.process.recorder import CUT_OFF
from harness.units import NS_PER_MS

_READS: Final = ("read", "read1", "readline")


class StreamReading:
    """State of reading one answer; each read updates it.

    Args:
        response: a response whose headers have arrived.

    Attributes:
        headers_ns: time at which the headers had arrived, in ns.
        at_ns: end of the last read, in ns; 0: no read has ended.
        error: kind of failure of a read; empty: none.
        busy: whether a read is in progress.
    """

    def __init__(self, response: Any) -> None:
        self.headers_ns = clock.now_ns()
        self.at_ns = 0
        self.error = ""
        self.busy = False
        self._headers_ms = getattr(response, "request_meta", {}).get("response_time")
        self._follow(body_of(response))

    def __enter__(self) -> None:
        self.busy = True

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.busy = False
        self.at_ns = clock.now_ns()
        if error is not None:
            self.error = kind_of_any(error)

    def report(self, response: Any) -> None:
        """Include the reading in Locust's report at the end of a `with` block."""
        meta = response.request_meta
        if self.at_ns and meta.get("response_time") == self._headers_ms:
            meta["response_time"] = (self._headers_ms or 0.0) + (self.at_ns - self.headers_ns) / NS_PER_MS
        if self.error and response._manual_result is None:  # noqa: SLF001
            response.failure(self.error)

    def _follow(self, body: Any) -> None:
        """Let each read of this body update this state; the body is not kept alive by it, as its end is noted."""
        kind, followed = type(body), weakref.ref(body)
        for name in _READS:
            if hasattr(kind, name):
                setattr(body, name, self._noted(getattr(kind, name), followed))
        if hasattr(kind, "read_chunked"):
            body.read_chunked = self._noted_chunks(kind.read_chunked, followed)

    def _noted(self, read: Callable[..., bytes], body: Callable[[], Any]) -> Callable[..., bytes]:
        @wraps(read)
        def note(*arguments: Any, **options: Any) -> bytes:
            if self.busy:  # a read may be made of others
                return read(body(), *arguments, **options)
            with self:
                return read(body(), *arguments, **options)

        return note

    def _noted_chunks(
        self, read: Callable[..., Iterator[bytes]], body: Callable[[], Any]
    ) -> Callable[..., Iterator[bytes]]:
        @wraps(read)
        def note(*arguments: Any, **options: Any) -> Iterator[bytes]:
            return _each(read(body(), *arguments, **options), self)

        return note


def kind_of_any(error: BaseException) -> str:
    """The kind of failure of a request that ended with this exception.

    The exception is that of a killed greenlet, a timeout of the locustfile, or a failed read.
    """
    if isinstance(error, Timeout) or "timeout" in type(error).__name__.lower():
        return "timeout"
    return kind_of(error) if isinstance(error, Exception) else CUT_OFF


def body_of(response: Any) -> Any:
    """The object that delivers the body of a response; None if there was no answer."""
    return getattr(response, "raw", None) or getattr(response, "_response", None)


def reading_of(response: Any) -> StreamReading | None:
    """The `StreamReading` of an answer; None if the answer was complete before the response was returned."""
    return getattr(body_of(response), "reading", None)


def _each(chunks: Iterator[bytes], reading: StreamReading) -> Iterator[bytes]:
    while True:
        with reading:
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk
