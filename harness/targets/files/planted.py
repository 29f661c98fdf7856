"""Requests that checks send of their own, each with the credential that it carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from harness.targets.files.reference import Reference
from harness.targets.files.values import TargetSection, Word
from harness.validation import matching

OperationPath = Annotated[
    str, matching(r"(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) /\S*", "a method and a path, written like `POST /orders`")
]
Credential = Literal["user", "none", "forged", "wrong-password"]
"""Who sends a request: the first user of `sign_in` with a fresh token; none; that user with a token whose signature was altered; that user,
signing in with a wrong password."""


class DeclaredCall(TargetSection):
    """A request.

    Attributes:
        call: method and path; `{fresh}` in it and in the values of the body is replaced by a number that no other request has.
        body: JSON object of the request; empty: none.
        by: whose credential it carries; see `Credential`.
        headers: further headers with secrets, by reference, such as an API key.
    """

    call: OperationPath
    body: Mapping[str, Any] = Field(default_factory=dict)
    by: Credential = "user"
    headers: Mapping[Word, Reference] = Field(default_factory=dict)

    @property
    def method(self) -> str:
        """The method."""
        return self.call.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path, with `{fresh}` as the file has it."""
        return self.call.partition(" ")[2]
