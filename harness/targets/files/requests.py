"""What the entry takes: sign-ins, and what the API description says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from harness.targets.files.reference import Reference
from harness.targets.files.values import OperationName, TargetSection, Url, UrlPath, Word, quantity


class SignInFields(TargetSection):
    """The keys of the body of a sign-in request."""

    user: Word = "user"
    password: Word = "password"  # noqa: S105 - a key


class SignIn(TargetSection):
    """How test users sign in.

    Attributes:
        path: path of the sign-in, a POST request.
        user: name of each user, with `{n}` for the number of the user, from 1.
        users: number of users.
        password: place of the password; `{user}` is replaced by the user's name.
        fields: keys of the body.
        body: how the body is written: `json`, or `form`, as the password flow of OAuth 2 has it.
        token: key of the token in the answer.
    """

    path: UrlPath
    user: Word
    users: Annotated[int, Field(ge=1)] = 1
    password: Reference
    fields: SignInFields = SignInFields()
    body: Literal["json", "form"] = "json"
    token: Word = "token"  # noqa: S105 - a key


ENTRY: Final = "entry"
"""The name under which `api.description` has the description of the entry."""


class DeclaredCalls(TargetSection):
    """Calls between two services: what the one asks of the other.

    Attributes:
        caller: service that calls.
        service: service that is called; its description is that of this name in `api.description`.
        address: where the harness reaches the service.
        operations: operations that are called, as `POST /orders` or by their `operationId`.
    """

    caller: Word
    service: Word
    address: Url
    operations: Annotated[tuple[Word, ...], Field(min_length=1)]


class ApiDescription(TargetSection):
    """The section `api`: what the entry and the services take and answer.

    Attributes:
        description: OpenAPI 3.0 or 3.1, a file beside the target file or an http address: of the entry, or by service (`entry` is the entry).
        accepted: description of the entry in the release that was accepted last, a file or an address.
        served: what the entry serves, a file or an address: lines like `GET /orders/{id}`, or JSON of objects with `method` and `path`.
        contracts: declared calls between services.
        core: core operations, as `POST /orders` or by their `operationId`.
        values: values of path, query and header parameters that name something that exists, by the name of the parameter.
        bodies: JSON bodies of operations with a right credential, in place of an example: `{new}` in a value is replaced by letters and digits
            that no other request has, `{user}` and `{password}` by those of the user who calls.
        within_s: time for all requests of one sentence, in s.
    """

    description: Word | Annotated[Mapping[Word, Word], Field(min_length=1)]
    accepted: Word | None = None
    served: Word | None = None
    contracts: tuple[DeclaredCalls, ...] = ()
    core: tuple[Word, ...] = ()
    values: Mapping[Word, tuple[int | str, ...]] = Field(default_factory=dict)
    bodies: Mapping[OperationName, Mapping[Word, Any]] = Field(default_factory=dict)
    within_s: Annotated[float, quantity("time", "2 min")] = Field(default=120.0, alias="within")

    def described(self, service: str) -> str:
        """File or address of the description of a service; empty: there is none."""
        if isinstance(self.description, str):
            return self.description if service == ENTRY else ""
        return self.description.get(service, "")
