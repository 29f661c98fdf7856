"""Measures answers that are read in parts (`stream=True`) until the last part is read; Locust measures only until the headers.

A locustfile that sets its own response time keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from gevent import Timeout
from geventhttpclient.response import HTTPSocketResponse
from urllib3 import HTTPResponse

from harness import clock
from harness.locust.client.failures import kind_of
from harness.locust.process.recorder import CUT_OFF
from harness.units import NS_PER_MS


class StreamReading:
    """The state of reading one answer, updated by each read.

    Args:
        response: a response whose headers have arrived.

    Attributes:
        headers_ns: when the headers had arrived.
        at_ns: when the last read ended; 0: no read has ended.
        error: kind of failure of a read; empty: none.
        busy: whether a read is in progress.
    """

    def __init__(self, response: Any) -> None:
        self.headers_ns = clock.now_ns()
        self.at_ns = 0
        self.error = ""
        self.busy = False
        self._headers_ms = getattr(response, "request_meta", {}).get("response_time")

    def __enter__(self) -> None:
        self.busy = True

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.busy = False
        self.at_ns = clock.now_ns()
        if error is not None:
            self.error = kind_of_any(error)

    def report(self, response: Any) -> None:
        """Let the report of Locust at the end of a `with` block include the reading."""
        meta = response.request_meta
        if self.at_ns and meta.get("response_time") == self._headers_ms:
            meta["response_time"] = (self._headers_ms or 0.0) + (self.at_ns - self.headers_ns) / NS_PER_MS
        if self.error and response._manual_result is None:  # noqa: SLF001
            response.failure(self.error)


def kind_of_any(error: BaseException) -> str:
    """The kind of failure of a request that ended with this exception: a killed greenlet, a timeout of the file, or a failed read."""
    if isinstance(error, Timeout) or "timeout" in type(error).__name__.lower():
        return "timeout"
    return kind_of(error) if isinstance(error, Exception) else CUT_OFF


def note_reads() -> None:
    """Let the answers of both HTTP clients update their `StreamReading`, if they have one, at each read."""
    clients: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (HTTPResponse, ("read", "read1")),
        (HTTPSocketResponse, ("read", "readline")),
    )
    for kind, names in clients:
        for name in names:
            setattr(kind, name, _noted(getattr(kind, name)))
    chunked: Any = HTTPResponse
    chunked.read_chunked = _noted_chunks(chunked.read_chunked)


def body_of(response: Any) -> Any:
    """The object from which a response is read; None if there was no answer."""
    return getattr(response, "raw", None) or getattr(response, "_response", None)


def reading_of(response: Any) -> StreamReading | None:
    """The `StreamReading` of an answer; None if it was complete before the response was returned."""
    return getattr(body_of(response), "reading", None)


def _noted(read: Callable[..., bytes]) -> Callable[..., bytes]:
    @wraps(read)
    def note(body: Any, *arguments: Any, **options: Any) -> bytes:
        reading = getattr(body, "reading", None)
        if reading is None or reading.busy:  # a read may be made of others
            return read(body, *arguments, **options)
        with reading:
            return read(body, *arguments, **options)

    return note


def _noted_chunks(read: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
    @wraps(read)
    def note(body: Any, *arguments: Any, **options: Any) -> Iterator[bytes]:
        chunks, reading = read(body, *arguments, **options), getattr(body, "reading", None)
        return chunks if reading is None else _each(chunks, reading)

    return note


def _each(chunks: Iterator[bytes], reading: StreamReading) -> Iterator[bytes]:
    while True:
        with reading:
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk
