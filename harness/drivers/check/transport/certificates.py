"""`valid-certificate`: checks that a listener's certificate is trusted, has its name, and is valid for long enough."""

from __future__ import annotations

import email.utils
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from harness import clock
from harness.drivers.check.claim import claim
from harness.drivers.check.transport.listeners import (
    LISTENERS,
    NEEDS,
    READS,
    NamedListener,
    chosen,
    read_each,
    undeclared,
)
from harness.drivers.check.transport.wire import WITHIN_S, begin_tls, connected
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.files.listeners import TlsListener
from harness.targets.http import tls_context

_CLOCKS_MOST: Final = timedelta(hours=1)
"""How far this machine's clock and that of a listener may differ, for an expiry to be judged."""
_WRONG: Final = frozenset({9, 10, 18, 19, 20, 21, 62, 64})
"""OpenSSL's verify codes of a wrong certificate: not yet valid, expired, self-signed, unknown issuer, other name, other address."""
_BY_TIME: Final = frozenset({9, 10})


@claim(
    LISTENERS,
    "has a certificate that is valid for its name and for <days:count> more days",
    example="every public listener has a certificate that is valid for its name and for 30 more days",
    needs=NEEDS,
)
@accesses(*READS)
def valid_certificate(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A handshake with the authorities of `tls.ca_file`, or of the system, and the server's name; then the end of its certificate.

    Where a listener's clock (header Date) differs from this machine's by more than an hour, its expiry is not judged.
    """
    listeners, days = chosen(target, params["listeners"]), int(params["days"])
    context = tls_context(target)

    def probe() -> Sequence[FactReading]:
        return [
            *read_each(listeners, lambda one: _facts(one, context, days)),
            *undeclared(target, params["listeners"]),
        ]

    return probe


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


def _facts(listener: NamedListener, context: ssl.SSLContext, days: int) -> Iterator[FactReading]:
    expected = f"trusted, valid for {listener.at.called} and for {days} more days"
    ok, words = _judged(listener.at, context, days)
    yield FactReading(subject=str(listener), expected=expected, observed=words, ok=ok)


def _judged(listener: TlsListener, context: ssl.SSLContext, days: int) -> tuple[bool | None, str]:
    try:
        with handshaken(listener, context) as inside:
            certificate = inside.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        words = f"not valid: {error.verify_message}"
        if error.verify_code not in _WRONG:
            return None, words
        return _by_clock(listener, ok=False, words=words) if error.verify_code in _BY_TIME else (False, words)
    except ssl.SSLError as error:
        return None, f"the handshake failed: {error.reason or error}"
    except OSError as error:
        return None, str(error) or type(error).__name__
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    left = ends - clock.wall()
    return _by_clock(
        listener, ok=left >= timedelta(days=days), words=f"valid for {left.days} more days, until {ends:%Y-%m-%d %H:%M}"
    )


def _by_clock(listener: TlsListener, *, ok: bool, words: str) -> tuple[bool | None, str]:
    """A judgement by time, unless the listener's clock and this machine's differ."""
    there = _date_of(listener) if listener.protocol == "https" else None
    if there is None or abs(there - clock.wall()) <= _CLOCKS_MOST:
        return ok, words
    here = f"{clock.wall():%Y-%m-%d %H:%M}"
    return None, f"{words}; but this machine's clock says {here} and the listener's {there:%Y-%m-%d %H:%M}"


def _date_of(listener: TlsListener) -> datetime | None:
    """The time that the header Date of an answer says, whatever the certificate; None: it says none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with handshaken(listener, context) as inside:
            inside.sendall(f"HEAD / HTTP/1.1\r\nHost: {listener.called}\r\nConnection: close\r\n\r\n".encode())
            head = _head(inside)
    except OSError:
        return None
    dates = [line[5:].strip() for line in head.split("\r\n") if line.lower().startswith("date:")]
    try:
        return email.utils.parsedate_to_datetime(dates[0]) if dates else None
    except ValueError:
        return None


def _head(inside: socket.socket) -> str:
    inside.settimeout(WITHIN_S)
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 1 << 16:
        piece = inside.recv(1 << 12)
        if not piece:
            break
        head += piece
    return head.decode("latin-1")
