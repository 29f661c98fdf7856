"""Gets tokens for the users and clients of a target file, and refreshes, revokes and introspects them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from harness import clock
from harness.errors import ConfigurationError, DriverError
from harness.nearest import hint_with_nearest
from harness.targets.files.identity import IdentityClient, IdentitySettings, IdentityUser
from harness.targets.trust.asking import ProviderAnswer, asked
from harness.targets.trust.forms import authorization_code
from harness.targets.trust.provider import CLOCKS_S, Provider, discovered, public_keys

if TYPE_CHECKING:
    from harness.targets.files.target import Target

_ERROR: Final = re.compile(r"[a-z_]{1,40}")
"""Error codes of RFC 6749, section 5.2; nothing else of a refusal is shown, since it may repeat what was sent."""


class TokenRefused(DriverError):
    """A provider refused a request for a token. `status` is that of its answer."""

    status: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedToken:
    """An access token, and what came with it. Nothing of it is printed.

    Attributes:
        of: user or client of the target file.
        access: access token.
        refresh: refresh token; empty: none came.
        identity: ID token; empty: none came.
        claims: claims of the access token, not verified; empty for a token that is no JSON Web Token.
        header: header of the access token; empty as `claims`.
        granted: scopes that the answer names; None: it names none.
        expires_in_s: lifetime in s that the answer names; None: it names none.
        client: client through which it came; empty: by the section `sign_in`.
    """

    of: str
    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    header: Mapping[str, Any] = field(default_factory=dict, repr=False)
    granted: frozenset[str] | None = None
    expires_in_s: float | None = None
    client: str = ""

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes in its claims `scope` (RFC 9068), `scp` or `scopes`, else those that the answer names; None: neither has any."""
        found = next((self.claims[key] for key in ("scope", "scp", "scopes") if key in self.claims), None)
        if isinstance(found, str):
            return frozenset(found.split())
        return frozenset(map(str, found)) if isinstance(found, list) else self.granted


