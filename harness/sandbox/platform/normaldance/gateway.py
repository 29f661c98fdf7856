"""api-gateway: the one door of a region. Forwards each route to its service and answers for services that do not."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from aiohttp import web

from .defects import Defects
from .kit.app import Handler, Unavailable, answer, build, serve
from .kit.calls import Caller, ServiceAnswer, client
from .kit.settings import PodSettings, address_of

ROUTES = (
    ("sign-in", "POST", "/sessions", "user-service"),
    ("read-user", "GET", "/users/{name}", "user-service"),
    ("read-track", "GET", "/tracks/{id}", "track-service"),
    ("create-track", "POST", "/tracks", "track-service"),
    ("play-track", "POST", "/tracks/{id}/plays", "track-service"),
    ("write-ledger", "POST", "/ledger", "track-service"),
    ("read-ledger", "GET", "/ledger", "track-service"),
    ("accept-event", "POST", "/events", "track-service"),
    ("read-event", "GET", "/events/{id}", "track-service"),
)
SERVICES = sorted({service for *_, service in ROUTES})
PASSED_ON = ("authorization", "content-type", "idempotency-key")
PASSED_BACK = ("content-type", "retry-after", "x-served-region", "x-served-pod", "x-release")
CALLERS = web.AppKey("callers", dict[str, Caller])


def application(settings: PodSettings, addresses: Mapping[str, tuple[str, int]], defects: Defects) -> web.Application:
    """The gateway in front of the services at `addresses`."""

    async def lifespan(app: web.Application) -> AsyncIterator[None]:
        async with client() as session:
            app[CALLERS] = {name: Caller(name, *addresses[name], session, defects.attempts) for name in SERVICES}
            own = asyncio.create_task(_hold_database()) if defects.opens_database else None
            yield
            if own is not None:
                own.cancel()

    def forward(name: str, service: str) -> Handler:
        async def endpoint(request: web.Request) -> web.Response:
            try:
                await asyncio.sleep(defects.delay_s(name))
                given = await _forwarded(request, request.app[CALLERS][service], twice=defects.repeats(name))
                response = _passed_back(given)
            except Unavailable as failure:
                response = answer({"error": str(failure)}, 503)
            return answer({"error": "bad gateway"}, 502) if defects.fails(name) else response

        endpoint.__name__ = name  # what the metrics call it
        return endpoint

    async def alive() -> None:
        if defects.health_needs:
            await app[CALLERS][defects.health_needs].call("GET", "/health", headers={}, body=b"")

    routes = [web.route(method, path, forward(name, service)) for name, method, path, service in ROUTES]
    app = build(settings, routes, lifespan=lifespan, alive=alive, headers={"x-gateway-pod": settings.pod})
    return app


async def _hold_database() -> None:
    """A connection to the database that the gateway has no business with, opened again when it ends (a planted defect)."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(*address_of("database"))
            await reader.read()
            writer.close()
        await asyncio.sleep(1.0)


async def _forwarded(request: web.Request, caller: Caller, *, twice: bool) -> ServiceAnswer:
    """The service's answer. A write without an idempotency key is given one, so that every request may be repeated.

    `twice`: the request is sent again once it was answered, as after an answer that was lost (a planted defect).
    """
    headers = {key: request.headers[key] for key in PASSED_ON if key in request.headers}
    if request.method == "POST":
        headers.setdefault("idempotency-key", uuid.uuid4().hex)
    body = await request.read()
    if twice:
        await caller.call(request.method, request.raw_path, headers=headers, body=body)
    return await caller.call(request.method, request.raw_path, headers=headers, body=body)


def _passed_back(given: ServiceAnswer) -> web.Response:
    headers = {key: given.headers[key] for key in PASSED_BACK if key in given.headers}
    return web.Response(body=given.body, status=given.status, headers=headers)


def main() -> None:
    """Serve as a pod."""
    settings = PodSettings.from_env("api-gateway")
    serve(application(settings, {name: address_of(name) for name in SERVICES}, Defects.from_env()), settings)


if __name__ == "__main__":
    main()
