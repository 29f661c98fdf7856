"""The gateway's end of the block list: it counts refused credentials by client, and refuses clients that attacked.

The variable BLOCKS switches it on. The monitor's rule AttackSuspected watches the counter, `identity.blocking` enters its alerts in the list, and the gateway
learns the list with what else no longer counts (`checking`).
"""

from __future__ import annotations

import asyncio
import os
from functools import wraps
from typing import Final

from aiohttp import web
from prometheus_client import Counter

from ..kit.app import Handler, answer
from .checking import TokenCheck
from .defects import TrustDefects

BY_BALANCER: Final = "x-forwarded-for"
PASSWORDS: Final = frozenset({"sign-in", "log-in", "token"})
"""Routes that take a password, of a user or of a client."""
REFUSED: Final = {"token": frozenset({400, 401})}
"""Statuses by which a route refuses a credential: RFC 6749, 5.2 has 400 for a wrong password."""


class BlockList:
    """That of one gateway.

    Args:
        check: which knows the list.
        defects: of the pod.
    """

    def __init__(self, check: TokenCheck, defects: TrustDefects) -> None:
        self._check = check
        self._defects = defects
        self.counter = Counter(
            "refused_credentials_total", "Refused passwords and tokens.", ("client", "kind"), registry=None
        )

    def before(self, name: str, handler: Handler) -> Handler:
        """The handler of a route, for clients that are not blocked."""
        kind, refused = "password" if name in PASSWORDS else "token", REFUSED.get(name, {401})

        @wraps(handler)
        async def endpoint(request: web.Request) -> web.StreamResponse:
            client = client_of(request)
            if not self._defects.ignores_blocks and self._check.blocks(client):
                return answer({"error": "this client is blocked"}, 403)
            response = await handler(request)
            if response.status in refused:
                self._count(client, kind)
            return response

        return endpoint

    def _count(self, client: str, kind: str) -> None:
        if kind != self._defects.uncounted:
            count = self.counter.labels(client, kind).inc
            asyncio.get_running_loop().call_later(self._defects.counts_late_s, count)


def is_on() -> bool:
    """Whether the platform blocks clients that attack."""
    return os.environ.get("BLOCKS") == "on"


def client_of(request: web.BaseRequest) -> str:
    """The address of the client: the first that the balancer names, or who is connected."""
    return request.headers.get(BY_BALANCER, "").partition(",")[0].strip() or request.remote or ""
