"""api-gateway: the one door of a region. Forwards each route to its service and answers for services that do not."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .defects import Defects
from .kit.app import Envelope, Unavailable, build, raw_body, serve
from .kit.calls import Answer, Caller, client
from .kit.settings import Settings, address_of

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

ROUTES = (
    ("sign-in", "POST", "/sessions", "user-service"),
    ("read-user", "GET", "/users/{name}", "user-service"),
    ("read-track", "GET", "/tracks/{id}", "track-service"),
    ("create-track", "POST", "/tracks", "track-service"),
    ("play-track", "POST", "/tracks/{id}/plays", "track-service"),
    ("write-ledger", "POST", "/ledger", "track-service"),
)
SERVICES = sorted({service for *_, service in ROUTES})
PASSED_ON = ("authorization", "content-type", "idempotency-key")
PASSED_BACK = ("content-type", "retry-after", "x-served-region", "x-served-pod", "x-release")


def application(settings: Settings, addresses: Mapping[str, tuple[str, int]], defects: Defects) -> Envelope:
    """The gateway in front of the services at `addresses`."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with client() as session:
            app.state.callers = {name: Caller(name, *addresses[name], session) for name in SERVICES}
            yield

    def forward(name: str, service: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                answer = await _forwarded(request, request.app.state.callers[service])
            except Unavailable as error:
                response: Response = JSONResponse({"error": str(error)}, 503)
            else:
                back = {key: answer.headers[key] for key in PASSED_BACK if key in answer.headers}
                response = Response(answer.body, answer.status, back)
            if defects.fails(name):
                response = JSONResponse({"error": "bad gateway"}, 502)
            return response

        endpoint.__name__ = name
        return endpoint

    routes = [Route(path, forward(name, service), methods=[method]) for name, method, path, service in ROUTES]
    return build(settings, routes, lifespan=lifespan, headers={"x-gateway-pod": settings.pod})


async def _forwarded(request: Request, caller: Caller) -> Answer:
    """The service's answer. A write without an idempotency key is given one, so that every request may be repeated."""
    headers = {key: request.headers[key] for key in PASSED_ON if key in request.headers}
    if request.method == "POST":
        headers.setdefault("idempotency-key", uuid.uuid4().hex)
    body = await raw_body(request) if request.method == "POST" else b""
    return await caller.call(request.method, request.scope["raw_path"].decode(), headers=headers, body=body)


def main() -> None:
    """Serve as a pod."""
    settings = Settings.from_env("api-gateway")
    serve(application(settings, {name: address_of(name) for name in SERVICES}, Defects.from_env()), settings)


if __name__ == "__main__":
    main()
