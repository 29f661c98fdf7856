"""What a service asks of the caller of a route: with the platform's provider a token with the scope, without it a token of user-service's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import web

from ..kit import audit, tokens
from ..kit.app import RequestRefused
from .checking import Bearer, TokenCheck, has_provider, token_in
from .defects import TrustDefects
from .rules import ADMIN


class RouteAccess(Protocol):
    """Who calls a service."""

    def caller(self, request: web.Request, route: str, scope: str) -> Bearer:
        """The caller of a route that needs a scope. Raises RequestRefused: 401 without a token that counts, 403 without the scope."""

    def watched(self, app: web.Application, /) -> AsyncIterator[None]:
        """The lifespan of what it has to know."""


class LocalAccess:
    """Tokens that user-service signs with a secret that the services share: whoever signed in may do everything.

    Args:
        secret: the secret.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def caller(self, request: web.Request, route: str, scope: str) -> Bearer:
        """Who signed in."""
        name = tokens.signed_in(request, self._secret)
        audit.by(request.headers, route, name)
        return Bearer(name=name, scopes=frozenset({scope}))

    async def watched(self, _: web.Application) -> AsyncIterator[None]:
        """Nothing has to be known."""
        yield


class ProviderAccess:
    """Tokens of the platform's provider, checked here again.

    Args:
        check: of tokens.
        defects: of the pod.
    """

    def __init__(self, check: TokenCheck, defects: TrustDefects) -> None:
        self._check = check
        self._defects = defects

    def caller(self, request: web.Request, route: str, scope: str) -> Bearer:
        """Who the token speaks for."""
        if route in self._defects.open_routes or self._defects.checks_nothing or self._check.gives_up():
            return Bearer(name="", scopes=frozenset({scope}))
        token = token_in(request.headers.get("authorization", ""))
        if not token:
            raise RequestRefused(401, "sign in first, then send the token as Bearer")
        caller = self._check.checked(token)
        if scope not in caller.scopes and route not in self._defects.unscoped_routes:
            raise RequestRefused(403, f"the scope {scope} is needed")
        audit.by(request.headers, route, caller.name)
        return caller

    def watched(self, app: web.Application, /) -> AsyncIterator[None]:
        """As long as the check asks what no longer counts."""
        return self._check.watched(app)


class Ownership:
    """Whose an object is.

    Args:
        defects: of the pod.
    """

    def __init__(self, defects: TrustDefects) -> None:
        self._defects = defects

    def demand(self, caller: Bearer, owner: str | None, route: str) -> None:
        """Let the owner and administrators pass. Raises RequestRefused: 403 for anyone else."""
        ignored = route in self._defects.ownerless_routes or self._defects.checks_nothing
        if caller.name != owner and ADMIN not in caller.scopes and not ignored:
            raise RequestRefused(403, "it is another user's")


def access_from_env(secret: str) -> RouteAccess:
    """The provider's where the platform has one."""
    if has_provider():
        return ProviderAccess(TokenCheck.from_env(), TrustDefects.from_env())
    return LocalAccess(secret)
