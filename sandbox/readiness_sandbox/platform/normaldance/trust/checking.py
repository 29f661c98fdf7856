"""The check of an access token: signature, issuer, audience, time, and whether it still counts.

What no longer counts is asked of auth-service again and again (`standing`): its keys, what was revoked, and the roles of users that were changed lately.
A checker that has not heard of it for STALE_S lets nothing pass: it cannot know whether a token was revoked.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import jwt

from ..kit.app import RequestRefused, Unavailable
from ..kit.settings import address_of
from ..kit.transport import client_context
from .defects import TrustDefects
from .rules import AUDIENCE, scopes_of

ALGORITHM: Final = "ES256"
TYPE: Final = "at+jwt"
"""Of an access token, RFC 9068: an ID token has another one."""
REQUIRED: Final = ["sub", "iss", "aud", "exp", "jti"]
EVERY_S: Final = 1.0
STALE_S: Final = 10.0
FAILS_OPEN_AFTER_S: Final = 2.0
"""When a checker that fails open (a planted defect) gives up."""
WITHIN_S: Final = 1.0
SERVICE: Final = "auth-service"
PATH: Final = "/internal/standing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bearer:
    """Who a token speaks for.

    Attributes:
        name: of the user, or `client:ID`.
        scopes: what the token allows, less what the user's roles no longer do.
        session: of the sign-in that it comes from; empty: none.
        token: the token's own identity.
    """

    name: str
    scopes: frozenset[str]
    session: str = ""
    token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What counts now.

    Attributes:
        keys: public keys by `kid`.
        revoked: tokens and sessions that no longer count.
        roles: roles of the users that were changed lately; None: the user is disabled or gone.
        blocked: addresses of clients that attacked.
    """

    keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    roles: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Standing:
        """From what auth-service says."""
        return cls(
            keys={key["kid"]: jwt.PyJWK(key, algorithm=ALGORITHM) for key in content["keys"]},
            revoked=frozenset(content["revoked"]),
            roles={name: None if roles is None else tuple(roles) for name, roles in content["roles"].items()},
            blocked=frozenset(content["blocked"]),
        )


class TokenCheck:
    """The checker of one pod.

    Args:
        issuer: that tokens must have.
        defects: of the pod.
    """

    def __init__(self, issuer: str, defects: TrustDefects) -> None:
        self._issuer = issuer
        self._defects = defects
        self._standing: Standing | None = None
        self._tag = ""
        self._heard_s = 0.0

    @classmethod
    def from_env(cls) -> TokenCheck:
        """That of the variable ISSUER."""
        return cls(os.environ["ISSUER"], TrustDefects.from_env())

    def checked(self, token: str) -> Bearer:
        """Who the token speaks for.

        Raises:
            RequestRefused: 401, the token does not count.
            Unavailable: it cannot be known whether it does.
        """
        try:
            claims = self._decoded(token, self._known())
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise RequestRefused(401, f"the token is not valid: {error}") from None
        return self._standing_of(claims)

    def _known(self) -> Standing:
        if self._standing is None or self._silent_s() > max(STALE_S, 3 * self._defects.standing_every_s):
            raise Unavailable("it is not known whether the token still counts")
        return self._standing

    def blocks(self, client: str) -> bool:
        """Whether this address is one of a client that attacked, as far as it is known."""
        return self._standing is not None and client in self._standing.blocked

    def gives_up(self) -> bool:
        """Whether calls pass unchecked, as the provider is away (a planted defect)."""
        return self._defects.fails_open and self._silent_s() > FAILS_OPEN_AFTER_S

    def _silent_s(self) -> float:
        return asyncio.get_running_loop().time() - self._heard_s

    def _decoded(self, token: str, standing: Standing) -> dict[str, Any]:
        head = jwt.get_unverified_header(token)
        if self._defects.takes_unsigned and head.get("alg") == "none":
            return jwt.decode(token, options={"verify_signature": False, "require": REQUIRED})
        if (other := self._defects.trusts_issuer) and _issuer_in(token) == other:
            return jwt.decode(token, options={"verify_signature": False, "require": REQUIRED})
        if head.get("typ") != TYPE:
            raise ValueError("it is another kind of token")
        key = standing.keys.get(str(head.get("kid")))
        if key is None:
            raise ValueError("its key is not one of the provider's")
        return jwt.decode(
            token, key, algorithms=[ALGORITHM], issuer=self._issuer, audience=AUDIENCE, options={"require": REQUIRED}
        )

    def _standing_of(self, claims: Mapping[str, Any]) -> Bearer:
        name, standing = str(claims["sub"]), self._standing or Standing()
        token, session = str(claims["jti"]), str(claims.get("sid", ""))
        if {token, session} & standing.revoked:
            raise RequestRefused(401, "the token was revoked")
        scopes = frozenset(str(claims.get("scope", "")).split())
        if name in standing.roles:
            roles = standing.roles[name]
            if roles is None:
                raise RequestRefused(401, "the user is disabled")
            scopes &= scopes_of(roles)
        return Bearer(name=name, scopes=scopes, session=session, token=token)

    async def watched(self, _: object) -> AsyncIterator[None]:
        """The lifespan of the questions; it serves at once, and lets nothing pass until it knows."""
        asking = asyncio.create_task(self._ask())
        yield
        asking.cancel()
        await asyncio.wait([asking])

    async def _ask(self) -> None:
        host, port = address_of(SERVICE)
        url = f"{'https' if client_context() else 'http'}://{host}:{port}{PATH}"
        every_s = self._defects.standing_every_s or EVERY_S
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as session:
            known = True
            while True:
                began_s, before = asyncio.get_running_loop().time(), known
                known = False
                try:
                    known = await self.ask_once(session, url)
                except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
                    if before:
                        sys.stderr.write(f"what no longer counts is not known: {type(error).__name__}: {error}\n")
                if known:
                    self._heard_s = began_s
                await asyncio.sleep(every_s if known else EVERY_S / 5)

    async def ask_once(self, session: aiohttp.ClientSession, url: str) -> bool:
        """Take over what counts now; whether it is known."""
        headers = {"if-none-match": self._tag} if self._tag else {}
        tls = client_context()
        async with session.get(
            url, headers=headers, ssl=tls or True, server_hostname=SERVICE if tls else None
        ) as response:
            if response.status == 200:
                self._standing = Standing.of(json.loads(await response.read()))
                self._tag = response.headers.get("etag", "")
            return response.status in (200, 304)


def _issuer_in(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False}).get("iss"))


def has_provider() -> bool:
    """Whether the platform has an identity provider: the variable ISSUER names it."""
    return bool(os.environ.get("ISSUER"))


def token_in(header: str) -> str:
    """The token of an `authorization` header; empty when it has none."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
