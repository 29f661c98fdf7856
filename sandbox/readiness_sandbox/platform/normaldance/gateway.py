"""api-gateway: the one door of a region.

Forwards each route to its service and answers for services that do not.
It splits users between two releases of a service (`split`), takes what they report (`reports`), and aborts requests as a policy says (`faults`).
Where the platform has an identity provider, it lets in who has a token for the route (`trust.door`). DOOR=open says that there is none.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress

from aiohttp import web

from .atrest import gateway_routes
from .auditing.refusals import RefusalReport
from .caching import tracks as cache
from .defects import Defects
from .faults import Faults
from .firewall import guard
from .kit import audit
from .kit.app import ENVELOPE, FINE_BUCKETS_S, Handler, Unavailable, answer, build, no_dependencies, serve
from .kit.calls import Caller, ServiceAnswer, client
from .kit.features import HEADER as FEATURES
from .kit.settings import PodSettings, address_of
from .reports import Reports
from .split import Split, user_of
from .trust.blocks import BlockList, client_of
from .trust.blocks import is_on as blocks_attackers
from .trust.checking import has_provider
from .trust.door import GOES_WITH, Door, door_from_env
from .trust.limits import Limiter
from .trust.rules import CHANGE_RULE, EXPORT_RULE, NEEDS, RULES, RouteRule

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
PROVIDER = "auth-service"
CANARIES = [f"{service}-canary" for service in SERVICES]
"""Services of a release that some users get; there where releases are rolled out by users."""
BY_BALANCER = "x-forwarded-for"
"""The header that the balancer adds to each request."""
PASSED_ON = ("authorization", "content-type", "idempotency-key")
TO_PROVIDER = ("cookie", "origin")
"""Headers that the provider gets as well: it begins and ends the sessions of browsers."""
PASSED_BACK = ("content-type", "retry-after", "x-served-region", "x-served-pod", "x-release", FEATURES, cache.HEADER)
FROM_PROVIDER = (
    *("cache-control", "content-security-policy", "location", "pragma", "referrer-policy", "set-cookie"),
    "www-authenticate",
)
ALL_BACK = frozenset((*PASSED_BACK, *FROM_PROVIDER))
CALLERS = web.AppKey("callers", dict[str, Caller])


def application(settings: PodSettings, addresses: Mapping[str, tuple[str, int]], defects: Defects) -> web.Application:
    """The gateway in front of the services at `addresses`."""
    split, reports, faults = Split(settings.region, alone=defects.splits_alone), Reports(), Faults(settings.region)
    door = door_from_env(lambda: app[CALLERS][PROVIDER])
    limits = Limiter.from_env(lambda: app[CALLERS][PROVIDER])
    report = RefusalReport(lambda: app[CALLERS]["user-service"]) if audit.is_on() else None
    blocking = door.blocking() if door is not None and blocks_attackers() else None

    async def lifespan(app: web.Application) -> AsyncIterator[None]:
        async with client() as session:
            app[CALLERS] = {name: Caller(name, *at, session) for name, at in addresses.items()}
            own = asyncio.create_task(_hold_database()) if defects.opens_database else None
            yield
            if own is not None:
                own.cancel()

    def forward(name: str, service: str) -> Handler:
        async def endpoint(request: web.Request) -> web.Response:
            try:
                _admit(request, defects)
                await defects.delay(name)
                caller = request.app[CALLERS][split.service_for(service, user_of(request, await request.read()))]
                given = await _forwarded(request, caller, twice=defects.repeats(name))
                reports.know(given.headers.get("x-release", ""))
                response = _passed_back(given)
            except Unavailable as failure:
                response = answer({"error": str(failure)}, 503)
                response.headers["x-release"] = ""  # no service answered, and the gateway's own is not its
            return answer({"error": "bad gateway"}, 502) if defects.fails(name) else response

        endpoint.__name__ = name  # what the metrics call it
        return endpoint

    async def alive() -> None:
        if defects.health_needs:
            await app[CALLERS][defects.health_needs].call("GET", "/health", headers={}, body=b"")

    async def ready() -> None:
        asked = (
            app[CALLERS][name].call("GET", "/ready", headers={}, body=b"") for name in addresses if name not in CANARIES
        )
        if any(given.status != 200 for given in await asyncio.gather(*asked)):
            raise Unavailable("a service is not ready")

    routes = [
        _route(rule, faults.before(forward(rule.name, rule.service)), door, limits, (blocking, report))
        for rule in _rules(door)
    ]
    routes.append(web.post("/reports", reports.report))
    check = no_dependencies if defects.always_ready else ready
    own = {"x-gateway-pod": settings.pod}
    app = build(settings, routes, lifespan=lifespan, check=check, alive=alive, headers=own, buckets=FINE_BUCKETS_S)
    app[ENVELOPE].registry.register(reports.counter)
    app.cleanup_ctx.extend((split.watched, faults.watched))
    _hang(door, blocking, app)
    guard(app)
    return app


def _rules(door: Door | None) -> Iterator[RouteRule]:
    """The routes, those of a provider where there is a door."""
    yield from (RouteRule(*route, NEEDS.get(route[0], "")) for route in (*ROUTES, *gateway_routes()))
    if door is not None:
        yield from RULES
    elif cache.is_on():
        yield CHANGE_RULE
    if audit.is_on():
        yield EXPORT_RULE


def _route(
    rule: RouteRule,
    handler: Handler,
    door: Door | None,
    limits: Limiter,
    around: tuple[BlockList | None, RefusalReport | None],
) -> web.RouteDef:
    """The route of a rule, behind the door where there is one, with its limit; `around` it are the block list and the report of refusals, where they are."""
    handler = limits.within(rule.name, handler)
    handler = handler if door is None else door.before(rule, handler)
    for each in around:
        handler = handler if each is None else each.before(rule.name, handler)
    return web.route(rule.method, rule.path, limits.outside(rule.name, handler))


def _hang(door: Door | None, blocking: BlockList | None, app: web.Application) -> None:
    """What the door has to know is asked for while the gateway runs, and what it and the block list count is among its metrics."""
    if blocking is not None:
        app[ENVELOPE].registry.register(blocking.counter)
    if door is not None:
        app.cleanup_ctx.append(door.check.watched)
        app[ENVELOPE].registry.register(door.record.counter)


def _admit(request: web.Request, defects: Defects) -> None:
    """Let a request in. Raises Unavailable for a read through the region's own entry where that is shut (a planted defect)."""
    if defects.door_shut and request.method == "GET" and BY_BALANCER not in request.headers:
        raise Unavailable("this entry is shut")


