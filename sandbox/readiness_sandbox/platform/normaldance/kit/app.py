"""The HTTP server of every service.

JSON in and out, identity headers, metrics, short-lived connections, draining.
`/health` is shallow: it asks no dependency, so an outage elsewhere restarts no pod. `/ready` asks them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, generate_latest

from ..defects import Defects  # noqa: TID252 - the kit is part of the platform
from ..split import place, user_of  # noqa: TID252 - as above
from . import audit, profiles, transport
from .features import Features
from .times import QuickHistogram

if TYPE_CHECKING:
    from .settings import PodSettings

CONNECTION_MAX_AGE_S = 0.8
"""Age at which a kept connection is closed with its next answer, in seconds.

A layer-4 balancer in front spreads connections, not requests, and a new pod would starve behind connections that live for ever. At 1.5 s pods of one workload differed by 14 % in their share.
"""
TLS_ANSWERS = 16
"""Answers after which a kept connection with TLS is closed.

A handshake costs both ends as much as ten answers. Connections go to the pods in turn, so pods whose connections carry equally many answers have equal shares.
"""
TLS_MAX_AGE_S = 3.0
"""Age at which one that carries fewer is closed with its next answer, in seconds."""
IDLE_MAX_S = 10.0
"""Seconds an idle connection is kept: longer than by any client of the platform.

The client closes first, so no request is lost.
"""
DRAIN_S = 0.6
"""How long a pod told to stop still serves: until the endpoints have forgotten it."""
GRACE_S = 3.0
BODY_MAX_BYTES = 64 * 1024
BACKLOG = 256
"""As many connections may wait to be accepted."""
AT_ONCE = 64
"""Requests of users that a pod serves at a time; the next one is refused at once.

A pod that has so many is a second behind, which is as long as its callers wait: more would be answered after their callers have left.
"""
ANSWER_BY = "x-answer-by"
"""The header that says until when the caller waits, in seconds since 1970: what has lain in a queue for longer is not begun."""

DESCRIPTION, TABLE = "/openapi.json", "/routes"
OWN_PATHS = frozenset({"/health", "/ready", "/version", "/metrics", DESCRIPTION, TABLE, profiles.PATH})
"""What every service answers beside its routes."""

BUCKETS_S = (
    *(0.005, 0.01, 0.025, 0.05),
    *(round(2.0 * 2 ** (n / 4), 5) for n in range(-17, 2)),
    *(5.0, 10.0),
)
"""Upper ends of the response times that are counted: a fifth apart from 105 ms to 2.4 s, and one end is the 2 s that a trigger asks about.

Each is a line of every route at each scrape, in every service and in Prometheus.
"""
FINE_BUCKETS_S = (
    *(0.001 * n for n in range(1, 10)),
    *(round(0.01 * 1.1**n, 5) for n in range(59)),
    *(5.0, 10.0),
)
"""Those of the service whose quantiles are compared with what users measured: 1 ms apart up to 10 ms, a tenth from there to 2.5 s."""
_UNTIMED = OWN_PATHS - {"/ready"}
"""No user asks for these. `/ready` is timed, so that a service without users exposes response times as well."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Lifespan = Callable[[web.Application], AsyncIterator[None]]
Check = Callable[[], Awaitable[None]]


_compact = json.JSONEncoder(separators=(",", ":")).encode


class Unavailable(Exception):
    """A dependency did not answer within its bound; the client gets 503 and may try again."""


class RequestRefused(Exception):
    """The request cannot be served as it is; the client gets this status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def answer(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer in JSON."""
    return web.Response(text=_compact(content), status=status, headers=headers, content_type="application/json")


async def no_dependencies() -> None:
    """The readiness check of a service that depends on nothing."""


