"""HTTP looks at one address: each within its own time, on a connection that is new or kept, as asked."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from harness import clock

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_KEPT_FOR_NS: Final = 2 * clock.NS_PER_S
"""A connection that was idle for longer is not used again: servers close theirs after 5 s and more."""

_CLOSE_S: Final = 0.5
_HEADERS: Final = {"user-agent": "readiness-watch"}
_UNSAID: Final = ("accept", "accept-encoding", "content-type")
"""Headers that aiohttp would add."""

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

    Each connection is a pool of its own with room for one: which request opens a connection, and which keeps one, is
    decided here, and a fault that makes requests wait makes none of them wait for another.
    """

    def __init__(self, base: str, tls: ssl.SSLContext, proxy: str | None = None) -> None:
        self._base = URL(base)
        self._tls = tls
        self._proxy = proxy
        self._idle: list[_Wire] = []
        self._closing: set[asyncio.Task[None]] = set()

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
        """Send one request, once, and read its answer; never raises for what the network does.

        `fresh` asks for a new connection, which then takes the place of a kept one.
        """
        self._retire(self._stale(fresh=fresh))
        wire = self._idle.pop() if self._idle else _Wire(tls=self._tls, proxy=self._proxy)
        url = self._base.join(URL(path, encoded=True))
        answer: Answer | None = None
        try:
            answer = await wire.ask(method, url, within_s, headers, content)
        finally:
            if answer is None or answer.error is not None:
                self._retire([wire])
            else:
                wire.used_ns = answer.done_ns
                self._idle.append(wire)
        return answer

    def _stale(self, *, fresh: bool) -> list[_Wire]:
        """Take out what must not be used again: the connections idle for too long, and for a fresh one all of them."""
        now_ns = clock.now_ns()
        stale = [wire for wire in self._idle if fresh or now_ns - wire.used_ns >= _KEPT_FOR_NS]
        if stale:
            self._idle = [wire for wire in self._idle if wire not in stale]
        return stale

    def _retire(self, wires: Iterable[_Wire]) -> None:
        """Close connections beside all else: one that cannot be closed at once delays no look."""
        for wire in wires:
            task = asyncio.create_task(wire.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close the idle connections."""
        self._retire(self._idle)
        self._idle = []
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_S)


class _Connector(aiohttp.TCPConnector):
    """Room for one connection; tells whether a request has got one, and whether that one is new.

    Attributes:
        given: the request has a connection: from here on it may be on the way.
        opened: a connection was opened for it.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(ssl=tls, limit=1, use_dns_cache=False, keepalive_timeout=60.0)
        self.given = self.opened = False

    def begin(self) -> None:
        """The next request begins."""
        self.given = self.opened = False

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the base class's name
    ) -> Connection:
        """As the base class, once a request: aiohttp sends reads again when a kept connection is cut, which hides the cut."""
        if self.given:
            raise aiohttp.ServerDisconnectedError
        connection = await super().connect(req, traces, timeout)
        self.given = True
        return connection

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the base class's name
    ) -> ResponseHandler:
        self.opened = True
        return await super()._create_connection(req, traces, timeout)


@dataclass(slots=True, eq=False)
class _Wire:
    """One connection, or the promise of one."""

    tls: ssl.SSLContext
    proxy: str | None
    used_ns: int = 0
    connector: _Connector = field(init=False)
    session: aiohttp.ClientSession = field(init=False)

    def __post_init__(self) -> None:
        self.connector = _Connector(self.tls)
        self.session = aiohttp.ClientSession(
            connector=self.connector,
            headers=_HEADERS,
            skip_auto_headers=_UNSAID,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )

    async def ask(
        self, method: str, url: URL, within_s: float, headers: Mapping[str, str] | None, content: bytes | None
    ) -> Answer:
        status, body, is_json, error = 0, b"", False, None
        self.connector.begin()
        sent_ns = clock.now_ns()
        try:
            async with asyncio.timeout(within_s):
                response = await self.session.request(
                    method, url, headers=headers, data=content, proxy=self.proxy, allow_redirects=False
                )
                body = await response.read()
                status = response.status
                is_json = "json" in response.headers.get("content-type", "")
        except (aiohttp.ClientError, OSError) as failure:  # TimeoutError is an OSError
            error = _word(failure)
        return Answer(
            sent_ns=sent_ns,
            done_ns=clock.now_ns(),
            status=status,
            body=body,
            is_json=is_json,
            kept=not self.connector.opened,
            on_the_way=self.connector.given,
            error=error,
        )

    async def close(self) -> None:
        await self.session.close()


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
