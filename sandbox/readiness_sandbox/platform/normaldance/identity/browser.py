"""Sessions of browsers, and the exchange: the gateway shows a cookie or an API key, and gets a token of a minute.

A session gets a new cookie with each sign-in, ends IDLE_S after its last call and LONGEST_S after its first, and at sign-out, for all regions.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import uuid
from collections.abc import AsyncIterator, Collection
from typing import Any, Final

from aiohttp import web

from ..kit.app import RequestRefused, Unavailable, answer, body_of, text_in
from ..kit.passwords import digest
from ..kit.postgres import Connection, DatabaseRouter, Row, one
from ..trust.access import RouteAccess
from ..trust.defects import TrustDefects
from ..trust.door import is_own
from ..trust.record import AccessEvent, AccessRecord
from ..trust.rules import CSRF_COOKIE, READ, SESSION_COOKIE, scopes_of
from .keys import TokenSigner
from .store import account_of, in_transaction, new_secret, revoke

IDLE_S: Final = float(os.environ.get("SESSION_IDLE_S", "15"))
"""A quarter of an hour at the platform's time scale of 60."""
LONGEST_S: Final = float(os.environ.get("SESSION_LONGEST_S", "480"))
"""Eight hours at that scale."""
TOKEN_S: Final = 60.0
AGAIN_S: Final = 0.2
OWN_CLIENT: Final = "browser"
"""The client of tokens that are got by exchange."""
BEGIN: Final = """
    INSERT INTO browser_sessions (cookie, session, name, csrf, ends) VALUES (%s, %s, %s, %s, now() + make_interval(secs => %s))
    ON CONFLICT (cookie) DO UPDATE SET session = excluded.session, name = excluded.name, csrf = excluded.csrf, seen = now(), ends = excluded.ends"""
GO_ON: Final = """
    UPDATE browser_sessions SET seen = now() FROM accounts
    WHERE cookie = %s AND ends > now() AND seen > now() - make_interval(secs => %s) AND accounts.name = browser_sessions.name AND NOT disabled
    RETURNING browser_sessions.name, session, csrf, roles"""
FORGET: Final = "DELETE FROM browser_sessions WHERE session LIKE %s RETURNING session"
ACCOUNT: Final = "SELECT users.name, joined, roles FROM users JOIN accounts USING (name) WHERE name = %s"


