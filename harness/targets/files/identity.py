"""The sections `identity` and `authorisation`: who may sign in, how its credentials are got, and who may call what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.nearest import hint_with_nearest
from harness.targets.files.reference import Reference
from harness.targets.files.sessions import Administration, PasswordChange, SessionSettings, SignUp
from harness.targets.files.strategies import Wrong
from harness.targets.files.values import (
    Header,
    Name,
    OperationName,
    RootUrl,
    TargetSection,
    Url,
    Word,
    quantity,
)
from harness.validation import matching
from harness.yamlfile import Location

OperationClass = Literal["read", "write", "admin"]
Special = Literal["expired", "foreign-audience", "foreign-issuer"]


class IdentityClient(TargetSection):
    """A client that the provider knows.

    Attributes:
        id: its `client_id`.
        secret: its secret; None: a public client.
        redirect: one of its registered redirect addresses, for the grant `code`; nothing needs to answer there.
        scopes: scopes that are asked for with its tokens, besides those of a user.
        parameters: further parameters of its requests for tokens, such as `resource` or `audience`.
    """

    id: Word
    secret: Reference | None = None
    redirect: Word = ""
    scopes: tuple[Word, ...] = ()
    parameters: Mapping[Word, Word] = Field(default_factory=dict)


class IdentityUser(TargetSection):
    """A test user.

    Attributes:
        user: name with which it signs in.
        password: place of its password.
        role: its role; empty: the key of the user in the file.
        scopes: scopes that its token must have; None: those of its role in `authorisation.roles`.
        objects: objects that belong to it: values of path and query parameters, by the parameter's name, or by the path up to the
            parameter where several paths have a parameter of this name: `{name: test-1, "/orders/{id}": 7}`.
    """

    user: Word
    password: Reference
    role: Name | None = None
    scopes: tuple[Word, ...] | None = None
    objects: Mapping[Word, int | str] = Field(default_factory=dict)


class SpecialToken(TargetSection):
    """Where a token comes from that no forgery can replace: a client of the file that gets it, or the place where it is kept.

    Attributes:
        client: client of `identity.clients` whose own token it is.
        user: user of `identity.users` who signs in through this client; None: the client gets it for itself.
        keys: file with the key set of its issuer, beside the target file; empty: the issuer's own address has them.
        env, file, command: place of the token, as for a secret.
    """

    client: Name | None = None
    user: Name | None = None
    keys: str = ""
    env: str = ""
    file: str = ""
    command: str = ""

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if sum(map(bool, (self.client, self.env, self.file, self.command))) != 1:
            raise ValueError("exactly one of `client`, `env`, `file`, `command`")
        if self.user and not self.client:
            raise ValueError("`user` together with `client`")
        return self

    @property
    def place(self) -> Reference | None:
        """The place where the token is kept; None: a client gets it."""
        return None if self.client else Reference(env=self.env, file=self.file, command=self.command)


class Signing(TargetSection):
    """What the signature of a right token has: `algorithm`, such as `RS256`."""

    algorithm: Annotated[str, matching(r"[A-Z][A-Za-z0-9]{1,15}", "an algorithm of JSON Web Signatures, like `RS256`")]


class ApiKeys(TargetSection):
    """API keys: the header that has them, a right one, and a revoked one if there is any."""

    header: Header
    right: Reference
    revoked: Reference | None = None


class IdentitySettings(TargetSection):
    """The section `identity`: users, clients, and how their credentials are got.

    Attributes:
        issuer: issuer of OpenID Connect, with its discovery document at `/.well-known/openid-configuration`; empty: there is none.
        audience: audience that access tokens must have; empty: not checked.
        clients: clients by a name of the file.
        client: client through which users sign in; None: the only one.
        users: test users by a name of the file.
        grant: how a user's token is got: `password` at the token endpoint, `code` by authorization code with PKCE through the
            sign-in form, `sign_in` by the section `sign_in` of the target file.
        signing: what the signature of a right token has; None: as the tokens themselves say.
        tokens: tokens that cannot be made from others: an expired one, one for another audience, one of another issuer.
        session: the session of a browser; None: there is none.
        sign_up: how an account is made; None: not declared.
        change: how a user changes the password; None: not declared.
        administration: how a role is taken away and given back; None: not declared.
        api_keys: API keys; None: there are none.
        page: path that only a user with a token gets: 200 with one, 401 or 403 without; empty: the provider's `userinfo_endpoint`.
        origin: origin whose pages may call the entry; empty: that of the entry.
    """

    issuer: Url = ""
    audience: str = ""
    clients: Mapping[Name, IdentityClient] = Field(default_factory=dict)
    client: Name | None = None
    users: Mapping[Name, IdentityUser] = Field(default_factory=dict)
    grant: Literal["password", "code", "sign_in"] = "password"
    signing: Signing | None = None
    tokens: Mapping[Special, SpecialToken] = Field(default_factory=dict)
    session: SessionSettings | None = None
    sign_up: SignUp | None = None
    change: PasswordChange | None = None
    administration: Administration | None = None
    api_keys: ApiKeys | None = None
    page: Annotated[str, Field(pattern="^(/.*)?$")] = ""
    origin: RootUrl = ""

    @property
    def through(self) -> str:
        """Name of the client through which users sign in; empty: there is none."""
        return self.client or (next(iter(self.clients)) if len(self.clients) == 1 else "")

    @property
    def gives_tokens(self) -> bool:
        """Whether users get tokens; without an issuer and a sign-in that gives one they have sessions alone."""
        return bool(self.issuer) or self.grant == "sign_in"

    def role_of(self, user: str) -> str:
        """The role of a user of the file."""
        return self.users[user].role or user


class Authorisation(TargetSection):
    """The section `authorisation`: who may call what.

    Attributes:
        roles: scopes of each role.
        operations: the scope of each class of operations: `{read: READ, write: WRITE, admin: ADMIN}`.
        scopes: scope that an operation needs, where the API description does not say it.
        matrix: YAML file with the answer to each role and operation, beside the target file; empty: made from roles and scopes.
        public: operations that need no credential, besides those whose description says `security: []`.
        protected: operations that need a signed-in user and no scope, where the API description does not say so.
        keys: operations that take API keys; empty: those whose description says so.
        shared: operations whose path has a parameter, but whose objects belong to no user.
        rate: greatest number of requests per second.
    """

    roles: Mapping[Name, tuple[Word, ...]] = Field(default_factory=dict)
    operations: Mapping[OperationClass, Word] = Field(default_factory=dict)
    scopes: Mapping[OperationName, Word] = Field(default_factory=dict)
    matrix: str = ""
    public: tuple[OperationName, ...] = ()
    protected: tuple[OperationName, ...] = ()
    keys: tuple[OperationName, ...] = ()
    shared: tuple[OperationName, ...] = ()
    rate: Annotated[float, quantity("rate", "100/s", above="0/s", most="200/s")] = 200.0


def wrong_identity(
    identity: IdentitySettings | None, authorisation: Authorisation | None, *, signs_in: bool
) -> Iterator[Wrong]:
    """Problems between keys of the two sections.

    Args:
        identity: section; None: the file has none.
        authorisation: section; None: the file has none.
        signs_in: whether the file has the section `sign_in`.
    """
    if identity is not None:
        yield from _wrong_clients(identity)
        yield from _wrong_grant(identity, signs_in=signs_in)
    if authorisation is None:
        return
    roles = authorisation.roles
    for name, user in (identity.users if identity is not None and roles else {}).items():
        if (role := user.role or name) not in roles:
            at = ("identity", "users", name, *(("role",) if user.role else ()))
            yield at, f"the role `{role}` is not in `authorisation.roles`", hint_with_nearest(role, roles)
    for one in authorisation.public:
        for key, listed in (("protected", authorisation.protected), ("scopes", authorisation.scopes)):
            if one in listed:
                what = f"`{one}` is public and in `{key}`"
                yield ("authorisation", "public"), what, "remove it from one of them"


def _wrong_clients(identity: IdentitySettings) -> Iterator[Wrong]:
    named: list[tuple[Location, str | None]] = [(("identity", "client"), identity.client)]
    named += [(("identity", "tokens", key, "client"), one.client) for key, one in identity.tokens.items()]
    for at, client in named:
        if client is not None and client not in identity.clients:
            what = f"the client `{client}` is not in `identity.clients`"
            yield at, what, hint_with_nearest(client, identity.clients)
    for key, one in identity.tokens.items():
        if one.user is not None and one.user not in identity.users:
            what = f"the user `{one.user}` is not in `identity.users`"
            yield ("identity", "tokens", key, "user"), what, hint_with_nearest(one.user, identity.users)


def _wrong_grant(identity: IdentitySettings, *, signs_in: bool) -> Iterator[Wrong]:
    """What the way to get a token lacks; without users, and of users who have sessions alone, none is got."""
    at = ("identity",)
    if any(one.client for one in identity.tokens.values()) and not identity.issuer:
        yield (*at, "tokens"), "a client's token needs the `issuer`", "write `issuer: https://…`"
    if not identity.users or (identity.session is not None and not identity.gives_tokens):
        return
    if identity.grant == "sign_in":
        if not signs_in:
            hint = "write the section `sign_in`, or another `grant`"
            yield at, "the grant `sign_in` needs the section `sign_in` of the target file", hint
        return
    if not identity.issuer:
        what = f"the grant `{identity.grant}` needs the `issuer`"
        yield at, what, "write `issuer: https://…`, or `grant: sign_in` beside the section `sign_in`"
    elif not identity.through:
        yield at, "the client through which users sign in is not named", "write `client: NAME` of `identity.clients`"
    elif identity.grant == "code" and not identity.clients[identity.through].redirect:
        where = (*at, "clients", identity.through)
        yield where, "the grant `code` needs a `redirect`", "write one of its registered redirect addresses"
