"""Tries a service before a project is written: each path once, by GET, with and without the headers that sign in."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from harness import clock
from harness.clock import Deadline
from harness.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

REFUSED: Final = (401, 403)
"""Statuses of a service that expects a sign-in."""
NO_ANSWER, NOT_TRIED = 0, -1
"""In place of a status: no complete answer in time; the time of the trial was over."""
_WITHIN_S: Final = 3.0
_STARTING_S: Final = 15.0
"""Seconds for which a service that answers 5xx is waited for, since it may be starting."""
_ALL_S: Final = 90.0
"""Seconds after which no further path is tried."""
_POLL_S: Final = 0.5
_KEPT: Final = 1_000_000
"""Maximum number of bytes of a body that are kept."""
_HOPS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedAnswer:
    """The answer of a service to one GET.

    Attributes:
        path: path that was requested.
        status: status of the answer; `NO_ANSWER`, or `NOT_TRIED`.
        has_text: whether the body has other characters than white space.
        body: beginning of the body; at most a megabyte.
        headers: headers of the answer, with names in small letters.
        leads: address that a redirect leads to; empty for any other answer.
    """

    path: str
    status: int
    has_text: bool = False
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    leads: str = ""

    @property
    def good(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


def tls_of(ca_file: str) -> ssl.SSLContext:
    """The TLS settings for requests: certificates are verified with this CA, or with the CAs of the system.

    Raises:
        ConfigurationError: the file does not contain a certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        hint = "name a file of PEM certificates"
        raise ConfigurationError(f"the file has no certificate: {error}", where=ca_file, hint=hint) from error


class ServiceTrial:
    """Requests paths of a service, and keeps the answers.

    Attributes:
        problem: why the service does not answer; empty if it does.
        answers: every answer, in the order of the requests.
    """

    def __init__(self, entry: str, tls: ssl.SSLContext, sign_in: Mapping[str, str] | None = None) -> None:
        import httpx

        self.problem = ""
        self.answers: list[TriedAnswer] = []
        self._sign_in = dict(sign_in or {})
        self._known: dict[tuple[str, bool], TriedAnswer] = {}
        self._over = Deadline.after(_ALL_S)
        self._client = httpx.Client(base_url=entry, verify=tls, timeout=_WITHIN_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def signs_in(self) -> bool:
        """Whether there are headers that sign in."""
        return bool(self._sign_in)

    def sign_in(self, headers: Mapping[str, str]) -> None:
        """Send these headers with every further request that is signed in."""
        if headers != self._sign_in:
            self._sign_in = dict(headers)
            self._known = {key: answer for key, answer in self._known.items() if not key[1]}

    def begin(self, path: str) -> None:
        """Request a path until the status is below 500, for a few seconds: the service may be starting."""
        import httpx

        try:
            for _ in Deadline.after(_STARTING_S).ticks(_POLL_S):
                if self._ask(path, {}).status < 500:
                    break
        except httpx.HTTPError as error:
            self.problem = str(error) or type(error).__name__

    def get(self, path: str, *, signed_in: bool = False) -> TriedAnswer:
        """The answer to one GET, cached; a redirect is not followed.

        Args:
            path: path with its query.
            signed_in: whether the headers that sign in are sent.
        """
        key = (path, signed_in)
        if key not in self._known:
            self._known[key] = self._tried(path, self._sign_in if signed_in else {})
            self.answers.append(self._known[key])
        return self._known[key]

    def followed(self, path: str, *, signed_in: bool = False) -> TriedAnswer:
        """The answer to one GET, after redirects to other paths of the service."""
        answer = self.get(path, signed_in=signed_in)
        for _ in range(_HOPS):
            if not answer.leads or self.leads_away(answer):
                break
            answer = self.get(_path_of(answer.leads), signed_in=signed_in)
        return answer

    def leads_away(self, answer: TriedAnswer) -> bool:
        """Whether an answer redirects to another scheme, host or port."""
        return bool(answer.leads) and _origin_of(answer.leads) != _origin_of(str(self._client.base_url))

    def again(self, path: str, times: int) -> list[TriedAnswer]:
        """Further answers of a path, which are not cached: several processes may serve it."""
        found = [self._tried(path, {}) for _ in range(times)]
        self.answers += found
        return found

    def _tried(self, path: str, headers: Mapping[str, str]) -> TriedAnswer:
        import httpx

        if self._over.over:
            return TriedAnswer(path=path, status=NOT_TRIED)
        try:
            return self._ask(path, headers)
        except httpx.HTTPError:
            return TriedAnswer(path=path, status=NO_ANSWER)

    def _ask(self, path: str, headers: Mapping[str, str]) -> TriedAnswer:
        with self._client.stream("GET", path, headers=dict(headers)) as answer:
            body = _body(answer)  # also of an error: a service would log that its connection was reset
            names = {name.lower(): value for name, value in answer.headers.items()}
            leads = str(answer.next_request.url) if answer.next_request else ""
        if body is None:
            return TriedAnswer(path=path, status=NO_ANSWER, headers=names)
        text = bool(body.strip())
        return TriedAnswer(path=path, status=answer.status_code, has_text=text, body=body, headers=names, leads=leads)


def _origin_of(address: str) -> tuple[str, str, int | None]:
    import httpx

    url = httpx.URL(address)  # without the usual port of its scheme
    return url.scheme, url.host, url.port


def _path_of(address: str) -> str:
    import httpx

    return httpx.URL(address).raw_path.decode()


def _body(answer: httpx.Response) -> bytes | None:
    """The beginning of a body; None if it is a stream that does not end in time."""
    deadline, found = clock.Deadline.after(_WITHIN_S), b""
    for piece in answer.iter_bytes():
        if len(found) < _KEPT:
            found += piece
        if deadline.over:
            return None
    return found
