"""The HTTP server of every service: JSON in and out, identity headers, metrics, short-lived connections, draining.

`/health` is shallow: it asks no dependency, so an outage elsewhere restarts no pod. `/ready` asks them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..defects import Defects  # noqa: TID252 - the kit is part of the platform

if TYPE_CHECKING:
    import socket

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .settings import Settings

CONNECTION_MAX_AGE_S = 1.5
"""A kept connection is closed with the first answer after this age: a layer-4 balancer in front spreads connections,
not requests, and a new pod would starve behind connections that live for ever."""
DRAIN_S = 0.6
"""How long a pod told to stop still serves: until the endpoints have forgotten it."""
BODY_MAX_BYTES = 64 * 1024

Check = Callable[[], Awaitable[None]]


class Unavailable(Exception):
    """A dependency did not answer within its bound; the client gets 503 and may try again."""


async def no_dependencies() -> None:
    """The readiness check of a service that depends on nothing."""


@asynccontextmanager
async def nothing_to_open(_: Starlette) -> AsyncIterator[None]:
    """The lifespan of a service that holds nothing open."""
    yield


def build(
    settings: Settings,
    routes: Sequence[Route],
    *,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] = nothing_to_open,
    check: Check = no_dependencies,
    headers: Mapping[str, str] | None = None,
) -> Envelope:
    """An application of `routes` plus /health, /ready and /metrics, in the platform's envelope.

    `headers` stand on every answer, beside those that name region, pod and release.
    """
    registry = CollectorRegistry()

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        await check()
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    own = [Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)]
    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: _told,
        Unavailable: _unavailable,
        Exception: _broken,
    }
    starlette = Starlette(routes=[*own, *routes], lifespan=lifespan, exception_handlers=handlers)
    identity = {"x-served-region": settings.region, "x-served-pod": settings.pod, "x-release": settings.release}
    return Envelope(starlette, {**identity, **(headers or {})}, registry, Defects.from_env())


async def _told(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "internal error"
    return JSONResponse({"error": detail}, status_code=status)


async def _unavailable(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"retry-after": "1"})


async def _broken(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "internal error"}, status_code=HTTPStatus.INTERNAL_SERVER_ERROR)


class Envelope:
    """What surrounds each request: who answered, how long it took, and whether the connection may be kept."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str], registry: CollectorRegistry, defects: Defects) -> None:
        self.draining = False
        self._app = app
        self._defects = defects
        self._identity = [(name.encode(), value.encode()) for name, value in headers.items()]
        labels = ("route", "method", "status")
        self._requests = Counter("http_requests_total", "Requests answered.", labels, registry=registry)
        self._seconds = Histogram("http_request_seconds", "Time to answer, in seconds.", ("route",), registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; lifespan events pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        started = loop.time()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = {name for name, _ in message["headers"]}
                message["headers"] += [header for header in self._identity if header[0] not in said]
                if self.draining or scope["state"]["retire_at"] < loop.time():
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        app = _refusal if self._defects.refuses_all and scope["path"] != "/health" else self._app
        try:
            await app(scope, receive, answer)
        finally:
            route = getattr(scope.get("endpoint"), "__name__", "none")
            self._requests.labels(route, scope["method"], status).inc()
            self._seconds.labels(route).observe(loop.time() - started)


_refusal = JSONResponse({"error": "unavailable"}, status_code=HTTPStatus.SERVICE_UNAVAILABLE)


class ShortLived(H11Protocol):
    """A connection that knows when to retire; the envelope announces it with the next answer, so no request is lost."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note the moment after which answers carry `connection: close`."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "retire_at": self.loop.time() + CONNECTION_MAX_AGE_S}


class Draining(uvicorn.Server):
    """A server that goes on serving for a moment when told to stop, closing each connection with its answer."""

    def __init__(self, envelope: Envelope, settings: Settings) -> None:
        config = uvicorn.Config(
            envelope, settings.address, settings.port,
            loop="asyncio", http=ShortLived, ws="none", lifespan="on", access_log=False, log_level="warning",
            server_header=False, timeout_keep_alive=10, timeout_graceful_shutdown=3,
        )  # fmt: skip
        super().__init__(config)
        self._envelope = envelope

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then stop as uvicorn does."""
        self._envelope.draining = True
        await asyncio.sleep(DRAIN_S)
        await super().shutdown(sockets)


def serve(envelope: Envelope, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; exits 1 when the address cannot be bound."""
    sys.stderr.write(f"{settings.service} {settings.release}: {settings.pod} on {settings.address}:{settings.port}\n")
    Draining(envelope, settings).run()


async def body_of(request: Request) -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        HTTPException: 413 for more than 64 KiB, 400 for anything but a JSON object.
    """
    try:
        body = json.loads(await raw_body(request))
    except ValueError:
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return body


async def raw_body(request: Request) -> bytes:
    """The request's bytes, at most 64 KiB.

    Raises:
        HTTPException: 413 when there are more.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise HTTPException(413, f"the body is longer than {BODY_MAX_BYTES} bytes")
    return body


def text_in(body: dict[str, Any], name: str, *, longest: int = 200) -> str:
    """The text `name` of a JSON object.

    Raises:
        HTTPException: 422 when it is missing, no text, empty or too long.
    """
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise HTTPException(422, f'"{name}" must be a text of 1 to {longest} characters')
    return value


def integer_in(body: dict[str, Any], name: str) -> int:
    """The integer `name` of a JSON object, at most 64 bits.

    Raises:
        HTTPException: 422 when it is missing, no integer or too large.
    """
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise HTTPException(422, f'"{name}" must be an integer of at most 64 bits')
    return value
