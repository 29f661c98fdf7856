"""Times answers that are read in parts (`stream=True`) to the end of the reading; Locust times them only to their headers.

A file that sets a time of its own keeps it.
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
        response: of which the headers have come.

    Attributes:
        headers_ns: when they had come.
        at_ns: when the last read ended; 0: none has.
        error: kind of failure of a read; empty: none.
        busy: whether a read is under way.
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
        """Let what Locust reports at the end of a `with` be of all that was read."""
        meta = response.request_meta
        if self.at_ns and meta.get("response_time") == self._headers_ms:
            meta["response_time"] = (self._headers_ms or 0.0) + (self.at_ns - self.headers_ns) / NS_PER_MS
        if self.error and response._manual_result is None:  # noqa: SLF001
            response.failure(self.error)


def kind_of_any(error: BaseException) -> str:
    """The failure of a request that was left by this: its greenlet was killed, its file's time was over, or reading failed."""
    if isinstance(error, Timeout) or "timeout" in type(error).__name__.lower():
        return "timeout"
    return kind_of(error) if isinstance(error, Exception) else CUT_OFF


def note_reads() -> None:
    """Let the answers of both clients note in their `StreamReading`, where they have one, when they are read."""
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
    """What a response is read from; None where no answer came."""
    return getattr(response, "raw", None) or getattr(response, "_response", None)


def reading_of(response: Any) -> StreamReading | None:
    """How the answer is read; None where all of it had come before its response was given."""
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
