"""A rate limit of the gateways: a token bucket for each client of a route, which all gateways of all regions share.

The variable LIMITS says which routes have one, and how many calls a second: `report-plays=20`; off without it. A client is a user or an API
key, as its token says, and else an address. The buckets are rows of auth-service's database, so that it does not matter which gateway a call
comes through. A gateway refuses a client by itself until the time that it named in Retry-After. It lets a call pass where auth-service is silent.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Final, Self

from aiohttp import web

from ..kit.app import Handler, RequestRefused, Unavailable, answer, body_of, text_in
from ..kit.calls import Caller
from ..kit.postgres import DatabaseRouter, one
from .door import GOES_WITH
from .rules import KEY_HEADER

SPEND: Final = "/internal/spend"
BY_BALANCER: Final = "x-forwarded-for"
MOST_REMEMBERED: Final = 10_000
"""Refused clients that a gateway remembers."""
TAKE: Final = """
    WITH taken AS (
        UPDATE spent SET calls = least(%s, calls + %s * extract(epoch FROM clock_timestamp() - at)) - 1, at = clock_timestamp()
        WHERE client = %s AND least(%s, calls + %s * extract(epoch FROM clock_timestamp() - at)) >= 1 RETURNING 1 AS took),
    first AS (
        INSERT INTO spent SELECT %s, %s - 1, clock_timestamp() WHERE NOT EXISTS (SELECT FROM spent WHERE client = %s)
        ON CONFLICT DO NOTHING RETURNING 1 AS took)
    SELECT took FROM taken UNION ALL SELECT took FROM first"""
"""Takes a call out of a bucket; a bucket that is empty is not written, so that calls in vain do not wait for one another."""


class BucketKeeper:
    """POST /internal/spend of auth-service: 200 where the client has a call left, 429 with Retry-After where not."""

    def __init__(self, database: DatabaseRouter) -> None:
        self._database = database

    async def spend(self, request: web.Request) -> web.Response:
        """`client`, and `most` calls that a bucket holds, which are as many as come into it in a second."""
        body = await body_of(request)
        client, most = text_in(body, "client"), body.get("most")
        if not isinstance(most, int | float) or not most > 0:
            raise RequestRefused(422, '"most" must be a number above 0')
        size = max(float(most), 1.0)
        row = await self._database.write(one(TAKE, size, most, client, size, most, client, size, client))
        if row is not None:
            return answer({"took": 1})
        return _refused(math.ceil(1 / most))


class Limiter:
    """The limits of one gateway.

    Args:
        keeper: auth-service, once the gateway runs.
        per_s: calls per second of each client, by route.
    """

    def __init__(self, keeper: Callable[[], Caller], per_s: Mapping[str, float]) -> None:
        self._keeper = keeper
        self._per_s = per_s
        self._until_s: dict[tuple[str, str], float] = {}

    @classmethod
    def from_env(cls, keeper: Callable[[], Caller]) -> Self:
        """Those of the variable LIMITS; none where DEFECT_NO_LIMITS is set (a planted defect)."""
        named = "" if os.environ.get("DEFECT_NO_LIMITS", "") == "yes" else os.environ.get("LIMITS", "")
        pairs = (pair.partition("=") for pair in named.split())
        return cls(keeper, {route: float(per_s) for route, _, per_s in pairs})

    def within(self, name: str, handler: Handler) -> Handler:
        """The handler of a route, for calls that its client has left; it is within the door, so that the client is known."""
        if name not in self._per_s:
            return handler

        @wraps(handler)
        async def endpoint(request: web.Request) -> web.StreamResponse:
            asked = {"client": f"{name} {client_of(request, request.get(GOES_WITH, ''))}", "most": self._per_s[name]}
            headers = {"content-type": "application/json"}
            try:
                given = await self._keeper().call("POST", SPEND, headers=headers, body=json.dumps(asked).encode())
            except Unavailable:
                return await handler(request)
            if given.status != 429:
                return await handler(request)
            after_s = int(given.headers.get("retry-after", "1"))
            self._remember(name, request, after_s)
            return _refused(after_s)

        return endpoint

    def outside(self, name: str, handler: Handler) -> Handler:
        """The handler of a route, for clients that were not refused just now; it is outside the door, since a burst must cost little."""
        if name not in self._per_s:
            return handler

        @wraps(handler)
        async def endpoint(request: web.Request) -> web.StreamResponse:
            left_s = self._until_s.get((name, _credential(request)), 0.0) - asyncio.get_running_loop().time()
            return _refused(math.ceil(left_s)) if left_s > 0 else await handler(request)

        return endpoint

    def _remember(self, name: str, request: web.Request, after_s: float) -> None:
        if len(self._until_s) >= MOST_REMEMBERED:
            self._until_s.clear()
        self._until_s[name, _credential(request)] = asyncio.get_running_loop().time() + after_s


def _refused(after_s: int) -> web.Response:
    return answer({"error": "too many calls"}, 429, {"retry-after": str(after_s)})


def _credential(request: web.Request) -> str:
    """What a call shows of its client, as it is, or its address."""
    shown = (request.headers.get(name, "") for name in ("authorization", KEY_HEADER, "cookie", BY_BALANCER))
    return next((one for one in shown if one), request.remote or "")


def client_of(request: web.Request, token: str) -> str:
    """Whose call it is: the subject of its token, else the address that the balancer or the connection names."""
    if token.count(".") == 2:
        claims = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).get("sub", ""))
    return request.headers.get(BY_BALANCER) or request.remote or ""