def build(
    settings: PodSettings,
    routes: Iterable[web.RouteDef],
    *,
    lifespan: Lifespan | None = None,
    check: Check = no_dependencies,
    alive: Check = no_dependencies,
    headers: Mapping[str, str] | None = None,
    buckets: Sequence[float] = BUCKETS_S,
) -> web.Application:
    """An application of named `routes` plus /health, /ready, /version and /metrics; /openapi.json and /routes too where the pod's API_DESCRIPTION says `served`.

    `check` is asked for readiness, `alive` for health. `headers` are on every answer, beside those that name region, pod and release.
    `buckets` are the upper ends of the response times that are counted, in seconds.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # as many lines again, which no rule and no dashboard reads
    identity = {"x-served-region": settings.region, "x-served-pod": settings.pod, "x-release": settings.release}
    defects = Defects.from_env()
    features = Features(defects.flags_every_s, defects.ignored_flags)
    envelope = Envelope({**identity, **(headers or {})}, defects, features, buckets)

    async def health(_: web.Request) -> web.Response:
        await alive()
        return answer({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        await check()
        return answer({"status": "ready"})

    async def version(_: web.Request) -> web.Response:
        return answer({"service": settings.service, "version": settings.release})

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=envelope.exposition(), content_type="text/plain")

    async def late(_: web.Application) -> None:
        await asyncio.sleep(defects.listens_after_s)

    app = web.Application(middlewares=[envelope.around], client_max_size=BODY_MAX_BYTES)
    app.on_startup.append(late)
    own: dict[str, Handler] = {"/health": health, "/ready": ready, "/version": version, "/metrics": metrics}
    if not defects.no_profiles:
        own[profiles.PATH] = profiles.profile
    if os.environ.get("API_DESCRIPTION") == "served":
        own[DESCRIPTION] = _description(settings)
        own[TABLE] = routes_of
    app.add_routes([*(web.get(path, handler) for path, handler in own.items()), *routes])
    app.on_response_prepare.append(envelope.sign)
    app[ENVELOPE] = envelope
    app.cleanup_ctx.append(features.watched)
    if lifespan is not None:
        app.cleanup_ctx.append(lifespan)
    return app


async def routes_of(request: web.Request) -> web.Response:
    """What the router serves: a line like `GET /tracks/{id}` each."""
    named = {(one.method, one.resource.canonical) for one in request.app.router.routes() if one.resource is not None}
    return web.Response(text="".join(f"{method} {path}\n" for method, path in sorted(named)))


def _description(settings: PodSettings) -> Handler:
    """The handler of the API description, which is made when it is asked for first."""
    made: list[str] = []

    async def openapi(request: web.Request) -> web.Response:
        if not made:
            made.append(await asyncio.to_thread(_described, request.app, settings))
        return web.Response(text=made[0], content_type="application/json")

    return openapi


def _described(app: web.Application, settings: PodSettings) -> str:
    from ..api.document import document  # noqa: TID252 - it costs 15 MB: only pods that are asked pay

    return _compact(document(app, service=settings.service, release=settings.release))


class Envelope:
    """What surrounds each request.

    It says who answered, how long it took, and whether the connection may be kept.
    """

    def __init__(
        self, headers: Mapping[str, str], defects: Defects, features: Features, buckets: Sequence[float]
    ) -> None:
        self.registry = CollectorRegistry()
        self.features = features
        self._enhanced = CollectorRegistry()
        self.draining = False
        self.keeps_connections = True
        self.tls_only = transport.directory() is not None
        self.in_plain: frozenset[str] = frozenset()
        self._serving = 0
        self._identity = list(headers.items())
        self._defects = defects
        self._born: WeakKeyDictionary[asyncio.Transport, float] = WeakKeyDictionary()
        self._secured: WeakKeyDictionary[ssl.SSLObject, tuple[float, int]] = WeakKeyDictionary()
        labels = ("route", "method", "status")
        self._requests = Counter("http_requests_total", "Requests answered.", labels, registry=self.registry)
        ends = () if defects.no_buckets else buckets
        self._seconds = QuickHistogram("http_request_seconds", "Seconds to answer.", ("route",), ends)
        self.histograms = [self._seconds]
        self._bytes = Counter(
            "http_response_bytes_total", "Bytes of answers' bodies.", ("route",), registry=self._enhanced
        )

    def exposition(self) -> bytes:
        """The metrics; the enhanced ones where that feature is on."""
        registries = [self.registry, *([self._enhanced] if self._is_enhanced() else [])]
        return b"".join([*(each.exposition().encode() for each in self.histograms), *map(generate_latest, registries)])

    def _is_enhanced(self) -> bool:
        return self.features.on("enhanced-metrics")

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn refusals into JSON, and count; a profile lasts as long as it was asked for, which is no response time."""
        if request.path == profiles.PATH:
            return await self._answered(request, handler)
        loop = asyncio.get_running_loop()
        started = loop.time()
        response = await self._answered(request, handler)
        if self.draining or not self.keeps_connections or self._is_old(request.transport, loop.time()):
            response.force_close()
        route = _route_of(request)
        if request.method not in self._defects.uncounted_methods:
            counted = 200 if self._defects.counts_as_200 and response.status >= 500 else response.status
            self._requests.labels(route, request.method, counted).inc()
        if self._is_enhanced() and isinstance(response, web.Response):
            self._bytes.labels(route).inc(response.content_length or 0)
        took_s = loop.time() - started
        if request.path not in _UNTIMED:
            self._seconds.observe(took_s, route)
        response.headers["server-timing"] = f"app;dur={1000 * took_s:.3f}"
        return response

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._defects.refuses_all and request.path != "/health":
            return answer({"error": "unavailable"}, 503)
        if request.path in OWN_PATHS:
            return await self._handled(request, handler)
        if (refused := self._refused(request)) is not None:
            return refused
        self._serving += 1
        try:
            self._defects.leak()
            self._defects.schedule.asked()
            defects = self._defects
            late = defects.errs_from < 100 and place(user_of(request, await request.read())) >= defects.errs_from
            if late or defects.errs(_route_of(request)):
                return answer({"error": "internal error"}, 500)
            return await self._handled(request, handler)
        finally:
            self._serving -= 1

    def _refused(self, request: web.Request) -> web.Response | None:
        """The answer to a request that no handler gets; None: it gets one."""
        if self.tls_only and not request.secure and request.path not in self.in_plain:
            return answer({"error": "this port serves health and metrics; use HTTPS"}, 421)
        if "\0" in request.path:  # no text of the database has it
            return answer({"error": "not found"}, 404)
        if self._serving >= AT_ONCE or _is_too_late(request):
            return answer({"error": "too much to do"}, 503, {"retry-after": "1"})
        return None

    async def _handled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        audit.clear()
        try:
            return await handler(request)
        except RequestRefused as refusal:
            return answer({"error": str(refusal)}, refusal.status)
        except Unavailable as failure:
            return answer({"error": str(failure)}, 503, {"retry-after": "1"})
        except web.HTTPException as refusal:
            return answer({"error": refusal.reason.lower()}, refusal.status)

    def _is_old(self, connection: asyncio.Transport | None, now: float) -> bool:
        """Whether a connection ends with this answer.

        The answer says so, hence no request is lost to it.
        """
        if connection is None:
            return True
        secured = connection.get_extra_info("ssl_object")  # a transport with TLS takes no weak reference
        if secured is None:
            return self._born.setdefault(connection, now) + CONNECTION_MAX_AGE_S < now
        born, answered = self._secured.get(secured, (now, 0))
        self._secured[secured] = born, answered + 1
        return answered + 1 >= TLS_ANSWERS or born + TLS_MAX_AGE_S < now

    async def sign(self, _: web.Request, response: web.StreamResponse) -> None:
        """Put identity on an answer, also on an unexpected one."""
        for name, value in self._identity:
            response.headers.setdefault(name, value)


