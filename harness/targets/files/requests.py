"""What the entry takes: sign-ins, and what the API description says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from harness.targets.files.reference import Reference
from harness.targets.files.values import TargetSection, UrlPath, Word, quantity


class SignInFields(TargetSection):
    """The keys of the JSON body of a sign-in request."""

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
        token: key of the token in the answer.
    """

    path: UrlPath
    user: Word
    users: Annotated[int, Field(ge=1)] = 1
    password: Reference
    fields: SignInFields = SignInFields()
    token: Word = "token"  # noqa: S105 - a key


class ApiDescription(TargetSection):
    """The section `api`: what the entry takes and answers.

    Attributes:
        description: file of OpenAPI 3.0 or 3.1, beside the target file.
        core: core operations, as `POST /orders` or by their `operationId`.
        values: values of path, query and header parameters that name something that exists, by the name of the parameter.
        within_s: time for all requests of one sentence, in s.
    """

    description: Word
    core: tuple[Word, ...] = ()
    values: Mapping[Word, tuple[int | str, ...]] = Field(default_factory=dict)
    within_s: Annotated[float, quantity("time", "2 min")] = Field(default=120.0, alias="within")
