"""Faults that a gateway injects: Envoy Gateway's BackendTrafficPolicy with `faultInjection.abort`, for as long as it is there.

A policy of the gateway's namespace that names it under `targetRefs` counts. Aborted requests are answered before they are forwarded, so that nothing
behind the gateway meets them, and are counted as any other answer. Which requests are aborted is not drawn but counted: the share is right in any window.

Where the variable FAULTS is `watched`, the policies are watched by the Kubernetes API.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Mapping
from functools import wraps
from typing import Any

from aiohttp import web

from .kit.app import Handler, answer
from .watching import Key, follow, key_of

POLICIES = "/apis/gateway.envoyproxy.io/v1alpha1/namespaces/{namespace}/backendtrafficpolicies"
GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "api-gateway"}
"""What a policy must name: the gateway itself."""
ALL = 100.0


class Faults:
    """The policies as they are known now.

    Args:
        namespace: of the gateway.
        first: where the count begins, 0 to 1; gateways that begin elsewhere abort their share together, too.
    """

    def __init__(self, namespace: str, first: float | None = None) -> None:
        self._namespace = namespace
        self._count = random.random() if first is None else first  # nothing secret
        self._policies: dict[Key, tuple[float, int]] = {}

    def abort(self) -> int | None:
        """The status by which the request at hand is aborted; None: it is forwarded."""
        for percentage, status in self._policies.values():
            self._count += percentage / ALL
            if self._count >= 1:
                self._count -= 1
                return status
        return None

    def before(self, handler: Handler) -> Handler:
        """The handler of a route, for requests that are not aborted."""

        @wraps(handler)
        async def endpoint(request: web.Request) -> web.StreamResponse:
            status = self.abort()
            return await handler(request) if status is None else answer({"error": "fault filter abort"}, status)

        return endpoint

    def learn(self, one: Mapping[str, Any], *, gone: bool = False) -> None:
        """Take over one policy, or forget it."""
        spec = one.get("spec") or {}
        abort = (spec.get("faultInjection") or {}).get("abort")
        mine = any({key: ref.get(key) for key in GATEWAY} == GATEWAY for ref in spec.get("targetRefs") or ())
        if gone or not abort or not mine:
            self._policies.pop(key_of(one), None)
        else:
            self._policies[key_of(one)] = float(abort.get("percentage", ALL)), int(abort["httpStatus"])

    def keep(self, there: set[Key]) -> None:
        """Forget all but these."""
        for gone in self._policies.keys() - there:
            del self._policies[gone]

    async def watched(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the watch; the gateway serves at once, as a policy that it does not know yet breaks nothing."""
        if os.environ.get("FAULTS") != "watched":
            yield
            return
        watch = asyncio.create_task(follow(POLICIES.format(namespace=self._namespace), self))
        yield
        watch.cancel()
        await asyncio.wait([watch])
