"""Sends drawn requests to the entry of a target, with its documented sign-in where an operation needs a token."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.drivers.generated.drawn import DrawnRequest
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.files.requests import SignIn
from harness.targets.http import http_client
from harness.targets.openapi.answers import GivenAnswer
from harness.targets.openapi.description import READS, Operation, Parameter, is_json

if TYPE_CHECKING:
    import httpx

WITHIN_S: Final = 5.0
"""Time that one answer may take."""
_MOST_BYTES: Final = 1_000_000
_MOST_CREATED: Final = 20
"""Maximum number of things that were created by one operation, whose ids later requests name."""


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
        created: bodies of answers 2xx to POST requests, by the path.
    """

    client: httpx.Client
    token: str = ""
    created: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

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
        given = GivenAnswer(status=answer.status_code, headers=_lower(answer), body=bytes(body), secret=request.secret)
        self._remember(operation, given)
        return given

    def _remember(self, operation: Operation, answer: GivenAnswer) -> None:
        """Remember what a POST request has created."""
        if operation.method != "POST" or not 200 <= answer.status < 300 or not is_json(answer.media):
            return
        kept = self.created.setdefault(operation.path, [])
        with suppress(ValueError, RecursionError):
            if len(kept) < _MOST_CREATED and isinstance(body := json.loads(answer.body), dict):
                kept.append(body)

    def with_created(self, operation: Operation) -> Operation:
        """The operation with ids of what was created above it: `id` of an answer to `POST /orders` is one of `/orders/{id}`."""
        return replace(operation, parameters=tuple(self._known(operation, one) for one in operation.parameters))

    def _known(self, operation: Operation, one: Parameter) -> Parameter:
        if one.place != "path":
            return one
        above = operation.path.partition(f"/{{{one.name}}}")[0]
        bodies = self.created.get(above, ())
        found = [body.get(one.name, body.get("id")) for body in bodies]
        known = dict.fromkeys(value for value in found if isinstance(value, int | str) and not isinstance(value, bool))
        return replace(one, known=(*one.known, *known)) if known else one


def _lower(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


@contextmanager
def caller(target: Target, *, signs_in: bool, address: str = "") -> Iterator[EntryCaller]:
    """What sends requests to the entry, or to a service.

    Args:
        target: target.
        signs_in: whether an operation needs a token, which the sign-in at the entry gives.
        address: of a service; empty: the entry.

    Raises:
        DriverError: the sign-in gave no token.
        ConfigurationError: its password cannot be read.
    """
    with http_client(target, target.entry, timeout_s=WITHIN_S) as client:
        token = _token(target, client) if signs_in and target.sign_in is not None else ""
        if not address:
            yield EntryCaller(client=client, token=token)
            return
    with http_client(target, address, timeout_s=WITHIN_S) as client:
        yield EntryCaller(client=client, token=token)


def right_sign_in(operation: Operation, target: Target) -> DrawnRequest | None:
    """The sign-in of the first user, where an operation is the sign-in: no drawn input is right. None: it is another operation.

    Raises:
        ConfigurationError: its password cannot be read.
    """
    sign_in = target.sign_in
    if sign_in is None or operation.body is None or (operation.method, operation.path) != ("POST", sign_in.path):
        return None
    body = json.dumps(_credentials(sign_in)).encode()
    headers = {"content-type": operation.body.media}
    return DrawnRequest(method="POST", target=sign_in.path, headers=headers, body=body, secret=True)


def _credentials(sign_in: SignIn) -> dict[str, str]:
    """The body of the first user's sign-in."""
    user = sign_in.user.replace("{n}", "1")
    return {sign_in.fields.user: user, sign_in.fields.password: sign_in.password.resolve().replace("{user}", user)}


def _token(target: Target, client: httpx.Client) -> str:
    import httpx  # as above

    sign_in = target.sign_in
    if sign_in is None:
        return ""
    body = _credentials(sign_in)
    user = body[sign_in.fields.user]
    where = f"{target.file}: sign_in"
    try:
        as_form, as_json = (body, None) if sign_in.body == "form" else (None, body)
        answer = client.post(sign_in.path, data=as_form, json=as_json)
        found = json.loads(answer.content) if answer.is_success else None
    except (httpx.HTTPError, ValueError) as error:
        raise DriverError(f"the sign-in of {user} failed: {type(error).__name__}", where=where) from error
    token = found.get(sign_in.token) if isinstance(found, dict) else None
    if not isinstance(token, str) or not token:
        what = f"the sign-in of {user} got status {answer.status_code} and no `{sign_in.token}`"
        raise DriverError(what, where=where, hint="correct `sign_in`")
    return token
