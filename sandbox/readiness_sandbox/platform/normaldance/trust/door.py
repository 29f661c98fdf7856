"""The gateway's door: each call of a protected route has a token that counts and the route's scope, or it is refused here.

A browser's cookie and an API key are exchanged at auth-service for a token of a minute, call by call, so that services see tokens only, and a
sign-out in one region counts in all of them at once. A call that changes something by a cookie needs the session's CSRF token, and comes from a page
of the platform's own origin.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from ..kit.app import Handler, RequestRefused, Unavailable, answer
from ..kit.calls import Caller
from .blocks import BlockList
from .checking import TokenCheck, has_provider, token_in
from .defects import TrustDefects
from .record import AccessEvent, AccessRecord
from .rules import CHANGES, CSRF_HEADER, KEY_HEADER, SESSION_COOKIE, RouteRule

GOES_WITH: Final = "goes-with"
"""Key of a request: the token that it goes on with."""
CALLED_BY: Final = "called-by"
"""Key of a request: name of the user whose token it has."""
EXCHANGE: Final = "/internal/exchange"
CHALLENGE: Final = {401: 'Bearer error="invalid_token"', 403: 'Bearer error="insufficient_scope"'}


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """The door of one gateway.

    Attributes:
        check: of tokens.
        origins: of the platform's own pages.
        exchanger: auth-service, once the gateway runs.
        record: of refusals.
        defects: of the pod.
    """

    check: TokenCheck
    origins: Collection[str]
    exchanger: Callable[[], Caller]
    record: AccessRecord
    defects: TrustDefects

    def before(self, rule: RouteRule, handler: Handler) -> Handler:
        """The handler of a route, for calls that are let in."""
        if not rule.scope or rule.name in self.defects.open_routes or self.defects.checks_nothing:
            return handler

        @wraps(handler)
        async def endpoint(request: web.Request) -> web.StreamResponse:
            if self.check.gives_up():
                return await handler(request)
            try:
                request[GOES_WITH] = await self._admitted(request, rule)
            except RequestRefused as refusal:
                self.record.note(
                    AccessEvent(event=rule.name, outcome="refused", status=refusal.status, reason=str(refusal))
                )
                challenge = {"www-authenticate": CHALLENGE[refusal.status]} if refusal.status in CHALLENGE else {}
                return answer({"error": str(refusal)}, refusal.status, challenge)
            return await handler(request)

        return endpoint

    def blocking(self) -> BlockList:
        """The block list before the door."""
        return BlockList(self.check, self.defects)

    async def _admitted(self, request: web.Request, rule: RouteRule) -> str:
        """The token of a call. Raises RequestRefused, Unavailable."""
        token = await self._token(request, rule)
        caller = self.check.checked(token)
        request[CALLED_BY] = caller.name
        if rule.scope not in caller.scopes and rule.name not in self.defects.unscoped_routes:
            raise RequestRefused(403, f"the scope {rule.scope} is needed")
        return token

    async def _token(self, request: web.Request, rule: RouteRule) -> str:
        if "authorization" in request.headers:
            return token_in(request.headers["authorization"])
        if rule.keys and KEY_HEADER in request.headers:
            return await self._exchanged({"key": request.headers[KEY_HEADER]})
        cookie = request.cookies.get(SESSION_COOKIE, "")
        if not cookie:
            raise RequestRefused(401, "sign in first, then send the token as Bearer")
        asked = {"session": cookie}
        if request.method in CHANGES and rule.name not in self.defects.csrfless_routes:
            if not is_own(request, self.origins):
                raise RequestRefused(403, "the page is of another origin")
            asked["csrf"] = request.headers.get(CSRF_HEADER, "")
        return await self._exchanged(asked)

    async def _exchanged(self, asked: Mapping[str, str]) -> str:
        body = json.dumps(asked).encode()
        given = await self.exchanger().call("POST", EXCHANGE, headers={"content-type": "application/json"}, body=body)
        content = json.loads(given.body) if given.status in (200, 401, 403) else {}
        if given.status == 200:
            return str(content["token"])
        if content:
            raise RequestRefused(given.status, str(content["error"]))
        raise Unavailable("the session cannot be asked for")


def door_from_env(exchanger: Callable[[], Caller]) -> Door | None:
    """The door where the platform has a provider."""
    if not has_provider():
        return None
    defects = TrustDefects.from_env()
    check = TokenCheck.from_env()
    return Door(check=check, origins=own_origins(), exchanger=exchanger, record=AccessRecord(), defects=defects)


def own_origins() -> list[str]:
    """Origins of the platform's own pages: that of the variable ISSUER, and those that ORIGINS names."""
    parts = urlsplit(os.environ["ISSUER"])
    return [f"{parts.scheme}://{parts.netloc}", *os.environ.get("ORIGINS", "").split()]


def is_own(request: web.BaseRequest, origins: Collection[str]) -> bool:
    """Whether a call that says where its page is from says one of these origins; a browser always says it where something is changed."""
    origin = request.headers.get("origin")
    return origin is None or origin in origins
