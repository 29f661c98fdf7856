"""Sends one request to an identity provider; the answer is bounded in time and size, and no error message contains what was sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Final

from harness.clock import Deadline
from harness.errors import DriverError, TargetSilent
from harness.targets.http import http_client

if TYPE_CHECKING:
    from harness.targets.files.target import Target

WITHIN_S: Final = 10.0
"""Time that one answer may take, to its last byte."""
MOST_BYTES: Final = 1_000_000
"""Maximum size of an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderAnswer:
    """An answer of a provider.

    Attributes:
        url: address of the request, without its query.
        status: HTTP status.
        headers: headers; of several of one name the values are joined with commas.
        body: body; it is not printed, since it may have tokens.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def mapping(self, what: str) -> Mapping[str, Any]:
        """The body as a JSON object.

        Raises:
            DriverError: the body is not one.
        """
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            kind = self.headers.get("content-type", "no content type")
            raise DriverError(
                f"{what} is not a JSON object: status {self.status}, {kind}, {len(self.body)} bytes",
                where=self.url,
                hint="correct the address of the provider in `identity`",
            )
        return found


def asked(
    target: Target,
    method: str,
    url: str,
    *,
    what: str,
    form: Mapping[str, str] | None = None,
    json_body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    cookies: CookieJar | None = None,
    within_s: float = WITHIN_S,
) -> ProviderAnswer:
    """The answer to one request; redirects are not followed.

    Args:
        target: its certificates and proxy rule are used.
        method: HTTP method.
        url: address.
        what: what is asked for, for messages.
        form: fields of a form that is the body.
        json_body: JSON object that is the body.
        headers: headers of the request.
        auth: user and password for HTTP Basic authentication.
        cookies: cookies that are sent and kept; None: none are.
        within_s: time for the whole answer.

    Raises:
        TargetSilent: no complete answer came in time.
        DriverError: the answer is too large.
    """
    import httpx  # as `http_client` has it

    place, deadline, body = url.partition("?")[0], Deadline.after(within_s), bytearray()
    try:
        with http_client(target, url, timeout_s=within_s) as client:
            if cookies is not None:
                client.cookies.jar = cookies
            with client.stream(method, url, data=form, json=json_body, headers=headers, auth=auth) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise DriverError(f"{what} is larger than {MOST_BYTES} bytes", where=place)
                    if deadline.over:
                        raise TargetSilent(f"{what} was not complete within {within_s:g} s", where=place)
    except httpx.TimeoutException as error:
        raise TargetSilent(f"{what}: no answer within {within_s:g} s", where=place) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        hint = "check that the provider runs, and its address in `identity`"
        raise TargetSilent(f"{what}: no answer ({type(error).__name__})", where=place, hint=hint) from error
    return ProviderAnswer(
        url=place,
        status=answer.status_code,
        headers={name.lower(): value for name, value in answer.headers.items()},
        body=bytes(body),
    )
