"""Sign-in tokens: JWT, HMAC-SHA256 under a secret of user-service and track-service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt

from .app import RequestRefused

if TYPE_CHECKING:
    from aiohttp import web

LIFETIME = timedelta(hours=1)
ISSUER = "normaldance"


def issued(user: str, secret: str) -> str:
    """A token that says for one hour who signed in."""
    now = datetime.now(UTC)
    return jwt.encode({"sub": user, "iss": ISSUER, "iat": now, "exp": now + LIFETIME}, secret, algorithm="HS256")


def signed_in(request: web.Request, secret: str) -> str:
    """The user whose token the request has.

    Raises:
        RequestRefused: 401 when there is none, or it is expired or forged.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise RequestRefused(401, "sign in first: POST /sessions, then send the token as Bearer")
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], issuer=ISSUER)
    except jwt.InvalidTokenError as error:
        raise RequestRefused(401, f"the token is not valid: {error}") from None
    return str(claims["sub"])
