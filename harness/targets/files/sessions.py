"""Keys of the section `identity` about sessions, passwords and roles, and the section `limits`: how much a client may call."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.nearest import hint_with_nearest
from harness.targets.files.reference import Reference
from harness.targets.files.requests import SignInFields
from harness.targets.files.strategies import Wrong
from harness.targets.files.values import Header, Name, OperationName, TargetSection, UrlPath, Word, quantity

if TYPE_CHECKING:
    from harness.targets.files.identity import IdentitySettings

Body = Literal["json", "form"]
"""How a body is written: as a JSON object, or as a form of a page (`application/x-www-form-urlencoded`)."""


class CsrfToken(TargetSection):
    """How a page proves that a request is its own: the cookie with the token, and the header that repeats it."""

    cookie: Word
    header: Header


class SessionSettings(TargetSection):
    """The session of a browser.

    Attributes:
        cookie: name of the session's cookie.
        sign_in: operation that begins a session; its body has the keys of `fields`.
        sign_out: operation that ends it; None: there is none.
        page: path that only a signed-in user gets: 200 with a session, 401 without.
        first: path that a browser requests before the sign-in, and whose answer may begin a session; empty: that of `sign_in`.
        fields: keys of the body of `sign_in`.
        body: how this body is written.
        csrf: token against forged requests; None: the platform checks the origin alone.
        lifetime_s: how long a session is valid without being used, in s; None: not declared.
        longest_s: how long a session is valid at most after the sign-in, in s; None: longer than a run, or not declared.
        wait_s: longest lifetime that a check waits for, in s.
    """

    cookie: Word
    sign_in: OperationName
    sign_out: OperationName | None = None
    page: UrlPath
    first: Annotated[str, Field(pattern="^(/.*)?$")] = ""
    fields: SignInFields = SignInFields()
    body: Body = "json"
    csrf: CsrfToken | None = None
    lifetime_s: Annotated[float, quantity("time", "15 min", above="0 s")] | None = Field(default=None, alias="lifetime")
    longest_s: Annotated[float, quantity("time", "8 h", above="0 s")] | None = Field(default=None, alias="longest")
    wait_s: Annotated[float, quantity("time", "60 s", most="10 min")] = Field(default=60.0, alias="wait")


class PasswordStatuses(TargetSection):
    """How an operation that sets a password answers.

    Attributes:
        body: how its body is written.
        more: further keys of the body; `{user}` in a value is replaced by the name of the user.
        accepted: statuses with which a good password is accepted.
        refused: statuses with which a weak password is refused. Any other status proves neither.
    """

    body: Body = "json"
    more: Mapping[Word, str | int | bool] = Field(default_factory=dict)
    accepted: Annotated[tuple[int, ...], Field(min_length=1)] = (200, 201, 204)
    refused: Annotated[tuple[int, ...], Field(min_length=1)] = (400, 422)

    @model_validator(mode="after")
    def _of_one_meaning(self) -> Self:
        if both := sorted({*self.accepted} & {*self.refused}):
            raise ValueError(f"status {both[0]} in one of `accepted` and `refused`")
        return self


class SignUp(PasswordStatuses):
    """How an account is made.

    Attributes:
        call: operation that makes it.
        user: name of the new user; `{new}` is replaced by letters and digits that no account has.
        fields: keys of the body.
        remove: operation that removes the account, sent by the user `removed_by`; `{user}` in its path is the name. None: it stays.
        removed_by: user of `identity.users` who may remove accounts.
    """

    call: OperationName
    user: Word
    fields: SignInFields = SignInFields()
    remove: OperationName | None = None
    removed_by: Name | None = None

    @model_validator(mode="after")
    def _new_and_removed(self) -> Self:
        if "{new}" not in self.user:
            raise ValueError("a name with `{new}` as `user`, like `test-{new}`")
        if (self.remove is None) != (self.removed_by is None):
            raise ValueError("`remove` together with `removed_by`")
        return self


class ChangeFields(TargetSection):
    """The keys of the body of a change of a password."""

    old: Word = "old"
    new: Word = "new"


class PasswordChange(PasswordStatuses):
    """How a signed-in user changes the password: the operation, and the keys of its body."""

    call: OperationName
    fields: ChangeFields = ChangeFields()


class RoleCall(TargetSection):
    """An operation that changes a role: `{user}` and `{role}` in its path and in the values of its body are replaced."""

    call: OperationName
    body: Mapping[Word, str | int | bool | tuple[str, ...]] = Field(default_factory=dict)


class Administration(TargetSection):
    """How a role is taken away from a user and given back.

    Attributes:
        by: user of `identity.users` who may do that.
        of: user of `identity.users` who loses the role for a minute; no other check should use it.
        role: name of the role in the operations; empty: the role of the user.
        take: operation that takes the role away.
        give: operation that gives it back.
        calls: reads that only this role may do.
    """

    by: Name
    of: Name
    role: str = ""
    take: RoleCall
    give: RoleCall
    calls: Annotated[tuple[UrlPath, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _of_two(self) -> Self:
        if self.by == self.of:
            raise ValueError("two users: `by` must not lose its own role")
        return self


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise ValueError("an IP address of this machine, like `127.0.0.2`") from error


class LimitedClient(TargetSection):
    """A client of the entry, as the rate limit tells clients apart.

    Attributes:
        user: user of `identity.users` whose token is sent.
        key: place of an API key, sent in `header`.
        header: header of the key.
        address: address of this machine from which the calls are sent.
    """

    user: Name | None = None
    key: Reference | None = None
    header: Header = "x-api-key"
    address: Annotated[str, AfterValidator(_address)] | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if sum(one is not None for one in (self.user, self.key, self.address)) != 1:
            raise ValueError("exactly one of `user`, `key`, `address`")
        return self

    @property
    def words(self) -> str:
        """What it is, without a secret."""
        if self.user is not None:
            return f"user {self.user}"
        return f"key of {self.key}" if self.key is not None else f"address {self.address}"


class Limits(TargetSection):
    """The section `limits`: how many calls the entry takes from each client.

    Attributes:
        calls: number of calls of one client that are served in each `in`.
        within_s: length of the time that `calls` is for, in s.
        burst: calls that are served at once beside them, as by a token bucket that is larger than `calls`.
        path: path that is read.
        clients: clients; the first one sends the burst, the others call at less than the limit meanwhile.
        longest_s: longest time for which a burst is sent, in s.
    """

    calls: Annotated[int, Field(ge=1)]
    within_s: Annotated[float, quantity("time", "1 s", above="0 s")] = Field(default=1.0, alias="in")
    burst: Annotated[int, Field(ge=0)] = 0
    path: UrlPath
    clients: Annotated[tuple[LimitedClient, ...], Field(min_length=1)]
    longest_s: Annotated[float, quantity("time", "30 s", least="5 s", most="10 min")] = Field(
        default=30.0, alias="longest"
    )

    @property
    def per_s(self) -> float:
        """The declared rate, in calls per second."""
        return self.calls / self.within_s


def wrong_sessions(identity: IdentitySettings | None, limits: Limits | None) -> Iterator[Wrong]:
    """Names of users that the file does not have.

    Args:
        identity: section; None: the file has none.
        limits: section; None: the file has none.
    """
    users = identity.users if identity is not None else {}
    named: list[tuple[tuple[str | int, ...], str | None]] = []
    if identity is not None and identity.sign_up is not None:
        named.append((("identity", "sign_up", "removed_by"), identity.sign_up.removed_by))
    if identity is not None and (own := identity.administration) is not None:
        named += [(("identity", "administration", "by"), own.by), (("identity", "administration", "of"), own.of)]
    if limits is not None:
        named += [(("limits", "clients", n, "user"), one.user) for n, one in enumerate(limits.clients)]
        if len({*map(str, limits.clients)}) < len(limits.clients):
            yield ("limits", "clients"), "a client is named twice", "write each client once"
    for at, user in named:
        if user is not None and user not in users:
            yield at, f"the user `{user}` is not in `identity.users`", hint_with_nearest(user, users)
