"""Kinds of failure: a handful of words, so that a report can count them."""

from __future__ import annotations

import errno
import re
import zlib
from socket import gaierror
from ssl import SSLError

from gevent.timeout import Timeout
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from geventhttpclient.useragent import RetriesExceeded

_BROKEN = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}
_ENDED_EARLY = re.compile(
    "closed|Incomplete"
)  # amid headers or body the client knows only one error, so its words must tell
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}


def kind_of(error: BaseException, status: int) -> str:
    """The word for what went wrong with an exchange.

    Args:
        error: what Locust's client raised or put aside.
        status: of the answer; 0 when there was none.
    """
    if isinstance(error, RetriesExceeded):
        error = vars(error).get("original") or error
    if isinstance(error, (Timeout, TimeoutError)):
        return "timeout"
    if isinstance(error, HTTPParseError):
        return "reset" if isinstance(error, HTTPConnectionClosed) or _ENDED_EARLY.search(str(error)) else "not HTTP"
    if isinstance(error, zlib.error):
        return "wrong body"
    if isinstance(error, OSError):
        return _kind_of_socket_error(error)
    return f"status {status}" if status else type(error).__name__


def _kind_of_socket_error(error: OSError) -> str:
    if isinstance(error, SSLError):
        return "tls"
    if isinstance(error, gaierror):
        return "unknown host"
    if error.errno == errno.ECONNREFUSED:
        return "refused"
    if error.errno in _BROKEN:
        return "reset"
    if error.errno in _UNREACHABLE:
        return "unreachable"
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
