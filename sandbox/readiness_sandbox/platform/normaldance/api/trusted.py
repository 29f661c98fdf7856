"""What the operations take and answer that are served where the platform has an identity provider, as `operations` says it of the others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from ..trust.rules import RULES, RouteRule  # noqa: TID252 - a package of the platform
from .operations import Content, RequestBody, SignInBody, Text, Track, TypedOperation, TypedParameter, Whole

Role = Literal["viewer", "editor", "admin"]
Password = Annotated[str, Field(min_length=12, max_length=128)]
UserName = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{2,39}$")]


class TrackList(Content):
    """Tracks of an artist."""

    tracks: list[Track]


class ArtistPlays(Content):
    """How often an artist is played."""

    artist: str
    plays: int


class PlaysReport(Content):
    """The artists that are played most."""

    artists: list[ArtistPlays]


class NewTitle(RequestBody):
    """What changes of a track."""

    title: Text


class UserSettings(Content):
    """What a user has set."""

    name: str
    display: str
    email: str
    settings: dict[str, Any]


class NewSettings(RequestBody):
    """What changes of a user."""

    display: Text = "a listener"
    email: Text = "listener@example.test"
    settings: dict[str, Any] = Field(default_factory=dict)


class NewUser(RequestBody):
    """Who signs up."""

    user: UserName
    password: Annotated[str, Field(min_length=12, max_length=128, examples=["correct horse battery"])]
    display: Text = "a listener"
    email: Text = "listener@example.test"


class MadeUser(Content):
    """Who has signed up."""

    name: str
    roles: list[Role]


class NewPassword(RequestBody):
    """The old password and the new one."""

    password: Text
    new: Password


class SignedIn(Content):
    """Who has signed in, and the token that pages repeat."""

    user: str
    csrf: str


class OwnAccount(Content):
    """Who is signed in."""

    name: str
    joined: datetime
    roles: list[Role]
    scopes: list[str]


class KnownUser(Content):
    """A user, for administrators."""

    name: str
    roles: list[Role]
    disabled: bool


class KnownUsers(Content):
    """Users, for administrators."""

    users: list[KnownUser]


class NewRoles(RequestBody):
    """The roles of a user."""

    roles: Annotated[list[Role], Field(examples=[["viewer"]])]


class NewState(RequestBody):
    """Whether a user is disabled."""

    disabled: Annotated[bool, Field(examples=[False])]


_ID = {"id": TypedParameter(place="path", kind=Whole, required=True)}
_NAME = {"name": TypedParameter(place="path", kind=str, required=True)}
_MALFORMED = (400, 413, 422)
_JSON = "application/json"
_ASKED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
_OPEN: Final[Mapping[str, TypedOperation]] = {
    "discovery": TypedOperation(name="discovery", summary="OpenID Connect Discovery", answers={200: _JSON}),
    "jwks": TypedOperation(name="jwks", summary="the keys of tokens", answers={200: _JSON}),
    "authorize": TypedOperation(
        name="authorize",
        summary="the sign-in form",
        answers={200: "text/html", 303: None},
        refuses=(400,),
        parameters={name: TypedParameter(place="query", kind=str) for name in _ASKED},
    ),
    "authorize-form": TypedOperation(
        name="authorize-form", summary="sign in by the form", answers={303: None, 401: "text/html"}, refuses=(400, 403)
    ),
    "token": TypedOperation(name="token", summary="tokens", answers={200: _JSON, 400: _JSON, 401: _JSON}),
    "revoke": TypedOperation(name="revoke", summary="revoke a token", answers={200: None, 401: _JSON}),
    "introspect": TypedOperation(name="introspect", summary="whether a token counts", answers={200: _JSON, 401: _JSON}),
    "log-in": TypedOperation(
        name="log-in",
        summary="sign in with a cookie",
        body=SignInBody,
        answers={200: SignedIn},
        refuses=(*_MALFORMED, 401, 403),
    ),
    "sign-up": TypedOperation(
        name="sign-up", summary="sign up", body=NewUser, answers={201: MadeUser}, refuses=(*_MALFORMED, 409)
    ),
}
_GUARDED: Final[Mapping[str, TypedOperation]] = {
    "list-tracks": TypedOperation(
        name="list-tracks",
        summary="tracks of an artist",
        answers={200: TrackList},
        parameters={"artist": TypedParameter(place="query", kind=str)},
    ),
    "change-track": TypedOperation(
        name="change-track",
        summary="change a track of one's own",
        body=NewTitle,
        answers={200: Track},
        refuses=(*_MALFORMED, 404),
        parameters=_ID,
    ),
    "delete-track": TypedOperation(
        name="delete-track", summary="delete a track of one's own", answers={204: None}, refuses=(404,), parameters=_ID
    ),
    "report-plays": TypedOperation(
        name="report-plays", summary="who is played most", answers={200: PlaysReport}, refuses=(429,)
    ),
    "read-settings": TypedOperation(
        name="read-settings",
        summary="one's own settings",
        answers={200: UserSettings},
        refuses=(404,),
        parameters=_NAME,
    ),
    "change-user": TypedOperation(
        name="change-user",
        summary="change one's own settings",
        body=NewSettings,
        answers={200: UserSettings},
        refuses=(*_MALFORMED, 404),
        parameters=_NAME,
    ),
    "userinfo": TypedOperation(name="userinfo", summary="who signed in", answers={200: _JSON}),
    "log-out": TypedOperation(name="log-out", summary="sign out", answers={204: None}),
    "read-account": TypedOperation(
        name="read-account", summary="who is signed in", answers={200: OwnAccount}, refuses=(404,)
    ),
    "change-password": TypedOperation(
        name="change-password",
        summary="change one's own password",
        body=NewPassword,
        answers={204: None},
        refuses=_MALFORMED,
    ),
    "delete-user": TypedOperation(
        name="delete-user", summary="end an account", answers={204: None}, refuses=(404,), parameters=_NAME
    ),
    "list-users": TypedOperation(
        name="list-users",
        summary="users by name",
        answers={200: KnownUsers},
        parameters={"after": TypedParameter(place="query", kind=str)},
    ),
    "set-roles": TypedOperation(
        name="set-roles",
        summary="give and take roles",
        body=NewRoles,
        answers={200: KnownUser},
        refuses=(*_MALFORMED, 404),
        parameters=_NAME,
    ),
    "set-disabled": TypedOperation(
        name="set-disabled",
        summary="disable a user",
        body=NewState,
        answers={200: KnownUser},
        refuses=(*_MALFORMED, 404),
        parameters=_NAME,
    ),
}


def _guarded(rule: RouteRule, one: TypedOperation) -> TypedOperation:
    """The operation, with what its rule asks of a caller."""
    ways = {"log-out": ("session",)}.get(rule.name, ("token", "session", *(("key",) if rule.keys else ())))
    refuses = tuple(sorted({*one.refuses, 401, 403}))
    return TypedOperation(
        name=one.name, summary=one.summary, body=one.body, answers=one.answers, refuses=refuses,
        parameters=one.parameters, token=True, scope=rule.scope, ways=ways,
    )  # fmt: skip


TRUSTED: Final[dict[str, TypedOperation]] = {
    f"{rule.method} {rule.path}": _guarded(rule, _GUARDED[rule.name]) if rule.scope else _OPEN[rule.name]
    for rule in RULES
}
"""By method and path, as the applications have them; the rules of the routes say what each needs."""