class IdentityTokens:
    """The tokens of a target's users and clients, each got once.

    Args:
        target: target.

    Raises:
        ConfigurationError: the target file has no `identity`.
    """

    def __init__(self, target: Target) -> None:
        if target.identity is None:
            hint = "write `identity: {issuer: https://…, clients: …, users: …}`"
            raise ConfigurationError("there is no identity", where=f"{target.file}: identity", hint=hint)
        self._target = target
        self.identity: IdentitySettings = target.identity
        self._where = f"{target.file}: identity"
        self._provider: Provider | None = None
        self._keys: Sequence[Mapping[str, Any]] | None = None
        self._users: dict[str, IssuedToken] = {}
        self._clients: dict[str, IssuedToken] = {}

    @property
    def provider(self) -> Provider:
        """The provider, discovered once.

        Raises:
            ConfigurationError: the file names no issuer.
            DriverError: see `discovered`.
        """
        if not self.identity.issuer:
            raise ConfigurationError("there is no issuer", where=self._where, hint="write `issuer: https://…`")
        if self._provider is None:
            self._provider = discovered(self._target, self.identity.issuer)
        return self._provider

    @property
    def keys(self) -> Sequence[Mapping[str, Any]]:
        """The provider's public keys, read once. Raises DriverError, see `public_keys`."""
        if self._keys is None:
            self._keys = public_keys(self._target, self.provider)
        return self._keys

    def of_user(self, name: str) -> IssuedToken:
        """The token of a user of the file; the user signs in once. Raises as `sign_in`."""
        if name not in self._users:
            self._users[name] = self.sign_in(name)
        return self._users[name]

    def of_client(self, name: str) -> IssuedToken:
        """The token of a client of the file for itself, got once. Raises as `own`."""
        if name not in self._clients:
            self._clients[name] = self.own(name)
        return self._clients[name]

    def sign_in(
        self, name: str, *, password: str | None = None, scopes: Collection[str] | None = None, through: str = ""
    ) -> IssuedToken:
        """A new token of a user.

        Args:
            name: user of the file.
            password: another password than that of the file.
            scopes: scopes to ask for; None: those of the client, and of the user or of its role.
            through: client of the file; empty: that through which users sign in.

        Raises:
            ConfigurationError: the user is not in the file, or its secret cannot be read.
            DriverError: the sign-in gives no token.
        """
        if name not in self.identity.users:
            hint = hint_with_nearest(name, self.identity.users)
            raise ConfigurationError(f"the user `{name}` is not in the file", where=f"{self._where}.users", hint=hint)
        user = self.identity.users[name]
        secret = user.password.resolve() if password is None else password
        if self.identity.grant == "sign_in":
            return self._by_sign_in(name, user, secret)
        through = through or self.identity.through
        if through not in self.identity.clients:
            hint = "write `issuer`, `clients` and `client`, or `grant: sign_in`"
            raise ConfigurationError(f"the user `{name}` has sessions and no token", where=self._where, hint=hint)
        client = self.identity.clients[through]
        asked_for = self._scopes(name, user, client) if scopes is None else sorted(scopes)
        form = {"scope": " ".join(("openid", *asked_for))}
        if self.identity.grant == "code":
            code = authorization_code(self._target, self.provider, client, (user.user, secret), form["scope"])
            form = {"grant_type": "authorization_code", "redirect_uri": client.redirect, **code}
        else:
            form |= {"grant_type": "password", "username": user.user, "password": secret}
        return self._issued(f"the user `{name}`", through, form)

    def own(self, name: str) -> IssuedToken:
        """A new token of a client for itself, by the grant `client_credentials`.

        Raises:
            ConfigurationError: the client is not in the file, or its secret cannot be read.
            DriverError: the provider gives no token.
        """
        if name not in self.identity.clients:
            hint = hint_with_nearest(name, self.identity.clients)
            what = f"the client `{name}` is not in the file"
            raise ConfigurationError(what, where=f"{self._where}.clients", hint=hint)
        scopes = self.identity.clients[name].scopes
        form = {"grant_type": "client_credentials", **({"scope": " ".join(scopes)} if scopes else {})}
        return self._issued(f"the client `{name}`", name, form)

    def refreshed(self, token: IssuedToken) -> IssuedToken:
        """The token that comes for the refresh token of another.

        Raises:
            DriverError: the token has no refresh token, or the provider refuses it.
        """
        if not token.refresh:
            hint = "ask for a refresh token with `clients.NAME.scopes: [offline_access]`"
            raise DriverError(f"{token.of} got no refresh token", where=self._where, hint=hint)
        form = {"grant_type": "refresh_token", "refresh_token": token.refresh}
        return self._issued(token.of, token.client, form)

    def revoke(self, token: IssuedToken) -> None:
        """Revoke an access token, and its refresh token if it has one. Source: RFC 7009, section 2.

        Raises:
            DriverError: the provider has no revocation endpoint, or does not answer with 200.
        """
        both = [("access_token", token.access), ("refresh_token", token.refresh)]
        for hint, value in both:
            if not value:
                continue
            form = {"token": value, "token_type_hint": hint}
            answer = self._posted("revocation_endpoint", token.client, form, "the revocation")
            if answer.status != 200:
                raise DriverError(
                    f"the revocation of the {hint.replace('_', ' ')} of {token.of} {_refusal(answer)}, expected 200",
                    where=answer.url,
                )

    def introspected(self, token: IssuedToken) -> Mapping[str, Any]:
        """What the provider says about an access token. Source: RFC 7662, section 2.

        Raises:
            DriverError: the provider has no introspection endpoint, or does not answer with a JSON object.
        """
        answer = self._posted("introspection_endpoint", token.client, {"token": token.access}, "the introspection")
        if answer.status != 200:
            raise DriverError(f"the introspection {_refusal(answer)}, expected 200", where=answer.url)
        return answer.mapping("the introspection")

    def _scopes(self, name: str, user: IdentityUser, client: IdentityClient) -> Sequence[str]:
        """The scopes to ask for: those of the client, and those of the user, else of its role."""
        roles = self._target.authorisation.roles if self._target.authorisation is not None else {}
        own = user.scopes if user.scopes is not None else roles.get(self.identity.role_of(name), ())
        return tuple(dict.fromkeys((*client.scopes, *own)))

    def _by_sign_in(self, name: str, user: IdentityUser, secret: str) -> IssuedToken:
        sign_in = self._target.sign_in
        if sign_in is None:
            raise ConfigurationError("there is no sign-in", where=f"{self._target.file}: sign_in", hint="write it")
        body = {sign_in.fields.user: user.user, sign_in.fields.password: secret}
        what = f"the sign-in of the user `{name}`"
        as_form, as_json = (body, None) if sign_in.body == "form" else (None, body)
        url = self._target.entry + sign_in.path
        answer = asked(self._target, "POST", url, what=what, form=as_form, json_body=as_json)
        if not 200 <= answer.status < 300:
            raise DriverError(
                f"{what} got status {answer.status}, expected a token", where=answer.url, hint="correct the password"
            )
        token = answer.mapping(f"the answer to {what}").get(sign_in.token)
        if not isinstance(token, str) or not token:
            raise DriverError(f"{what} got no `{sign_in.token}`", where=answer.url, hint="correct `sign_in.token`")
        return self._read(f"the user `{name}`", {"access_token": token}, "")

    def _issued(self, of: str, client: str, form: Mapping[str, str]) -> IssuedToken:
        answer = self._posted("token_endpoint", client, form, f"the token of {of}")
        if answer.status != 200:
            hint = "check its password or secret, and that the provider allows this grant to the client"
            error = TokenRefused(f"{of} got no token: it {_refusal(answer)}", where=answer.url, hint=hint)
            error.status = answer.status
            raise error
        found = answer.mapping(f"the token of {of}")
        if not isinstance(found.get("access_token"), str) or not found["access_token"]:
            raise DriverError(f"the token of {of} has no `access_token`", where=answer.url)
        if str(found.get("token_type", "")).lower() != "bearer":
            what = f"the token of {of} is of the type {str(found.get('token_type'))[:20]!r}, only `Bearer` is supported"
            raise DriverError(what, where=answer.url)
        return self._read(of, found, client)

    def _read(self, of: str, found: Mapping[str, Any], client: str) -> IssuedToken:
        access = str(found["access_token"])
        header, claims = unverified(access)
        now_s = clock.wall().timestamp()
        for key in ("iat", "nbf"):
            if isinstance(at := claims.get(key), int | float) and at > now_s + CLOCKS_S:
                what = f"the token of {of} is from the future: `{key}` is {at - now_s:.0f} s ahead"
                raise DriverError(
                    what, where=self._where, hint="set the clocks: those of the provider and of this machine differ"
                )
        lifetime = found.get("expires_in")
        return IssuedToken(
            of=of,
            access=access,
            refresh=str(found.get("refresh_token") or ""),
            identity=str(found.get("id_token") or ""),
            claims=claims,
            header=header,
            granted=frozenset(scope.split()) if isinstance(scope := found.get("scope"), str) else None,
            expires_in_s=float(lifetime) if isinstance(lifetime, int | float) else None,
            client=client,
        )

    def _posted(self, endpoint: str, client: str, form: Mapping[str, str], what: str) -> ProviderAnswer:
        """A form sent to an endpoint in the name of a client. Source: RFC 6749, section 2.3.1."""
        if client not in self.identity.clients:
            hint = "get the token through a client of `identity.clients`"
            raise DriverError(f"{what} needs a client, and the token came by `sign_in`", where=self._where, hint=hint)
        named = self.identity.clients[client]
        provider, auth = self.provider, None
        fields = {**named.parameters, **form} if endpoint == "token_endpoint" else dict(form)
        if named.secret is None:
            fields["client_id"] = named.id
        else:
            methods = provider.document.get(f"{endpoint}_auth_methods_supported", ["client_secret_basic"])
            secret = named.secret.resolve()
            if isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods:
                fields |= {"client_id": named.id, "client_secret": secret}
            else:
                auth = (quote(named.id, safe=""), quote(secret, safe=""))
        return asked(self._target, "POST", provider.endpoint(endpoint), what=what, form=fields, auth=auth)


def _refusal(answer: ProviderAnswer) -> str:
    """The status of a refusal and its error code; nothing else of it is shown."""
    try:
        code = json.loads(answer.body).get("error", "")
    except (ValueError, AttributeError, RecursionError):
        code = ""
    shown = f" `{code}`" if isinstance(code, str) and _ERROR.fullmatch(code) else ""
    return f"was refused with status {answer.status}{shown}"


def unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims of a token, not verified; both empty if it is no JSON Web Token. Source: RFC 7519, section 7.2."""
    pieces = token.split(".")
    if len(pieces) != 3:
        return {}, {}
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))) for one in pieces[:2])
    except (ValueError, RecursionError):
        return {}, {}
    return (header, claims) if isinstance(header, dict) and isinstance(claims, dict) else ({}, {})
