"""Sends drawn requests to the entry of a target, with its documented sign-in where an operation needs a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.generated.drawn import DrawnRequest
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.http import http_client
from harness.targets.openapi.answers import GivenAnswer
from harness.targets.openapi.description import READS, Operation

if TYPE_CHECKING:
    import httpx

WITHIN_S: Final = 5.0
"""Time that one answer may take."""
_MOST_BYTES: Final = 1_000_000


def not_allowed(operation: Operation, target: Target) -> str:
    """Why an operation may not be called; empty if it may."""
    allowed = any(fnmatchcase(operation.name, entry.operations) for entry in target.may_write if entry.operations)
    if operation.method in READS or target.breakable or allowed:
        return ""
    return f"it may write, and neither `disposable` nor `may_write: [{{operations: '{operation.name}'}}]` allows it"


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryCaller:
    """Sends requests.

    Attributes:
        client: of the entry.
        token: of the sign-in; empty: there is none.
    """

    client: httpx.Client
    token: str = ""

    def send(self, operation: Operation, request: DrawnRequest) -> GivenAnswer:
        """The answer to a request; that there is none becomes part of it."""
        import httpx  # as `http_client` has it

        headers = dict(request.headers)
        if operation.needs_token:
            headers["authorization"] = f"Bearer {self.token}"
        deadline, body = clock.Deadline.after(WITHIN_S), bytearray()
        try:
            with self.client.stream(request.method, request.target, headers=headers, content=request.body) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        return GivenAnswer(status=0, why=f"the answer is longer than {_MOST_BYTES} bytes")
                    if deadline.over:
                        return GivenAnswer(status=0, why=f"the answer was not complete within {WITHIN_S:g} s")
        except httpx.TimeoutException:
            return GivenAnswer(status=0, why=f"no answer within {WITHIN_S:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return GivenAnswer(status=0, why=f"no answer ({type(error).__name__})")
        return GivenAnswer(status=answer.status_code, headers=_lower(answer), body=bytes(body))


def _lower(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


@contextmanager
def caller(target: Target, *, signs_in: bool) -> Iterator[EntryCaller]:
    """What sends requests to the entry.

    Args:
        target: target.
        signs_in: whether an operation needs a token.

    Raises:
        DriverError: the sign-in gave no token.
        ConfigurationError: its password cannot be read.
    """
    with http_client(target, target.entry, timeout_s=WITHIN_S) as client:
        yield EntryCaller(
            client=client, token=_token(target, client) if signs_in and target.sign_in is not None else ""
        )


def _token(target: Target, client: httpx.Client) -> str:
    import httpx  # as above

    sign_in = target.sign_in
    if sign_in is None:
        return ""
    user = sign_in.user.replace("{n}", "1")
    secret = sign_in.password.resolve().replace("{user}", user)
    where = f"{target.file}: sign_in"
    try:
        answer = client.post(sign_in.path, json={sign_in.fields.user: user, sign_in.fields.password: secret})
        found = json.loads(answer.content) if answer.is_success else None
    except (httpx.HTTPError, ValueError) as error:
        raise DriverError(f"the sign-in of {user} failed: {type(error).__name__}", where=where) from error
    token = found.get(sign_in.token) if isinstance(found, dict) else None
    if not isinstance(token, str) or not token:
        what = f"the sign-in of {user} got status {answer.status_code} and no `{sign_in.token}`"
        raise DriverError(what, where=where, hint="correct `sign_in`")
    return token
