"""An HTTP session of one user, with cookies, redirects and a separate connection, like a browser's."""

from __future__ import annotations

import re
from functools import cache
from http.cookiejar import CookieJar
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import Request as CookieRequest

from harness.locust.client.connection import Connection, Connections, Origin
from harness.locust.client.response import Response

MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = {301, 302, 303, 307, 308}
_PLAIN_PATH: Final = re.compile(r"/[!-~]*")
_PLAIN_HEADERS: Final = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t -~\x80-\xff]*\r\n)*")

_OF_THE_BODY: Final = re.compile(r"^content-type: .*\r\n", re.IGNORECASE | re.MULTILINE)


class BadRedirect(OSError):
    """A redirect cannot be followed: its target is not HTTP, or there are too many redirects."""


class HttpSession:
    """The HTTP session of one user.

    The connection is borrowed at the first request, and kept until it breaks or the user leaves.

    Args:
        host: base URL of the paths.
        connections: pool of connections.

    Attributes:
        response: last answer, complete or not; None before the first request.
        redirected: whether the answer followed a redirect of the last request.
        became_get: whether a redirect changed the method of the last request, such as POST, to GET, so that its body
            was not processed.
    """

    def __init__(self, host: str, connections: Connections) -> None:
        self._origin = Origin.of(host)
        self._below = _below(host)
        self._connections = connections
        self._connection: Connection | None = None
        self._cookies: CookieJar | None = None
        self.response: Response | None = None
        self.redirected = False
        self.became_get = False

    def request(self, method: str, path: str, headers: str, body: bytes, *, follow: bool, trace: str = "") -> Response:
        """Send one request, follow its redirects, and return the last answer, completely read.

        Args:
            method: HTTP method.
            path: path below the host.
            headers: header lines that end in CRLF; a redirect to another host gets only the content type.
            body: body as sent.
            follow: whether to follow redirects.
            trace: header line with the trace id, which is not checked.

        Raises:
            OSError: connecting failed, the connection broke, or a redirect cannot be followed.
            HTTPParseError: the received data are not HTTP.
            ValueError: a header is invalid.
        """
        if headers and not _PLAIN_HEADERS.fullmatch(headers):
            raise ValueError(f"invalid headers: {headers!r}")
        headers += trace
        origin, target = self._origin, _quoted(self._below + path)
        self.redirected = self.became_get = False
        for _ in range(MOST_REDIRECTS + 1):
            response = self._exchange(origin, method, target, headers, body)
            if not follow or response.status_code not in _REDIRECTS:
                return response
            location = response.headers.get("location")
            if location is None:
                return response
            self.redirected = True
            origin, target = _led_to(f"{origin.url}{target}", location)
            if origin.url == self._origin.url:
                origin = self._origin  # with its user, whom a redirect does not name
            else:
                headers = "".join(_OF_THE_BODY.findall(headers))  # any other may be a secret, which is for its own host
            if response.status_code < 307 and method not in {"GET", "HEAD"}:
                method, body, self.became_get = "GET", b"", True
        raise BadRedirect(f"the request was redirected more than {MOST_REDIRECTS} times")

    @property
    def connection(self) -> int:
        """Number of the connection of the last request; 0: connecting failed."""
        return 0 if self._connection is None else self._connection.number

    def leave(self) -> None:
        """Return the connection to the pool."""
        if self._connection is not None:
            self._connections.give_back(self._connection)
            self._connection = None

    def _exchange(self, origin: Origin, method: str, target: str, headers: str, body: bytes) -> Response:
        if self._cookies:
            headers += _cookie_header(self._cookies, f"{origin.url}{target}")
        if body or method in {"POST", "PUT", "PATCH"}:
            headers += f"Content-Length: {len(body)}\r\n"
        request = f"{method} {target} HTTP/1.1\r\n{origin.head}{headers}\r\n".encode("latin-1") + body
        self.response = response = Response(method)
        self._connection_to(origin).exchange(request, response)
        if cookies := response.all("set-cookie"):
            self._keep_cookies(f"{origin.url}{target}", cookies)
        return response

    def _connection_to(self, origin: Origin) -> Connection:
        connection = self._connection
        if connection is not None and connection.origin is origin and connection.ready():
            return connection
        self._connection = None
        if connection is None:
            self._connection = self._connections.borrow(origin)
        else:  # one that broke, or was closed meanwhile: this user comes anew
            connection.close()
            self._connection = Connection(origin)
        return self._connection

    def _keep_cookies(self, url: str, cookies: list[str]) -> None:
        if self._cookies is None:
            self._cookies = CookieJar()
        answer: Any = _CookieAnswer(cookies)
        self._cookies.extract_cookies(answer, CookieRequest(url))  # noqa: S310  # never opened


@cache
def _below(host: str) -> str:
    return urlsplit(host).path.rstrip("/")


class _CookieAnswer:
    """As much of an answer as the cookie jar asks for."""

    def __init__(self, cookies: list[str]) -> None:
        self._cookies = cookies

    def info(self) -> _CookieAnswer:
        return self

    def get_all(self, name: str, default: list[str]) -> list[str]:
        return self._cookies if name.lower() == "set-cookie" else default


def _cookie_header(cookies: CookieJar, url: str) -> str:
    request = CookieRequest(url)  # noqa: S310  # never opened: the jar asks it for host and path
    cookies.add_cookie_header(request)
    cookie = request.get_header("Cookie")
    return f"Cookie: {cookie}\r\n" if cookie else ""


def _quoted(path: str) -> str:
    return path if _PLAIN_PATH.fullmatch(path) else quote(f"/{path.lstrip('/')}", safe="/%?#[]@!$&'()*+,;=:~")


def _led_to(url: str, location: str) -> tuple[Origin, str]:
    try:
        there = urlsplit(urljoin(url, location))
        origin = Origin.of(f"{there.scheme}://{there.netloc}")
    except ValueError as error:
        raise BadRedirect(f"the redirect leads to `{location}`, which is not an HTTP address") from error
    return origin, _quoted(there.path or "/") + (f"?{there.query}" if there.query else "")
