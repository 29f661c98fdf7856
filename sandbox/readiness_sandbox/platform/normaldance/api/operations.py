"""What the operations of the services take and answer, by method and path: the one place that says it.

A route of an application that has no entry here is served and not described. Only `document` imports this module, when a
description is asked for: pydantic costs 15 MB, which most pods never need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Whole = Annotated[int, Field(ge=0, lt=10**18)]
"""A number in a path or a query: the routes take at most 18 digits."""
Long = Annotated[int, Field(gt=-(2**63), lt=2**63)]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
"""A text of the database: no character NUL."""


class RequestBody(BaseModel):
    """A body of a request: keys that it does not know are ignored."""


class Content(BaseModel):
    """A body of an answer: it has no other keys."""

    model_config = ConfigDict(extra="forbid")


class Refusal(Content):
    """Why a request was not served."""

    error: str


class SignInBody(RequestBody):
    """Who signs in."""

    user: Text
    password: Text


class Token(Content):
    """A bearer token."""

    token: str


class Profile(Content):
    """A profile."""

    name: str
    joined: datetime


class NewTrack(RequestBody):
    """A track that is added."""

    title: Text
    artist: Text


class Track(Content):
    """A track; `similar` while the feature of that name is on."""

    id: int
    title: str
    artist: str
    plays: Annotated[int, Field(ge=0)]
    similar: list[int] = Field(default_factory=list)


class Plays(Content):
    """How often a track was played."""

    id: int
    plays: Annotated[int, Field(ge=0)]


class LedgerEntry(RequestBody):
    """A row of the ledger."""

    client: Long
    sequence: Long
    checksum: Text


class Entered(Content):
    """The key of a row of the ledger."""

    client: int
    sequence: int


class Entries(Content):
    """Rows of the ledger: sequence and checksum each."""

    rows: list[tuple[int, str]]


class Event(RequestBody):
    """An event of the pipeline."""

    id: Text
    checksum: Text


class AcceptedEvent(Content):
    """The event that was accepted."""

    id: str


class SeenEvent(Content):
    """How often an event is visible; no checksum where its copies differ."""

    copies: Annotated[int, Field(ge=1)]
    checksum: str | None


class Report(RequestBody):
    """What a user reports of a release."""

    severity: Literal["critical", "minor"]
    release: Text
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class Reported(Content):
    """The report that was counted."""

    severity: str
    release: str


class ContactEntry(RequestBody):
    """How someone is reached."""

    name: Text
    email: Text
    phone: Text


class ContactName(Content):
    """The contact that was kept or removed."""

    name: str


class KnownContact(Content):
    """How someone is reached."""

    name: str
    email: str
    phone: str


class Status(Content):
    """That the service is well."""

    status: Literal["ok", "ready"]


class Version(Content):
    """What runs."""

    service: str
    version: str


class Timing(RequestBody):
    """How long a page took, in seconds."""

    page: Text
    seconds: Annotated[float, Field(ge=0, le=600)]


class TimedPage(Content):
    """The page whose time was counted."""

    page: str


class Evaluated(BaseModel):
    """A flag's value, or why it has none (OFREP)."""

    key: str
    value: Any = None
    reason: str = ""
    variant: str = ""


class EvaluatedFlags(BaseModel):
    """All flags (OFREP)."""

    flags: list[Evaluated]


class NotEvaluated(BaseModel):
    """Why a flag has no value (OFREP)."""

    key: str
    errorCode: str  # noqa: N815 - the protocol's word
    errorDetails: str = ""  # noqa: N815 - as above


@dataclass(frozen=True, kw_only=True, slots=True)
class TypedParameter:
    """A parameter of a query or a header; those of the path are named there, and `kinds` says what they are."""

    place: Literal["path", "query", "header"]
    kind: Any
    required: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TypedOperation:
    """What an operation takes and answers.

    Attributes:
        name: its `operationId`.
        summary: what it does.
        body: of its requests; None: it takes none.
        answers: content by status where it is served; a media type instead of a model for what is not JSON, None for no body.
        refuses: statuses with a `Refusal`, beside 503, which every operation may answer.
        parameters: by name.
        token: whether it needs a bearer token.
        scope: that the token must have, where the platform knows scopes.
        ways: kinds of credentials, each of which will do: `token`, `session`, `key`.
    """

    name: str
    summary: str
    body: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel] | str | None] = field(default_factory=dict)
    refuses: tuple[int, ...] = ()
    parameters: Mapping[str, TypedParameter] = field(default_factory=dict)
    token: bool = False
    scope: str = ""
    ways: tuple[str, ...] = ("token",)


_ID = {"id": TypedParameter(place="path", kind=Whole, required=True)}
_NAME = {"name": TypedParameter(place="path", kind=str, required=True)}
_ONCE = {"idempotency-key": TypedParameter(place="header", kind=str)}
"""The header with which a request may be repeated."""
_MALFORMED = (400, 413, 422)
_FLAGS = "/ofrep/v1/evaluate/flags"

