"""The authorization endpoint: a sign-in form, and a code for the client that sent the browser here (RFC 6749 4.1, RFC 7636)."""

from __future__ import annotations

import html
import uuid
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from ..kit.app import RequestRefused
from ..kit.passwords import digest
from ..kit.postgres import Connection, DatabaseRouter
from ..trust.door import is_own
from ..trust.record import AccessEvent, AccessRecord
from .grants import OAuthRefused, asked_scopes
from .store import OAuthClient, account_of, client_of, in_transaction, new_secret

PASSED: Final = (
    *(
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ),
)
KEEP: Final = """
    INSERT INTO oauth_codes (code, client, name, scope, redirect, challenge, nonce, session, expires)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, now() + interval '60 s')"""
PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in</title></head><body>
<h1>Sign in to NORMALDANCE</h1><p>{said}</p>
<form method="post" action="/oauth/authorize">
{passed}
<label>User <input type="text" name="username" autocomplete="username" required></label>
<label>Password <input type="password" name="password" autocomplete="current-password" required></label>
<button type="submit">Sign in</button>
</form></body></html>
"""
FRAMELESS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
}


class AuthorizationForm:
    """The endpoint of one pod.

    Args:
        origin: of the issuer, whose page the form is on.
    """

    def __init__(self, database: DatabaseRouter, issuer: str, record: AccessRecord) -> None:
        self._database = database
        self._issuer = issuer
        self._record = record

    async def authorize(self, request: web.Request) -> web.Response:
        """GET /oauth/authorize: the form; the client is sent what is wrong with its request."""
        asked = dict(request.query)
        client = await self._client(asked)
        try:
            self._check(client, asked)
        except OAuthRefused as refusal:
            return self._sent_back(asked, {"error": refusal.error, "error_description": str(refusal)})
        return _page(asked)

    async def authorize_form(self, request: web.Request) -> web.Response:
        """POST /oauth/authorize: the form as it was filled in; 303 to the client with a code, 401 and the form after a wrong password."""
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        client = await self._client(form)
        parts = urlsplit(self._issuer)
        if not is_own(request, [f"{parts.scheme}://{parts.netloc}"]):
            raise RequestRefused(403, "the page is of another origin")
        try:
            self._check(client, form)
            scopes = asked_scopes(client, form.get("scope", ""))
        except OAuthRefused as refusal:
            return self._sent_back(form, {"error": refusal.error, "error_description": str(refusal)})
        name = form.get("username", "")
        account = await account_of(self._database, name, form.get("password", ""))
        if account is None:
            self._record.note(
                AccessEvent(event="authorize-form", outcome="refused", status=401, actor=name, reason="password")
            )
            return _page(form, "No such user, or another password.", 401)
        code = new_secret()
        values = [
            *(digest(code), client.id, account.name, " ".join(sorted(scopes)), form["redirect_uri"]),
            *(form["code_challenge"], form.get("nonce", ""), uuid.uuid4().hex),
        ]

        async def work(connection: Connection) -> None:
            await connection.execute(KEEP, values)

        await in_transaction(self._database, work)
        self._record.note(AccessEvent(event="authorize-form", outcome="done", status=303, actor=name))
        return self._sent_back(form, {"code": code})

    async def _client(self, asked: Mapping[str, str]) -> OAuthClient:
        """The client, where the browser may be sent back to. Raises RequestRefused: to an address that is not registered no one is sent."""
        client = await client_of(self._database, asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri", "") not in client.redirects:
            raise RequestRefused(400, "no such client, or not one of its redirect addresses")
        return client

    def _check(self, client: OAuthClient, asked: Mapping[str, str]) -> None:
        if asked.get("response_type") != "code" or "authorization_code" not in client.grants:
            raise OAuthRefused("unsupported_response_type", "only codes are given")
        if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            raise OAuthRefused("invalid_request", "a code challenge of the method S256 is needed")
        asked_scopes(client, asked.get("scope", ""))

    def _sent_back(self, asked: Mapping[str, str], told: Mapping[str, str]) -> web.Response:
        query = {**told, "iss": self._issuer, **({"state": asked["state"]} if asked.get("state") else {})}
        redirect = asked["redirect_uri"]
        location = f"{redirect}{'&' if urlsplit(redirect).query else '?'}{urlencode(query)}"
        return web.Response(status=303, headers={"location": location, **FRAMELESS})


def _page(asked: Mapping[str, str], said: str = "", status: int = 200) -> web.Response:
    fields = (
        f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">' for name in PASSED if name in asked
    )
    page = PAGE.format(said=html.escape(said), passed="\n".join(fields))
    return web.Response(text=page, status=status, content_type="text/html", headers=FRAMELESS)
