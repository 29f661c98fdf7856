"""HTTP requests to one address, each with its own timeout, on a new or an open connection."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp.http import HttpProcessingError
from yarl import URL

from harness import clock
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from aiohttp.connector import Connection

_KEPT_FOR_NS: Final = 2 * NS_PER_S
"""Maximum idle time of an open connection; servers close idle connections after 5 s or more."""

_CLOSE_S: Final = 0.5
_HEADERS: Final = {"user-agent": "readiness-watch"}
_UNSAID: Final = ("accept", "accept-encoding", "content-type")
"""Headers that aiohttp would add."""

_INTERIM: Final = frozenset(range(100, 200)) - {101}
"""Interim statuses, after which another answer follows."""

_LONGEST_HEADER: Final = 65_536
_NO_TIMEOUT: Final = aiohttp.ClientTimeout()
_ERRNO_WORDS: Final = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ETIMEDOUT: "timeout",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResponse:
    """The response to one request, or its error.

    Attributes:
        sent_ns: time at which the request was passed to the connection, or to the attempt to connect.
        done_ns: time at which the last byte was read, or the wait ended.
        status: HTTP status; 0 without an answer.
        body: body as received.
        is_json: whether the content type is JSON.
        kept: whether the connection had carried an earlier request.
        on_the_way: whether any part of the request may have been sent.
        served_pod: name of the pod in the header `x-served-pod`; empty without the header.
        error: `timeout`, `refused`, `reset`, `unreachable`, `name`, `tls` or `protocol`; None with an answer.
    """

    sent_ns: int
    done_ns: int
    status: int = 0
    body: bytes = b""
    is_json: bool = False
    kept: bool = True
    on_the_way: bool = False
    served_pod: str = ""
    error: str | None = None


class Wires:
    """Requests to one base address; at each time a connection is used by one request.

    This class decides which request opens a connection, so that no request waits for another during a fault. aiohttp
    opens the connections and parses the answers. The aiohttp session is not used: it costs more, and it silently
    repeats a read after a cut connection.
    """

    def __init__(self, base: str, tls: ssl.SSLContext, proxy: str | None = None) -> None:
        """Use only scheme, host and port of `base`; this requires a running event loop."""
        self._base = URL(base)
        self._proxy = URL(proxy) if proxy else None
        self._connector = aiohttp.TCPConnector(ssl=tls, limit=0, use_dns_cache=False, force_close=True)
        self._idle: list[_Wire] = []

    async def ask(
        self,
        method: str,
        path: str,
        *,
        within_s: float,
        fresh: bool = False,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> ProbeResponse:
        """Send one request once and read its answer; never raises for network errors.

        With `fresh` the request uses a new connection, which replaces an open one.
        """
        self._retire(fresh=fresh)
        wire = self._idle.pop() if self._idle else None
        kept = wire is not None
        reply, error = _Response(), None
        sent_ns = clock.now_ns()

        async def exchanged() -> _Response:
            nonlocal wire
            wire = wire or await self._open()
            return await wire.exchange(method, path, headers or {}, content)

        try:
            reply = await clock.within(within_s, exchanged())
        except (aiohttp.ClientError, HttpProcessingError, OSError) as failure:  # TimeoutError is an OSError
            error = _word(failure)
        finally:
            done_ns = clock.now_ns()
            if wire is not None:
                self._keep(wire, done_ns)
        return ProbeResponse(
            sent_ns=sent_ns,
            done_ns=done_ns,
            status=reply.status,
            body=reply.body,
            is_json=reply.is_json,
            kept=kept,
            on_the_way=wire is not None,
            served_pod=reply.served_pod,
            error=error,
        )

    async def _open(self) -> _Wire:
        request = aiohttp.ClientRequest(
            "GET",
            self._base,
            headers=_HEADERS,
            skip_auto_headers=_UNSAID,
            proxy=self._proxy,
            loop=asyncio.get_running_loop(),
        )
        connection = await self._connector.connect(request, [], _NO_TIMEOUT)
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())  # some are the proxy's
        whole_address = self._proxy is not None and not request.is_ssl()
        return _Wire(connection, prefix=str(self._base.origin()) if whole_address else "", head=head)

    def _keep(self, wire: _Wire, now_ns: int) -> None:
        """Keep a connection for the next request, unless its answer is incomplete or it is closing."""
        if wire.is_free:
            wire.used_ns = now_ns
            self._idle.append(wire)
        else:
            wire.close()

    def _retire(self, *, fresh: bool) -> None:
        """Close idle and cut connections; before a fresh one, all of them."""
        latest_ns = clock.now_ns() - _KEPT_FOR_NS
        for wire in self._idle[:]:
            if fresh or wire.used_ns <= latest_ns or not wire.is_free:
                self._idle.remove(wire)
                wire.close()

    async def close(self) -> None:
        """Close the idle connections."""
        closing = [closed for wire in self._idle if (closed := wire.closed)]
        self._retire(fresh=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await asyncio.gather(*closing, return_exceptions=True)
                await self._connector.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Response:
    status: int = 0
    body: bytes = b""
    is_json: bool = False
    served_pod: str = ""


class _Wire:
    """One open connection."""

    def __init__(self, connection: Connection, *, prefix: str, head: str) -> None:
        """Prepare requests: `prefix` precedes each path, `head` has the header lines of all requests."""
        self._connection = connection
        self._prefix = prefix
        self._head = head
        self._whole = True
        self.used_ns = 0

    @property
    def is_free(self) -> bool:
        """Whether the connection is open and the previous answer was read completely."""
        protocol = self._connection.protocol
        return self._whole and protocol is not None and protocol.is_connected() and not protocol.should_close

    async def exchange(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> _Response:
        """Send a request and read the answer; raises the errors of aiohttp's protocol."""
        protocol = self._connection.protocol
        if protocol is None or protocol.transport is None:
            raise aiohttp.ServerDisconnectedError
        self._whole = False
        protocol.set_response_params(read_until_eof=True, max_line_size=_LONGEST_HEADER, max_field_size=_LONGEST_HEADER)
        own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = "" if content is None else f"content-length: {len(content)}\r\n"
        request = f"{method} {self._prefix}{path} HTTP/1.1\r\n{self._head}{own}{length}\r\n"
        protocol.transport.write(request.encode() + (content or b""))
        message, payload = await protocol.read()
        while message.code in _INTERIM:
            message, payload = await protocol.read()
        body = await payload.read()
        self._whole = True
        is_json = "json" in message.headers.get("content-type", "")
        return _Response(
            status=message.code, body=body, is_json=is_json, served_pod=message.headers.get("x-served-pod", "")
        )

    @property
    def closed(self) -> asyncio.Future[None] | None:
        """A future that is done when the connection is closed; None if the connection is closed already."""
        protocol = self._connection.protocol
        return None if protocol is None else protocol.closed

    def close(self) -> None:
        """Close the connection in the background, so that a slow close delays no probe."""
        self._connection.close()


def _word(failure: BaseException) -> str:
    for cause in _causes(failure):
        if isinstance(cause, TimeoutError):
            return "timeout"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        if isinstance(cause, socket.gaierror):
            return "name"
        if isinstance(cause, OSError) and cause.errno in _ERRNO_WORDS:
            return _ERRNO_WORDS[cause.errno]
    cut = isinstance(failure, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
    return "reset" if cut else "protocol"


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The failure, then its causes and contexts, members of groups included."""
    seen: set[int] = set()
    queue: list[BaseException | None] = [failure]
    while queue:
        cause = queue.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        queue += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            queue += cause.exceptions
