"""Connections to a listener: what comes before TLS in its protocol, what plain text gets, and what is spoken inside TLS."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from harness.clock import Deadline
from harness.drivers.check.transport.hello import shown_bytes
from harness.targets.files.listeners import TlsListener

WITHIN_S: Final = 3.0
"""Seconds that a connection, and each answer, may take."""
_SSL_REQUEST: Final = struct.pack("!II", 8, 80877103)
_NO_ENCRYPTION: Final = "28000"
"""SQLSTATE of PostgreSQL for a connection that no line of pg_hba.conf lets in."""
_HTTPS_ONLY: Final = frozenset({400, 421, 426})
"""Statuses by which a server says that a port takes HTTPS only: nginx and Go answer 400; RFC 9110 has 421 and 426."""
_SAYS_SO: Final = re.compile(rb"https (?:server|port)|ssl-enabled|requires tls", re.IGNORECASE)
"""Words of nginx, Go, Apache and Tomcat to who speaks plain text at such a port."""
_NO_EVIDENCE: Final = 429
_MOST_BYTES: Final = 1 << 16
"""Of an answer that is read for its reason."""
_NATS: Final = b'CONNECT {"verbose":false}\r\nPING\r\n'


class NoConnection(OSError):
    """A listener could not be reached, or speaks another protocol; the text says what was found."""


class NoTls(NoConnection):
    """A listener answered, in its own protocol, that it has no TLS."""


class PlainAnswer(NamedTuple):
    """What plain text gets.

    Attributes:
        refused: whether it is refused; None: the answer is no evidence.
        words: what was received.
    """

    refused: bool | None
    words: str


@contextmanager
def connected(listener: TlsListener) -> Iterator[socket.socket]:
    """A TCP connection to a listener.

    Raises:
        NoConnection: there is none, with the reason.
    """
    try:
        connection = socket.create_connection((listener.host, listener.port), WITHIN_S)
    except socket.gaierror as error:
        raise NoConnection(f"the name {listener.host} has no address: {error.strerror}") from error
    except TimeoutError as error:
        raise NoConnection(f"no connection within {WITHIN_S:g} s") from error
    except OSError as error:
        raise NoConnection(f"no connection: {(error.strerror or str(error)).lower()}") from error
    with connection:
        yield connection


def begin_tls(connection: socket.socket, listener: TlsListener) -> None:
    """Say what the protocol has before TLS begins.

    Raises:
        NoTls: the listener answered that it has none.
        NoConnection: it speaks another protocol, or does not answer.
    """
    answer = b""
    try:
        if listener.protocol == "postgresql":
            connection.sendall(_SSL_REQUEST)
            answer = connection.recv(1)
        elif listener.protocol == "nats":
            answer = read_until(connection, b"\r\n")
    except OSError as error:
        raise NoConnection(f"no answer: {str(error) or type(error).__name__}") from error
    if listener.protocol == "postgresql" and answer != b"S":
        if answer == b"N":
            raise NoTls("answered SSLRequest with N: it has no TLS")
        raise NoConnection(f"answered SSLRequest with {shown_bytes(answer)}, expected S: it is not PostgreSQL")
    if listener.protocol == "nats":
        if not answer.startswith(b"INFO "):
            raise NoConnection(f"began with {shown_bytes(answer)}, expected INFO: it is not NATS")
        if not re.search(rb'"tls_(?:required|available)" *: *true', answer):
            raise NoTls("its INFO says that it has no TLS")


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """What comes up to these bytes and with them, or until the connection or the time for an answer is over.

    Raises:
        OSError: the connection ended otherwise; TimeoutError: nothing came in time.
    """
    answer, deadline = b"", Deadline.after(WITHIN_S)
    while end not in answer and len(answer) < _MOST_BYTES and not deadline.over:
        try:
            piece = connection.recv(1 << 14)
        except OSError:
            if answer:
                break
            raise
        if not piece:
            break
        answer += piece
    return answer


@contextmanager
def handshaken(listener: TlsListener, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A connection with TLS to a listener, which is asked for its name.

    Raises:
        NoConnection: there is none. NoTls: the listener says that it has no TLS. OSError: the handshake failed, with an SSLError that says how.
    """
    with connected(listener) as connection:
        begin_tls(connection, listener)
        with context.wrap_socket(connection, server_hostname=listener.called) as inside:
            yield inside


