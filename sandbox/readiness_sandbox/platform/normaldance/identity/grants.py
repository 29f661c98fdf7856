"""Tokens for clients: RFC 6749's grants, refresh with rotation, revocation (RFC 7009), introspection (RFC 7662), discovery.

A code and a refresh token are used once. Who shows a used one again ends the whole session, whoever has it now; only the same request, which its
gateway sends again after a lost answer with the same idempotency key, gets tokens once more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from aiohttp import BasicAuth, web

from ..kit.app import answer
from ..kit.passwords import digest
from ..kit.postgres import Connection, DatabaseRouter, Row
from ..trust.record import AccessEvent, AccessRecord
from .keys import TokenSigner
from .store import (
    IdentityAccount,
    OAuthClient,
    account_of,
    client_of,
    in_transaction,
    new_secret,
    revoke,
    standing_account,
)

Form = Mapping[str, str]
OPENID: Final = frozenset({"openid", "profile", "email", "offline_access"})
"""Scopes of OpenID Connect itself: every client may ask for them."""
UNCACHED: Final = {"cache-control": "no-store", "pragma": "no-cache"}
REFRESHABLE: Final = "1 h"
USE_CODE: Final = """
    UPDATE oauth_codes SET used_by = %(request)s
    WHERE code = %(token)s AND client = %(client)s AND expires > now() AND coalesce(used_by, %(request)s) = %(request)s RETURNING *"""
USE_REFRESH: Final = """
    UPDATE refresh_tokens SET used_by = %(request)s
    WHERE token = %(token)s AND client = %(client)s AND expires > now() AND coalesce(used_by, %(request)s) = %(request)s RETURNING *"""
USED: Final = """
    SELECT session FROM oauth_codes WHERE code = %(token)s AND used_by IS NOT NULL
    UNION SELECT session FROM refresh_tokens WHERE token = %(token)s AND used_by IS NOT NULL"""
KEEP: Final = f"""
    INSERT INTO refresh_tokens (token, client, name, scope, session, expires)
    VALUES (%s, %s, %s, %s, %s, now() + interval '{REFRESHABLE}')"""  # noqa: S608 - a constant


class OAuthRefused(Exception):
    """An error of RFC 6749, 5.2."""

    def __init__(self, error: str, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.error, self.status = error, status


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """What tokens are given for."""

    client: OAuthClient
    account: IdentityAccount
    scopes: frozenset[str]
    session: str
    nonce: str = ""


class Grants:
    """The endpoints of one pod."""

    def __init__(self, database: DatabaseRouter, signer: TokenSigner, record: AccessRecord) -> None:
        self._database = database
        self._signer = signer
        self._record = record
        self._by_type: dict[str, Callable[[OAuthClient, Form, str], Awaitable[dict[str, Any]]]] = {
            "password": self._password,
            "client_credentials": self._own,
            "authorization_code": self._code,
            "refresh_token": self._refresh,
        }

    async def discovery(self, _: web.Request) -> web.Response:
        """GET /.well-known/openid-configuration."""
        issuer = self._signer.issuer
        places = {"authorization": "authorize", "token": "token", "revocation": "revoke", "introspection": "introspect"}
        ways = ["client_secret_basic", "client_secret_post", "none"]
        return answer(
            {
                "issuer": issuer,
                **{f"{name}_endpoint": f"{issuer}/oauth/{path}" for name, path in places.items()},
                "userinfo_endpoint": f"{issuer}/oauth/userinfo",
                "jwks_uri": f"{issuer}/oauth/jwks",
                "scopes_supported": sorted(OPENID | {"READ", "WRITE", "ADMIN"}),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": sorted(self._by_type),
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ways,
                "revocation_endpoint_auth_methods_supported": ways,
                "introspection_endpoint_auth_methods_supported": ways[:2],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, _: web.Request) -> web.Response:
        """GET /oauth/jwks."""
        return answer(self._signer.jwks())

    async def token(self, request: web.Request) -> web.Response:
        """POST /oauth/token."""
        form = await _form(request)
        try:
            given = await self._granted(request, form)
        except OAuthRefused as refusal:
            return self._refused("token", form, refusal)
        self._record.note(AccessEvent(event="token", outcome="done", status=200, actor=form.get("username", "")))
        return answer(given, headers=UNCACHED)

    async def _granted(self, request: web.Request, form: Form) -> dict[str, Any]:
        kind, client = form.get("grant_type", ""), await self._client(request, form)
        if kind not in self._by_type:
            raise OAuthRefused("unsupported_grant_type", "the grants are " + ", ".join(sorted(self._by_type)))
        if kind not in client.grants:
            raise OAuthRefused("unauthorized_client", f"this client does not get tokens by {kind}")
        return await self._by_type[kind](client, form, request.headers.get("idempotency-key") or uuid.uuid4().hex)

    async def revoke(self, request: web.Request) -> web.Response:
        """POST /oauth/revoke: 200 also for a token that is not known."""
        form = await _form(request)
        try:
            client = await self._client(request, form)
        except OAuthRefused as refusal:
            return self._refused("revoke", form, refusal)
        shown = form.get("token", "")
        claims = self._signer.read(shown)

        async def work(connection: Connection) -> None:
            if claims is not None and claims["client_id"] == client.id:
                await revoke(connection, [claims["jti"]])
                return
            asked = "SELECT session FROM refresh_tokens WHERE token = %s AND client = %s"
            row = await (await connection.execute(asked, [digest(shown), client.id])).fetchone()
            if row is not None:
                await revoke(connection, [row["session"]])

        await in_transaction(self._database, work)
        self._record.note(AccessEvent(event="revoke", outcome="done", status=200, actor=client.id))
        return web.Response(status=200, headers=UNCACHED)

    async def introspect(self, request: web.Request) -> web.Response:
        """POST /oauth/introspect: for clients with a secret."""
        form = await _form(request)
        try:
            await self._client(request, form, public=False)
        except OAuthRefused as refusal:
            return self._refused("introspect", form, refusal)
        shown = form.get("token", "")
        claims = self._signer.read(shown) or {}
        row = await self._database.read_primary(_standing(shown, claims))
        if row is None or not row["counts"]:
            return answer({"active": False}, headers=UNCACHED)
        told = {**claims, "token_type": "Bearer"} if claims else {"sub": row["name"], "client_id": row["client"]}
        return answer({"active": True, "username": row["name"], **told}, headers=UNCACHED)

    async def _client(self, request: web.Request, form: Form, *, public: bool = True) -> OAuthClient:
        """Who asks; with `public` it may be a client without a secret. Raises OAuthRefused."""
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        header = request.headers.get("authorization", "")
        if header.lower().startswith("basic "):
            try:
                shown = BasicAuth.decode(header, encoding="utf-8")
            except (ValueError, binascii.Error):
                raise OAuthRefused("invalid_client", "the header is not of Basic authentication", 401) from None
            name, secret = unquote_plus(shown.login), unquote_plus(shown.password)
        client = await client_of(self._database, name)
        if client is None or not client.has_secret(secret) or (client.secret is None and not public):
            raise OAuthRefused("invalid_client", "no such client, or another secret", 401)
        return client

    async def _password(self, client: OAuthClient, form: Form, _: str) -> dict[str, Any]:
        account = await account_of(self._database, form.get("username", ""), form.get("password", ""))
        if account is None:
            raise OAuthRefused("invalid_grant", "no such user, or another password")
        return await self._begun(client, account, asked_scopes(client, form.get("scope", "")))

    async def _begun(self, client: OAuthClient, account: IdentityAccount, scopes: frozenset[str]) -> dict[str, Any]:
        """The tokens of a new session; without a refresh token nothing is written."""
        granted = Granted(client=client, account=account, scopes=scopes, session=uuid.uuid4().hex)
        if "refresh_token" not in client.grants:
            return self._tokens(granted)
        return dict(await in_transaction(self._database, lambda connection: self._kept(connection, granted)))

    async def _own(self, client: OAuthClient, form: Form, _: str) -> dict[str, Any]:
        if client.secret is None:
            raise OAuthRefused("unauthorized_client", "a public client has no credentials")
        scopes = asked_scopes(client, form.get("scope", "")) - OPENID
        token = self._signer.access_token(
            f"client:{client.id}", scopes, client=client.id, session="", lifetime_s=client.lifetime_s, audience=client.audience
        )  # fmt: skip
        return _token_answer(token, client, scopes)

    async def _code(self, client: OAuthClient, form: Form, request: str) -> dict[str, Any]:
        async def work(connection: Connection) -> dict[str, Any] | OAuthRefused:
            row = await _used(connection, USE_CODE, form.get("code", ""), client, request)
            if row is None:
                return OAuthRefused("invalid_grant", "the code is unknown, expired or was used")
            if row["redirect"] != form.get("redirect_uri", "") or not proves(
                form.get("code_verifier", ""), row["challenge"]
            ):
                return OAuthRefused("invalid_grant", "the redirect address or the verifier is not that of the code")
            return await self._continued(connection, client, row, frozenset(row["scope"].split()), row["nonce"])

        return _given(await in_transaction(self._database, work))

    async def _refresh(self, client: OAuthClient, form: Form, request: str) -> dict[str, Any]:
        async def work(connection: Connection) -> dict[str, Any] | OAuthRefused:
            row = await _used(connection, USE_REFRESH, form.get("refresh_token", ""), client, request)
            if row is None:
                return OAuthRefused("invalid_grant", "the refresh token is unknown, expired or was used")
            scopes, asked = frozenset(row["scope"].split()), frozenset(form.get("scope", "").split())
            if asked - scopes:
                return OAuthRefused("invalid_scope", "more than was granted")
            return await self._continued(connection, client, row, asked or scopes)

        return _given(await in_transaction(self._database, work))

    async def _continued(
        self, connection: Connection, client: OAuthClient, row: Row, scopes: frozenset[str], nonce: str = ""
    ) -> dict[str, Any] | OAuthRefused:
        account = await standing_account(connection, row["name"])
        if account is None:
            return OAuthRefused("invalid_grant", "the user is disabled")
        granted = Granted(client=client, account=account, scopes=scopes, session=row["session"], nonce=nonce)
        return await self._kept(connection, granted) if "refresh_token" in client.grants else self._tokens(granted)

    async def _kept(self, connection: Connection, granted: Granted) -> dict[str, Any]:
        """The tokens, with one to refresh them."""
        token, scope = new_secret(), " ".join(sorted(granted.scopes))
        await connection.execute(KEEP, [digest(token), granted.client.id, granted.account.name, scope, granted.session])
        return {**self._tokens(granted), "refresh_token": token}

    def _tokens(self, granted: Granted) -> dict[str, Any]:
        client, account = granted.client, granted.account
        scopes = granted.scopes & (account.scopes | OPENID)
        token = self._signer.access_token(
            account.name,
            scopes,
            client=client.id,
            session=granted.session,
            lifetime_s=client.lifetime_s,
            roles=account.roles,
            audience=client.audience,
        )
        given = _token_answer(token, client, scopes)
        if "openid" in scopes:
            given["id_token"] = self._signer.id_token(
                account.name, client=client.id, session=granted.session, nonce=granted.nonce
            )
        return given

    def _refused(self, event: str, form: Form, refusal: OAuthRefused) -> web.Response:
        actor = form.get("username", form.get("client_id", ""))
        self._record.note(
            AccessEvent(event=event, outcome="refused", status=refusal.status, actor=actor, reason=refusal.error)
        )
        challenge = {"www-authenticate": 'Basic realm="normaldance"'} if refusal.status == 401 else {}
        content = {"error": refusal.error, "error_description": str(refusal)}
        return answer(content, refusal.status, {**UNCACHED, **challenge})


def asked_scopes(client: OAuthClient, text: str) -> frozenset[str]:
    """What a client asks for: all that it may have where it does not say. Raises OAuthRefused for more than it may have."""
    asked = frozenset(text.split()) or client.scopes
    if asked - client.scopes - OPENID:
        raise OAuthRefused(
            "invalid_scope", "this client may not ask for " + " ".join(sorted(asked - client.scopes - OPENID))
        )
    return asked


def proves(verifier: str, challenge: str) -> bool:
    """Whether this is the verifier of a challenge of the method S256, RFC 7636 4.6."""
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return 43 <= len(verifier) <= 128 and hmac.compare_digest(made, challenge)


async def _form(request: web.Request) -> dict[str, str]:
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


async def _used(connection: Connection, use: str, shown: str, client: OAuthClient, request: str) -> Row | None:
    """The row of a token that is used with this; where it was used before, its session ends."""
    values = {"token": digest(shown), "client": client.id, "request": request}
    row = await (await connection.execute(use.encode(), values)).fetchone()
    if row is None:
        used = await (await connection.execute(USED.encode(), values)).fetchall()
        await revoke(connection, [each["session"] for each in used])
    return row


def _given(result: dict[str, Any] | OAuthRefused) -> dict[str, Any]:
    """Raised here, outside of the transaction: what a reuse has revoked stays."""
    if isinstance(result, OAuthRefused):
        raise result
    return result


def _token_answer(token: str, client: OAuthClient, scopes: Collection[str]) -> dict[str, Any]:
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": max(int(client.lifetime_s), 0),
        "scope": " ".join(sorted(scopes)),
    }


def _standing(shown: str, claims: Mapping[str, Any]) -> Any:
    """Whether a token counts, as the primary has it."""

    async def work(connection: Connection) -> Row | None:
        if claims:
            asked = """
                SELECT %(name)s AS name, NOT EXISTS (SELECT FROM revocations WHERE id IN (%(token)s, %(session)s) AND expires > now())
                    AND (%(name)s LIKE 'client:%%' OR EXISTS (SELECT FROM accounts WHERE name = %(name)s AND NOT disabled)) AS counts"""
            values = {"name": claims["sub"], "token": claims["jti"], "session": claims.get("sid", "")}
            return await (await connection.execute(asked, values)).fetchone()
        kept = """SELECT name, client, used_by IS NULL AND expires > now() AND NOT disabled AS counts
                  FROM refresh_tokens JOIN accounts USING (name) WHERE token = %s"""
        return await (await connection.execute(kept, [digest(shown)])).fetchone()

    return work
