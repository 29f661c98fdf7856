"""Kinds of failure: a few words that a report can count."""

from __future__ import annotations

import errno
import zlib
from socket import gaierror
from ssl import SSLEOFError, SSLError

from geventhttpclient.response import HTTPParseError

from harness.locust.client.deadlines import GaveUp
from harness.locust.client.session import BadRedirect

FAILURES = (OSError, HTTPParseError, zlib.error)
"""Errors of an exchange, apart from its timeout.

Other errors are mistakes in the journey's code.
"""

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (GaveUp, "timeout"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (ConnectionError, "reset"),
    (SSLEOFError, "reset"),
    (SSLError, "tls"),
    (gaierror, "unknown host"),
    (BadRedirect, "bad redirect"),
    (HTTPParseError, "not HTTP"),
    (zlib.error, "wrong body"),
)


def kind_of(error: BaseException) -> str:
    """The word for the failure of an exchange; the first matching kind counts."""
    for family, kind in _KINDS:
        if isinstance(error, family):
            return kind
    number = error.errno if isinstance(error, OSError) else None
    return "unreachable" if number in _UNREACHABLE else errno.errorcode.get(number or 0, type(error).__name__)