def _is_too_late(request: web.Request) -> bool:
    """Whether the caller has said until when it waits, and that time is over."""
    try:
        return float(request.headers.get(ANSWER_BY, "inf")) < time.time()
    except ValueError:
        return False


def _route_of(request: web.Request) -> str:
    """The name of the route that a request meets; `none` when it meets none."""
    known = request.match_info.http_exception is None
    return getattr(request.match_info.handler, "__name__", "").replace("_", "-") if known else "none"


ENVELOPE = web.AppKey("envelope", Envelope)


def serve(app: web.Application, settings: PodSettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain, on the event loop of Python itself.

    uvloop closes the descriptor of a socket twice when a client's handshake of TLS is refused (https://github.com/aio-libs/aiohttp/issues/10506):
    the second time it is another connection's. Ends with an error when the address cannot be bound.
    """
    asyncio.run(_serve(app, settings))


async def listen(runner: web.AppRunner, address: str, port: int, tls: ssl.SSLContext | None = None) -> None:
    """Serve at an address, with TLS where there is a context for it."""
    await web.TCPSite(runner, address, port, backlog=BACKLOG, ssl_context=tls).start()


async def _serve(app: web.Application, settings: PodSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=IDLE_MAX_S, shutdown_timeout=GRACE_S)
    await runner.setup()
    try:
        await listen(runner, settings.address, settings.port)
        if (files := transport.directory()) is not None:
            await listen(runner, settings.address, transport.PORT, transport.server_context(files))
        sys.stderr.write(
            f"{settings.service} {settings.release}: {settings.pod} on {settings.address}:{settings.port}\n"
        )
        await stop.wait()
        app[ENVELOPE].draining = True
        await asyncio.sleep(DRAIN_S)
    finally:
        await runner.cleanup()


async def body_of(request: web.Request) -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        RequestRefused: 400 for anything but a JSON object; aiohttp itself refuses more than 64 KiB with 413.
    """
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise RequestRefused(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise RequestRefused(400, "the body is not a JSON object")
    return body


def text_in(body: dict[str, Any], name: str, *, longest: int = 200) -> str:
    """The text `name` of a JSON object.

    Raises:
        RequestRefused: 422 when it is missing, no text, empty or too long.
    """
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or "\0" in value:
        raise RequestRefused(422, f'"{name}" must be a text of 1 to {longest} characters without NUL')
    return value


def integer_in(body: dict[str, Any], name: str) -> int:
    """The integer `name` of a JSON object, at most 64 bits.

    Raises:
        RequestRefused: 422 when it is missing, no integer or too large.
    """
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise RequestRefused(422, f'"{name}" must be an integer of at most 64 bits')
    return value