class Browsers:
    """The endpoints of one pod.

    Args:
        access: who a call is of.
        origins: of the platform's own pages.
    """

    def __init__(
        self,
        database: DatabaseRouter,
        signer: TokenSigner,
        access: RouteAccess,
        record: AccessRecord,
        origins: Collection[str],
    ) -> None:
        self._database = database
        self._signer = signer
        self._access = access
        self._record = record
        self._origins = origins
        self._defects = TrustDefects.from_env()
        self._begun = f"{os.environ.get('REGION', 'local')}/" if self._defects.sessions_in_memory else ""

    async def remembered(self, _: object) -> AsyncIterator[None]:
        """The lifespan of a pod whose sessions are in its memory (a planted defect): those of the pod before it are gone."""
        known = not self._begun
        while not known:
            try:
                await self._database.write(one(FORGET, f"{self._begun}%"))
                known = True
            except Unavailable:
                await asyncio.sleep(AGAIN_S)
        yield

    async def log_in(self, request: web.Request) -> web.Response:
        """POST /login: 200 with two cookies: the session's, and the CSRF token that pages send back as a header."""
        if not is_own(request, self._origins):
            raise RequestRefused(403, "the page is of another origin")
        body = await body_of(request)
        name = text_in(body, "user")
        account = await account_of(self._database, name, text_in(body, "password"))
        if account is None:
            self._record.note(AccessEvent(event="log-in", outcome="refused", status=401, actor=name, reason="password"))
            raise RequestRefused(401, "no such user, or another password")
        before = request.cookies.get(SESSION_COOKIE, "")
        cookie = before if before and self._defects.keeps_session else new_secret()
        csrf = new_secret()

        async def work(connection: Connection) -> None:
            if before and before != cookie:
                await _end(connection, "cookie", digest(before))
            await connection.execute(
                BEGIN, [digest(cookie), f"{self._begun}{uuid.uuid4().hex}", name, digest(csrf), LONGEST_S]
            )

        await in_transaction(self._database, work)
        self._record.note(AccessEvent(event="log-in", outcome="done", status=200, actor=name))
        response = answer({"user": name, "csrf": csrf}, headers={"cache-control": "no-store"})
        response.set_cookie(
            SESSION_COOKIE, cookie, secure=True, httponly=not self._defects.readable_cookie, samesite="Lax", path="/"
        )
        response.set_cookie(CSRF_COOKIE, csrf, secure=True, samesite="Strict", path="/")
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """POST /logout: the session of the caller ends; 204."""
        caller = self._access.caller(request, "log-out", READ)

        async def work(connection: Connection) -> None:
            await _end(connection, "session", caller.session)

        if caller.session and not self._defects.forgets_sign_out:
            await in_transaction(self._database, work)
        self._record.note(AccessEvent(event="log-out", outcome="done", status=204, actor=caller.name))
        response = web.Response(status=204)
        for name in (SESSION_COOKIE, CSRF_COOKIE):
            response.del_cookie(name, path="/", secure=True)
        return response

    async def account(self, request: web.Request) -> web.Response:
        """GET /account: who is signed in."""
        caller = self._access.caller(request, "read-account", READ)
        row = await self._database.read(one(ACCOUNT, caller.name))
        if row is None:
            raise RequestRefused(404, "no such user")
        told = {"name": row["name"], "joined": row["joined"].isoformat(), "roles": row["roles"]}
        return answer({**told, "scopes": sorted(caller.scopes)}, headers={"cache-control": "no-store"})

    async def userinfo(self, request: web.Request) -> web.Response:
        """GET /oauth/userinfo, OpenID Connect Core 5.3."""
        return answer({"sub": self._access.caller(request, "userinfo", READ).name})

    async def exchange(self, request: web.Request) -> web.Response:
        """POST /internal/exchange: a token for a cookie, with its CSRF token where that is asked about, or for an API key."""
        body = await body_of(request)
        if "key" in body:
            return self._of_key(await self._database.read_primary(one(KEY, digest(text_in(body, "key")))))
        row = await self._database.write(one(GO_ON, digest(text_in(body, "session")), IDLE_S))
        if row is None:
            raise RequestRefused(401, "the session has ended")
        if "csrf" in body and not hmac.compare_digest(row["csrf"], digest(str(body["csrf"]))):
            raise RequestRefused(403, "the CSRF token is not that of the session")
        return self._token(row["name"], scopes_of(row["roles"]), session=row["session"], roles=row["roles"])

    def _of_key(self, row: Row | None) -> web.Response:
        if row is None or (row["revoked"] is not None and not self._defects.takes_revoked_keys):
            raise RequestRefused(401, "the API key is unknown or was revoked")
        return self._token(f"key:{row['name']}", row["scopes"])

    def _token(self, name: str, scopes: Any, session: str = "", roles: Collection[str] = ()) -> web.Response:
        token = self._signer.access_token(
            name, scopes, client=OWN_CLIENT, session=session, lifetime_s=TOKEN_S, roles=roles
        )
        return answer({"token": token})


KEY: Final = "SELECT name, scopes, revoked FROM api_keys WHERE key = %s"


async def _end(connection: Connection, column: str, value: str) -> None:
    """End a browser's session, by its cookie or by its own name."""
    ended = {
        "cookie": "DELETE FROM browser_sessions WHERE cookie = %s RETURNING session",
        "session": "DELETE FROM browser_sessions WHERE session = %s RETURNING session",
    }[column]
    rows = await (await connection.execute(ended.encode(), [value])).fetchall()
    await revoke(connection, {row["session"] for row in rows} | ({value} if column == "session" else set()))