def unverified() -> ssl.SSLContext:
    """A context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _inside_tls(listener: TlsListener) -> bytes:
    """The begin of the answer to the same request with TLS; empty: there is none."""
    try:
        with handshaken(listener, unverified()) as inside:
            inside.sendall(_in_plain(listener))
            return inside.recv(1 << 12)
    except OSError:
        return b""


def plain_answer(listener: TlsListener) -> PlainAnswer:
    """Speak the protocol of a listener without TLS.

    Raises:
        NoConnection: there is no connection.
    """
    with connected(listener) as connection:
        try:
            if listener.protocol == "nats":
                read_until(connection, b"\r\n")
            connection.sendall(_in_plain(listener))
            answer = connection.recv(1 << 12)
            if status_of(answer) in _HTTPS_ONLY and not _SAYS_SO.search(answer):
                answer += read_until(connection, b"</html>")
        except TimeoutError:
            return PlainAnswer(None, f"no answer within {WITHIN_S:g} s")
        except ConnectionError:
            answer = b""
    if not answer:
        return PlainAnswer(refused=True, words="the connection was closed")
    return _read_plain(listener, answer)


def _in_plain(listener: TlsListener) -> bytes:
    if listener.protocol == "postgresql":
        return startup(listener)
    if listener.protocol == "redis":
        return b"PING\r\n"
    if listener.protocol == "nats":
        return _NATS
    return request_of(listener)


def request_of(listener: TlsListener, method: str = "GET") -> bytes:
    """An HTTP request for the path of a listener."""
    return f"{method} {listener.path} HTTP/1.1\r\nHost: {listener.authority}\r\nConnection: close\r\n\r\n".encode()


def startup(listener: TlsListener) -> bytes:
    """PostgreSQL's first message: user and database (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""
    words = ("user", listener.user, "database", listener.database)
    body = struct.pack("!I", 196608) + b"".join(word.encode() + b"\x00" for word in words) + b"\x00"
    return struct.pack("!I", len(body) + 4) + body


def _read_plain(listener: TlsListener, answer: bytes) -> PlainAnswer:
    if answer[0] == 0x15 and answer[1:2] == b"\x03":
        return PlainAnswer(refused=True, words="refused by an alert of TLS")
    if listener.protocol == "postgresql":
        return _postgresql(listener, answer)
    if listener.protocol in ("redis", "nats"):
        # a server that asks for a sign-in has taken the plain text
        refused = answer.startswith(b"-ERR") and b"TLS" in answer and listener.protocol == "nats"
        return PlainAnswer(refused=refused, words=f"answered {shown_bytes(answer)}")
    return _http(listener, answer)


def _postgresql(listener: TlsListener, answer: bytes) -> PlainAnswer:
    who = f"user {listener.user} of database {listener.database}"
    if answer.startswith(b"R"):
        return PlainAnswer(refused=False, words=f"{who} was asked to sign in without TLS")
    state = sql_state(answer)
    if state == _NO_ENCRYPTION:
        words = f"{who} was refused with SQLSTATE {state}"
        line = _place_in_source(answer)
        if line and line == _place_in_source(_inside_tls(listener)):
            return PlainAnswer(None, f"{words}, and with TLS too: name a `user` and `database` that connect with TLS")
        return PlainAnswer(refused=True, words=words)
    return PlainAnswer(None, f"answered {f'SQLSTATE {state}' if state else shown_bytes(answer)}")


def _place_in_source(answer: bytes) -> bytes:
    """The line of PostgreSQL's source that wrote an ErrorResponse: unlike the text, it is in no language."""
    found = re.search(rb"\x00L(\d+)\x00", answer) if answer.startswith(b"E") else None
    return found[1] if found else b""


def sql_state(answer: bytes) -> str:
    """The SQLSTATE of an ErrorResponse of PostgreSQL; empty: the answer is another one."""
    found = re.search(rb"\x00C([0-9A-Z]{5})\x00", answer) if answer.startswith(b"E") else None
    return found[1].decode() if found else ""


def status_of(answer: bytes) -> int:
    """The status of an HTTP answer; 0: the answer is not HTTP."""
    found = re.match(rb"HTTP/1\.[01] (\d{3})\b", answer)
    return int(found[1]) if found else 0


def _http(listener: TlsListener, answer: bytes) -> PlainAnswer:
    status = status_of(answer)
    if not status:
        return PlainAnswer(None, f"answered {shown_bytes(answer)}, which is neither TLS nor HTTP")
    words = f"plain HTTP was answered with status {status}"
    if status in _HTTPS_ONLY:
        inside = 0 if _SAYS_SO.search(answer) else status_of(_inside_tls(listener))
        if inside == status or not (inside or _SAYS_SO.search(answer)):
            return PlainAnswer(
                None,
                f"{words}, which the same request with TLS {'got too' if inside else 'cannot be compared with'}: name a `path` that is answered",
            )
        return PlainAnswer(refused=True, words=words)
    if status == _NO_EVIDENCE or status >= http.client.INTERNAL_SERVER_ERROR:
        return PlainAnswer(None, words)
    to = re.search(rb"\r\nlocation: *(https://[^\s]+)", answer, re.IGNORECASE)
    if 300 <= status < 400 and to and _host_in(to[1]) == listener.called.lower():
        return PlainAnswer(refused=True, words=f"{words}, to HTTPS of the same host")
    return PlainAnswer(refused=False, words=words)


def _host_in(url: bytes) -> str:
    found = re.match(r"https://(\[[^\]]+\]|[^/:?#]+)", url.decode("latin-1"), re.IGNORECASE)
    return found[1].strip("[]").lower() if found else ""
