"""`valid-certificate`: checks that a listener's certificate is trusted, has its name, and is valid for long enough."""

from __future__ import annotations

import email.utils
import ssl
from collections.abc import Iterator, Mapping, Sequence
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
    remembered,
    undeclared,
)
from harness.drivers.check.transport.wire import handshaken, read_until, request_of, unverified
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.files.listeners import TlsListener
from harness.targets.http import tls_context

_CLOCKS_MOST: Final = timedelta(hours=1)
"""How far this machine's clock and that of a listener may differ, for an expiry to be judged."""
_UNKNOWN: Final = frozenset({18, 19, 20, 21})
"""OpenSSL's verify codes of a certificate whose authority is not known: self-signed, or the chain does not lead to one."""
_WRONG: Final = _UNKNOWN | {7, 9, 10, 24, 25, 26, 47, 48, 62, 64, 79}
"""Those of a wrong certificate: signature, not yet valid, expired, no authority, for another purpose, not allowed to have its name, other name, other address."""
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
    context = tls_context(target, alternative_names=True)

    def probe() -> Sequence[FactReading]:
        return [
            *read_each(listeners, lambda one: _facts(one, context, days, authority=target.tls.ca_file)),
            *undeclared(target, params["listeners"]),
        ]

    return remembered(probe)


def _facts(listener: NamedListener, context: ssl.SSLContext, days: int, *, authority: str) -> Iterator[FactReading]:
    expected = f"trusted, valid for {listener.at.called} and for {days} more days"
    ok, words = _judged(listener.at, context, days, authority)
    yield FactReading(subject=str(listener), expected=expected, observed=words, ok=ok, sure=ok is False)


def _judged(listener: TlsListener, context: ssl.SSLContext, days: int, authority: str) -> tuple[bool | None, str]:
    try:
        with handshaken(listener, context) as inside:
            certificate = inside.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        words = f"not valid: {error.verify_message}"
        if error.verify_code in _UNKNOWN and not authority:
            words += "; the authorities of this machine were asked; hint: name the platform's own in `tls.ca_file`"
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
    try:
        with handshaken(listener, unverified()) as inside:
            inside.sendall(request_of(listener, "HEAD"))
            head = read_until(inside, b"\r\n\r\n").decode("latin-1")
    except OSError:
        return None
    dates = [line[5:].strip() for line in head.split("\r\n") if line.lower().startswith("date:")]
    try:
        found = email.utils.parsedate_to_datetime(dates[0]) if dates else None
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
