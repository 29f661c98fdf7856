"""Connections that journeys borrow one at a time.

No request is repeated without the journey.
"""

from __future__ import annotations

import socket as sockets
from base64 import b64encode
from collections import deque
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Final
from urllib.parse import unquote, urlsplit

from geventhttpclient._parser import HTTPParseError

from harness import clock
from harness.locust.client.response import Response
from harness.locust.client.wire import connected
from harness.units import NS_PER_S

_NUMBERS: Final = count(1)
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """The target of a connection: scheme, host, port and user.

    Attributes:
        scheme: `http` or `https`.
        host: name or address of the host.
        port: TCP port.
        family: address family, if the host is an address; None: a name, which is resolved for each new connection.
        head: header lines of every request.
    """

    scheme: str
    host: str
    port: int
    family: int | None
    head: str

    @classmethod
    @cache
    def of(cls, url: str) -> Origin:
        """The origin of a URL; raises ValueError if it is not an HTTP URL."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"`{parts.scheme}://{parts.netloc}` is not an HTTP address")
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        return cls._of(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], secret)

    @classmethod
    @cache
    def _of(cls, scheme: str, host: str, port: int, secret: str) -> Origin:
        """The origin with this `name:password`; empty: without a user."""
        shown = f"[{host}]" if ":" in host else host
        place = shown if port == _PORTS[scheme] else f"{shown}:{port}"
        head = f"Host: {place}\r\nUser-Agent: readiness-harness\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n"
        if secret:
            head += f"Authorization: Basic {b64encode(secret.encode()).decode()}\r\n"
        return cls(scheme=scheme, host=host, port=port, family=_family(host), head=head)

    @property
    def url(self) -> str:
        """`http://host:port`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Connection:
    """One connection; between two exchanges it is usable or must be closed.

    Attributes:
        origin: target of the connection.
        sound: whether the last answer was read completely and the server keeps the connection open.
        idle_since_ns: end of the last exchange, in ns.
        number: number from 1, unique in this process; requests on one bad connection fail together.
    """

    __slots__ = ("_wire", "idle_since_ns", "number", "origin", "sound")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.sound = True
        self.idle_since_ns = clock.now_ns()
        self.number = next(_NUMBERS)
        self._wire = connected(origin.host, origin.port, origin.family, secure=origin.scheme == "https")

    def ready(self) -> bool:
        """Whether the connection can be used: it is sound, and received nothing while it was idle."""
        return self.sound and self._wire.quiet()

    def exchange(self, request: bytes, response: Response) -> None:
        """Send the request and read the complete answer; after an error the connection is not sound.

        Raises:
            OSError: the connection broke, or ended before the answer was complete.
            HTTPParseError: the received data are not HTTP.
        """
        self.sound = False
        self._wire.send(request)
        while not response.complete:
            if data := self._wire.receive():
                response.feed(data)
            else:
                _end(response)
        self.sound = response.keeps
        self.idle_since_ns = clock.now_ns()

    def close(self) -> None:
        """Close the connection."""
        self.sound = False
        self._wire.close()


class Connections:
    """The connections that no journey uses at present; a connection is used by one journey at a time.

    If the server closes a connection while a request is sent, this cannot be distinguished from a failure of the
    target, and counts as a failure. Three rules avoid this. A connection that was idle for `idle_s` is not used again.
    A connection that received data while idle is not used again. One journey in `fresh_in` opens a new connection, so
    that connecting is part of the test and a load balancer can distribute the load.

    Args:
        idle_s: maximum idle time in s; it must be shorter than the server's. 0: every journey opens a new connection.
        fresh_in: one journey in this number opens a new connection. 1: every journey.
    """

    def __init__(self, *, idle_s: float, fresh_in: int) -> None:
        self._idle_ns = round(idle_s * NS_PER_S)
        self._fresh_in = fresh_in
        self._loans = 0
        self._kept: deque[Connection] = deque()  # the first that was given back first

    def borrow(self, origin: Origin) -> Connection:
        """A connection for one journey, an idle or a new connection.

        Raises:
            OSError: connecting failed.
        """
        self._loans += 1
        fresh = self._loans % self._fresh_in == 0
        while self._kept and not self._lasts(self._kept[0]):
            self._kept.popleft().close()
        while self._kept and not fresh:
            connection = self._kept.pop()
            if connection.origin is origin and self._lasts(connection) and connection.ready():
                return connection
            connection.close()
        return Connection(origin)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for another journey if it is sound and was not used for too long, else close it."""
        if connection.sound and self._lasts(connection):
            self._kept.append(connection)
        else:
            connection.close()

    def _lasts(self, connection: Connection) -> bool:
        """Whether it was idle for less than `idle_s`; its journey may have thought before it left."""
        return connection.idle_since_ns > clock.now_ns() - self._idle_ns

    def close(self) -> None:
        """Close all idle connections."""
        while self._kept:
            self._kept.pop().close()


def _end(response: Response) -> None:
    """The server closed the connection: the end of an answer without a length."""
    try:
        response.feed(b"")
    except HTTPParseError as error:
        raise ConnectionResetError("closed before the end of the answer") from error
    if not response.complete:
        raise ConnectionResetError("closed without an answer")


def _family(host: str) -> int | None:
    for family in (sockets.AF_INET, sockets.AF_INET6):
        try:
            sockets.inet_pton(family, host)
        except OSError:
            continue
        return family
    return None


@cache
def kept_connections(*, idle_s: float, fresh_in: int) -> Connections:
    """The pool of this process for these settings."""
    return Connections(idle_s=idle_s, fresh_in=fresh_in)
