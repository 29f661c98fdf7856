"""Sends and receives bytes for one greenlet while other greenlets run."""

from __future__ import annotations

import errno
import os
import select
import socket as sockets
from contextlib import ExitStack
from functools import cache
from typing import Any, Final, Protocol

import gevent
import gevent.socket
import gevent.ssl
from gevent.monkey import get_original

from harness.targets.http import CLIENT_CERT, CLIENT_KEY

_BLOCK: Final = 16 * 1024
_READ: Final = 1
_poll: Final = get_original("select", "poll")
_socket: Final = get_original("socket", "socket")


class Wire(Protocol):
    """A connection as a stream of bytes; each failure raises OSError."""

    def quiet(self) -> bool:
        """Whether neither unread data nor the end of the connection has arrived."""

    def send(self, data: bytes) -> None:
        """Send all data."""

    def receive(self) -> bytes:
        """The next received bytes; empty at the end of the connection."""

    def close(self) -> None:
        """Close the connection."""


def connected(host: str, port: int, family: int | None, *, secure: bool) -> Wire:
    """Open a new connection.

    Args:
        host: address of the host; its name if `family` is None.
        port: TCP port.
        family: address family; None: the name is resolved.
        secure: whether to use TLS.

    Raises:
        OSError: the connection was refused or broke, or the certificate is for another host.
    """
    if family is None:
        named = gevent.socket.create_connection((host, port))
        plain = _socket(fileno=named.detach())
        plain.settimeout(0)
    else:
        plain = _socket(family, sockets.SOCK_STREAM | sockets.SOCK_NONBLOCK)
    with ExitStack() as failing:
        failing.callback(plain.close)
        if family is not None:
            _dial(plain, (host, port))
        plain.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        wire = _Tls(plain, host) if secure else _Plain(plain)
        failing.pop_all()
    return wire


def _dial(plain: Any, address: tuple[str, int]) -> None:
    failed = plain.connect_ex(address)
    if failed == errno.EINPROGRESS:
        failed = plain.connect_ex(address)  # on one machine it is there by now
    if failed == errno.EALREADY:
        gevent.socket.wait_write(plain.fileno())
        failed = plain.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR)
    if failed not in {0, errno.EISCONN}:
        raise OSError(failed, os.strerror(failed))


class _Plain:
    """A TCP connection, watched as long as it is open.

    Watching it for each answer only would cost two system calls each.
    """

    __slots__ = ("_arrived", "_hub", "_poll", "_reader", "_socket", "_watcher")

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._reader: Any = None
        self._arrived = False
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(socket.fileno(), _READ)
        self._watcher.start(self._wake)
        self._poll = _poll()
        self._poll.register(socket.fileno(), select.POLLIN)

    def quiet(self) -> bool:
        return not self._arrived and not self._poll.poll(0)

    def send(self, data: bytes) -> None:
        while True:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
            gevent.socket.wait_write(self._socket.fileno())

    def receive(self) -> bytes:
        while True:
            self._wait()
            try:
                data: bytes = self._socket.recv(_BLOCK)
            except BlockingIOError:
                continue
            return data

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        self._socket.close()

    def _wait(self) -> None:
        if self._arrived:
            self._arrived = False
            self._watcher.start(self._wake)
            return
        self._reader = gevent.getcurrent()
        try:
            self._hub.switch()
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None:
            self._reader.switch()
        else:  # no reader: watching on would wake the loop without end
            self._arrived = True
            self._watcher.stop()


class _Tls:
    """A TLS connection, which may read ahead and waits by itself."""

    def __init__(self, plain: Any, host: str) -> None:
        own = gevent.socket.socket(fileno=plain.detach())
        with ExitStack() as failing:
            failing.callback(own.close)
            self._socket: Any = _context().wrap_socket(own, server_hostname=host)
            failing.pop_all()
        self._poll = _poll()
        self._poll.register(self._socket.fileno(), select.POLLIN)

    def quiet(self) -> bool:
        return not self._poll.poll(0)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> bytes:
        data: bytes = self._socket.recv(_BLOCK)
        return data

    def close(self) -> None:
        self._socket.close()


@cache
def _context() -> Any:
    """One for all: reading the authorities takes longer than many a request."""
    context = gevent.ssl.create_default_context()  # OpenSSL reads SSL_CERT_FILE
    if certificate := os.environ.get(CLIENT_CERT):
        context.load_cert_chain(certificate, os.environ.get(CLIENT_KEY))
    return context
