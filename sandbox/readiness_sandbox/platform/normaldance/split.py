"""The users' split between two releases: which Service of a route a user's requests go to.

A user's place between 0 and 100 is a hash of the name, the same in every region and for every release, and those below the weight of the
canary's Service are on the new release. So the split is the same wherever a request comes in, and a user who is on the new release stays there as
the weight grows. Requests that name no user stay on the first Service until the other one has all of the weight.

Several services that are rolled out at once go together, in every region: of the routes whose canary is in progress the least weight counts for
all. So no user meets two releases because one service was a second quicker, and one that is taken back takes the others with it at once.

A canary that is complete gives its weight back to the first Service, which selects the new release by then. Its endpoints, and the connections
that the gateway keeps to pods of the old release, follow a moment later: until then the requests stay on the canary's Service, which selects
the same pods.

Where the variable ROUTES is `watched`, the weights are those of the HTTPRoutes of all regions, watched by the Kubernetes API. While the API is away
the last known weights count.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .watching import Key, follow, key_of

ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"
IN_PROGRESS = "rollouts.argoproj.io/gatewayapi-canary"
"""Label of a route whose canary is in progress, also before its first share and after an abort."""
PLACES = 10_000
FOLLOWED_S = 2.0
"""A Service that selects other pods is followed by its endpoints at once, and by every connection within a second."""


def place(user: str) -> float:
    """Where a user is between 0 and 100."""
    return int.from_bytes(hashlib.sha256(f"user:{user}".encode()).digest()[:8]) % PLACES / (PLACES / 100)


def user_of(request: web.BaseRequest, body: bytes) -> str:
    """The user that a request names: by token, by the header x-user, or as who signs in.

    Empty when it names none.
    The token is not verified here: the service behind does that, and whoever forges one only chooses a release.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.count(".") == 2:
        claims = token.split(".")[1]
        return _text(_parsed(base64.urlsafe_b64decode, claims + "=" * (-len(claims) % 4)), "sub")
    if named := request.headers.get("x-user", ""):
        return named
    return _text(_parsed(bytes, body), "user") if request.path == "/sessions" else ""


def _parsed(decode: Any, text: Any) -> Any:
    try:
        return json.loads(decode(text))
    except ValueError:
        return None


def _text(content: Any, name: str) -> str:
    value = content.get(name) if isinstance(content, dict) else None
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Weights:
    """Of one route: its Service, the one of the canary, the canary's share in percent, and whether it is in progress."""

    stable: str
    canary: str
    share: float
    in_progress: bool


class Split:
    """The weights of the routes as they are known now.

    Args:
        namespace: of the gateway, whose services' routes count for its own requests.
        now: a clock in seconds.
        alone: routes of other regions do not count (a planted defect).
    """

    def __init__(self, namespace: str, now: Callable[[], float] = time.monotonic, *, alone: bool = False) -> None:
        self._namespace = namespace
        self._now = now
        self._alone = alone
        self._routes: dict[Key, Weights] = {}
        self._complete_at: dict[Key, float] = {}

    def service_for(self, service: str, user: str) -> str:
        """The Service that a user's requests for `service` go to.

        Of a route of that name, else itself.
        """
        own = self._routes.get((self._namespace, service))
        if own is None:
            return service
        if self._now() - self._complete_at.get((self._namespace, service), -FOLLOWED_S) < FOLLOWED_S:
            return own.canary
        share = own.share
        if own.in_progress:
            share = min(each.share for at, each in self._routes.items() if each.in_progress and self._counts(at))
        moved = place(user) < share if user else share >= 100
        return own.canary if moved else own.stable

    def _counts(self, route: Key) -> bool:
        return not self._alone or route[0] == self._namespace

    def learn(self, route: Mapping[str, Any], *, gone: bool = False) -> None:
        """Take over one HTTPRoute.

        Its name is that of the service, its first rule has the weights of two Services.
        """
        meta, key = route["metadata"], key_of(route)
        refs = (route["spec"].get("rules") or [{}])[0].get("backendRefs") or []
        if gone or len(refs) != 2:
            self._routes.pop(key, None)
            self._complete_at.pop(key, None)
            return
        weights = [int(each.get("weight", 1)) for each in refs]
        before = self._routes.get(key)
        self._routes[key] = after = Weights(
            stable=str(refs[0]["name"]),
            canary=str(refs[1]["name"]),
            share=100 * weights[1] / max(1, sum(weights)),
            in_progress=IN_PROGRESS in (meta.get("labels") or {}),
        )
        if after.in_progress:
            self._complete_at.pop(key, None)
        elif before is not None and before.in_progress and before.share >= 100 > after.share:
            self._complete_at[key] = self._now()

    async def watched(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the watch; the gateway serves once the weights are known."""
        if os.environ.get("ROUTES") != "watched":
            yield
            return
        known = asyncio.Event()
        watch = asyncio.create_task(follow(ROUTES, self, known.set))
        await known.wait()
        yield
        watch.cancel()
        await asyncio.wait([watch])

    def keep(self, there: set[Key]) -> None:
        """Forget all routes but these."""
        for gone in self._routes.keys() - there:
            del self._routes[gone]