OPERATIONS: Final[dict[str, TypedOperation]] = {
    "POST /sessions": TypedOperation(
        name="sign-in", summary="sign in", body=SignInBody, answers={201: Token}, refuses=(*_MALFORMED, 401)
    ),
    "GET /users/{name}": TypedOperation(
        name="read-user", summary="a profile", answers={200: Profile}, refuses=(404,), parameters=_NAME, scope="READ"
    ),
    "GET /tracks/{id}": TypedOperation(
        name="read-track", summary="a track", answers={200: Track}, refuses=(404,), parameters=_ID, scope="READ"
    ),
    "POST /tracks": TypedOperation(
        name="create-track",
        summary="add a track",
        body=NewTrack,
        answers={201: Track},
        refuses=(*_MALFORMED, 401, 403),
        parameters=_ONCE,
        token=True,
        scope="WRITE",
    ),
    "POST /tracks/{id}/plays": TypedOperation(
        name="play-track",
        summary="count a play",
        answers={201: Plays},
        refuses=(401, 403, 404),
        parameters={**_ID, **_ONCE},
        token=True,
        scope="WRITE",
    ),
    "POST /contacts": TypedOperation(
        name="write-contact",
        summary="keep a contact of one's own",
        body=ContactEntry,
        answers={201: ContactName},
        refuses=(*_MALFORMED, 401, 403),
        parameters=_ONCE,
        token=True,
        scope="WRITE",
    ),
    "GET /contacts/{name}": TypedOperation(
        name="read-contact",
        summary="a contact of one's own",
        answers={200: KnownContact},
        refuses=(401, 403, 404),
        parameters=_NAME,
        token=True,
        scope="READ",
    ),
    "DELETE /contacts/{name}": TypedOperation(
        name="remove-contact",
        summary="remove a contact of one's own",
        answers={200: ContactName},
        refuses=(401, 403, 404),
        parameters=_NAME,
        token=True,
        scope="WRITE",
    ),
    "GET /users/{name}/export": TypedOperation(
        name="export-user",
        summary="every record that names oneself",
        answers={200: "application/json"},
        refuses=(401, 403, 404),
        parameters=_NAME,
        token=True,
        scope="READ",
    ),
    "POST /ledger": TypedOperation(
        name="write-ledger",
        summary="write a row of the ledger",
        body=LedgerEntry,
        answers={201: Entered},
        refuses=_MALFORMED,
        parameters=_ONCE,
    ),
    "GET /ledger": TypedOperation(
        name="read-ledger",
        summary="rows of the ledger of a client",
        answers={200: Entries},
        refuses=(422,),
        parameters={
            "client": TypedParameter(place="query", kind=Whole, required=True),
            "sequence": TypedParameter(place="query", kind=Whole),
        },
    ),
    "POST /events": TypedOperation(
        name="accept-event",
        summary="take an event",
        body=Event,
        answers={202: AcceptedEvent},
        refuses=_MALFORMED,
        parameters=_ONCE,
    ),
    "GET /events/{id}": TypedOperation(
        name="read-event",
        summary="whether an event is visible",
        answers={200: SeenEvent},
        refuses=(404,),
        parameters={"id": TypedParameter(place="path", kind=str, required=True)},
    ),
    "POST /reports": TypedOperation(
        name="report", summary="report a release", body=Report, answers={202: Reported}, refuses=_MALFORMED
    ),
    f"POST {_FLAGS}": TypedOperation(
        name="evaluate-flags",
        summary="all flags",
        answers={200: EvaluatedFlags, 304: None},
        parameters={"if-none-match": TypedParameter(place="header", kind=str)},
    ),
    f"POST {_FLAGS}/{{key}}": TypedOperation(
        name="evaluate-flag",
        summary="a flag",
        answers={200: Evaluated, 400: NotEvaluated, 404: NotEvaluated},
        parameters={"key": TypedParameter(place="path", kind=str, required=True)},
    ),
    "GET /api/health": TypedOperation(name="read-health", summary="whether it serves", answers={200: Status}),
    "POST /timings": TypedOperation(
        name="report-timing", summary="how long a page took", body=Timing, answers={202: TimedPage}, refuses=_MALFORMED
    ),
    "GET /health": TypedOperation(name="health", summary="whether the process serves", answers={200: Status}),
    "GET /ready": TypedOperation(name="ready", summary="whether its dependencies answer", answers={200: Status}),
    "GET /version": TypedOperation(name="version", summary="what runs", answers={200: Version}),
    "GET /metrics": TypedOperation(name="metrics", summary="metrics", answers={200: "text/plain"}),
    "GET /openapi.json": TypedOperation(name="openapi", summary="this description", answers={200: "application/json"}),
    "GET /routes": TypedOperation(name="routes-of", summary="what is served", answers={200: "text/plain"}),
    "GET /debug/pprof/profile": TypedOperation(
        name="profile",
        summary="the CPU profile of the process, for those inside",
        answers={200: "application/octet-stream", 400: "text/plain", 500: "text/plain"},
        refuses=(404,),
        parameters={"seconds": TypedParameter(place="query", kind=Annotated[float, Field(gt=0, le=60)])},
    ),
}
"""By method and path, as the applications have them."""