async def _hold_database() -> None:
    """A connection to the database, opened again when it ends (a planted defect)."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(*address_of("database"))
            await reader.read()
            writer.close()
        await asyncio.sleep(1.0)


async def _forwarded(request: web.Request, caller: Caller, *, twice: bool) -> ServiceAnswer:
    """The service's answer.

    A write without an idempotency key is given one, so that every request may be repeated.
    `twice`: the request is sent again once it was answered, as after an answer that was lost (a planted defect).
    """
    passed = (*PASSED_ON, *TO_PROVIDER) if caller.service == PROVIDER else PASSED_ON
    headers = {key: request.headers[key] for key in passed if key in request.headers}
    if audit.is_on():
        headers |= {audit.CLIENT: client_of(request), **_traced(request)}
    if GOES_WITH in request:
        headers["authorization"] = f"Bearer {request[GOES_WITH]}"
    if request.method == "POST":
        headers.setdefault("idempotency-key", uuid.uuid4().hex)
    body = await request.read()
    if twice:
        await caller.call(request.method, request.raw_path, headers=headers, body=body)
    return await caller.call(request.method, request.raw_path, headers=headers, body=body)


def _traced(request: web.Request) -> dict[str, str]:
    """The header with the trace id, where the request has one."""
    return {audit.TRACE: request.headers[audit.TRACE]} if audit.TRACE in request.headers else {}


def _passed_back(given: ServiceAnswer) -> web.Response:
    response = web.Response(body=given.body, status=given.status)
    for key, value in given.headers.items():
        if key.lower() in ALL_BACK:
            response.headers.add(key, value)
    return response


def main() -> None:
    """Serve as a pod; without a setting that says who is let in, end."""
    if os.environ.get("DOOR") != "open" and not has_provider():
        sys.exit("api-gateway: set ISSUER to the identity provider, or DOOR=open where there is none")
    settings = PodSettings.from_env("api-gateway")
    here = [*SERVICES, *([PROVIDER] if has_provider() else [])]
    here += CANARIES if os.environ.get("ROUTES") == "watched" else []
    serve(application(settings, {name: address_of(name) for name in here}, Defects.from_env()), settings)


if __name__ == "__main__":
    main()
