"""HTTP looks at one address: each within its own time, on a connection that is new or kept, as asked."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from harness import clock

_KEPT_FOR_NS: Final = 2 * clock.NS_PER_S
"""A connection that was idle for longer is not used again: servers close theirs after 5 s and more."""

_SENDING: Final = "http11.send_request_headers.started"
_CONNECTING: Final = "connection.connect_tcp.started"
_ERRNO_WORDS: Final = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ETIMEDOUT: "timeout",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of one request.

    Attributes:
        sent_ns: when it was handed to the connection, or to the attempt to connect.
        done_ns: when the last byte was read, or the wait ended.
        status: 0 when nothing was answered.
        body: as received. is_json: whether it calls itself JSON.
        kept: whether the connection had served before.
        on_the_way: whether any of the request may have left this process.
        error: `timeout`, `refused`, `reset`, `unreachable`, `name`, `tls`, `protocol`; None when an answer came.
    """

    sent_ns: int
    done_ns: int
    status: int = 0
    body: bytes = b""
    is_json: bool = False
    kept: bool = True
    on_the_way: bool = False
    error: str | None = None


class Wires:
    """Requests to one base address, each on a connection that no other request uses meanwhile.

    Each connection has a transport of its own: httpx slows down with the size of its pool, and a fault that makes
    requests wait would make a shared pool large just when it matters.
    """

    def __init__(self, base: str, tls: ssl.SSLContext, proxy: str | None = None) -> None:
        self._base = httpx.URL(base)
        self._urls: dict[str, httpx.URL] = {}
        self._tls = tls
        self._proxy = proxy
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
    ) -> Answer:
        """Send one request and read its answer; never raises for what the network does.

        `fresh` asks for a new connection, which then takes the place of a kept one.
        """
        stale = self._stale(fresh=fresh)
        wire = self._idle.pop() if self._idle else _Wire(tls=self._tls, proxy=self._proxy)
        if path not in self._urls:
            self._urls[path] = self._base.join(path)
        request = httpx.Request(method, self._urls[path], headers=headers, content=content)
        try:
            answer = await wire.ask(request, within_s)
            if answer.error is None:
                wire.used_ns = answer.done_ns
                self._idle.append(wire)
            else:
                stale.append(wire)
        except asyncio.CancelledError:
            stale.append(wire)
            raise
        finally:
            for old in stale:
                await old.close()
        return answer

    def _stale(self, *, fresh: bool) -> list[_Wire]:
        """Take out what must not be used again: the connections idle for too long, and for a fresh one the latest."""
        now_ns = clock.now_ns()
        stale = [wire for wire in self._idle if now_ns - wire.used_ns >= _KEPT_FOR_NS]
        self._idle = [wire for wire in self._idle if now_ns - wire.used_ns < _KEPT_FOR_NS]
        if fresh:
            stale += self._idle
            self._idle = []
        return stale

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().close()


@dataclass(slots=True)
class _Trace:
    """What httpcore told of one request: whether it had to connect, and whether it began to send."""

    connected: bool = False
    sending: bool = False

    async def __call__(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == _SENDING:
            self.sending = True
        elif event == _CONNECTING:
            self.connected = True


@dataclass(slots=True)
class _Wire:
    """One connection, or the promise of one."""

    tls: ssl.SSLContext
    proxy: str | None
    used_ns: int = 0
    transport: httpx.AsyncHTTPTransport = field(init=False)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)
        self.transport = httpx.AsyncHTTPTransport(verify=self.tls, proxy=self.proxy, trust_env=False, limits=limits)

    async def ask(self, request: httpx.Request, within_s: float) -> Answer:
        trace = _Trace()
        request.extensions = {"trace": trace}
        status, body, is_json, error = 0, b"", False, None
        sent_ns = clock.now_ns()
        try:
            async with asyncio.timeout(within_s):
                response = await self.transport.handle_async_request(request)
                body = await response.aread()
                status = response.status_code
                is_json = "json" in response.headers.get("content-type", "")
                await response.aclose()
        except (httpx.TransportError, OSError) as failure:  # TimeoutError is an OSError
            error = _word(failure)
        return Answer(
            sent_ns=sent_ns,
            done_ns=clock.now_ns(),
            status=status,
            body=body,
            is_json=is_json,
            kept=not trace.connected,
            on_the_way=trace.sending,
            error=error,
        )

    async def close(self) -> None:
        await self.transport.aclose()


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
    return "reset" if isinstance(failure, httpx.RemoteProtocolError | httpx.NetworkError) else "protocol"


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The failure, then all it was raised from or during, members of groups included."""
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
