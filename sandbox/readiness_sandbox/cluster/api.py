"""The API server as an ASGI application.

It decides who may ask and what a path means, and answers refusals as Status objects.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from readiness_sandbox.cluster import defaults, discovery, schema
from readiness_sandbox.cluster.audit import event
from readiness_sandbox.cluster.authorization import rbac, reviews
from readiness_sandbox.cluster.authorization.accounts import Accounts
from readiness_sandbox.cluster.authorization.attributes import Attributes
from readiness_sandbox.cluster.calls import Call
from readiness_sandbox.cluster.custom.definitions import Definitions
from readiness_sandbox.cluster.executing import Executing
from readiness_sandbox.cluster.hooks import NoCommands, NoMeters
from readiness_sandbox.cluster.metrics.exposition import CONTENT_TYPE
from readiness_sandbox.cluster.metrics.state import PATH as STATE_METRICS
from readiness_sandbox.cluster.resources import Resources, answer
from readiness_sandbox.cluster.statuses import StatusError, method_not_allowed, no_such_path
from readiness_sandbox.cluster.subresources import Subresources
from readiness_sandbox.cluster.watch import Watches

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection, Request
    from starlette.websockets import WebSocket

    from readiness_sandbox.cluster.audit import Event
    from readiness_sandbox.cluster.authorization.accounts import User
    from readiness_sandbox.cluster.hooks import Commands, Hooks, Meters
    from readiness_sandbox.cluster.store import Store

LOG = logging.getLogger(__name__)

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
HEALTH = ("healthz", "livez", "readyz")
DISCOVERY_DEPTH = {"api": 2, "apis": 3}
"""Paths of up to so many steps under these are discovery documents.

Longer ones are resources.
"""
SWITCHING_PROTOCOLS = 101


def build_app(
    store: Store,
    hooks: Hooks,
    token: str,
    meters: Meters | None = None,
    *,
    audit: Callable[[Event], None] | None = None,
    commands: Commands | None = None,
    accounts: Accounts | None = None,
) -> Starlette:
    """The application. Its `state.watches` must be closed before the server stops, or open watches hold it up.

    Args:
        store: what is served.
        hooks: the machinery.
        token: the bearer token of the administrator; every request but those on health and version carries it, or that of a ServiceAccount.
        meters: what the metrics API and the expositions are made of; None: nothing is measured.
        audit: called with the event of each request on a resource once it is answered; of a watch or a command, when it begins.
        commands: what runs commands in containers; None: nothing does.
        accounts: what signs and checks the tokens of ServiceAccounts; None: one of this server's own.
    """
    known = accounts or Accounts(store, token)
    server = Server(store, hooks, known, meters or NoMeters(), audit=audit, commands=commands or NoCommands())
    app = Starlette(
        routes=[
            Route("/{path:path}", server.answer, methods=METHODS),
            WebSocketRoute("/{path:path}", server.talk),
        ]
    )
    app.state.watches = server.watches
    return app


class Server:
    """Routes one request."""

    def __init__(
        self,
        store: Store,
        hooks: Hooks,
        accounts: Accounts,
        meters: Meters,
        *,
        audit: Callable[[Event], None] | None,
        commands: Commands,
    ) -> None:
        self._audit = audit
        self._store = store
        Definitions(store)
        self.watches = Watches(store)
        self._meters = meters
        self._resources = Resources(store, hooks, self.watches, meters)
        self._subresources = Subresources(store, hooks, meters)
        self._executing = Executing(store, commands)
        self._accounts = accounts
        self._authorizer = rbac.Authorizer(store)

    async def answer(self, request: Request) -> Response:
        """Answer any request; a refusal is a Status."""
        answered = await self._refusing(request)
        self._seen(request, answered.status_code, request.method)
        return answered

    async def _refusing(self, request: Request) -> Response:
        try:
            return await self._answered(request)
        except StatusError as refusal:
            LOG.debug("%s %s: %s %s", request.method, request.url.path, refusal.code, refusal.message)
            refused = answer(refusal.status, refusal.code)
            if seconds := refusal.details.get("retryAfterSeconds"):
                refused.headers["Retry-After"] = str(seconds)
            return refused

    async def talk(self, websocket: WebSocket) -> None:
        """Serve a WebSocket, which only `exec` of a pod is; a refusal is a Status, as the answer to the handshake."""
        try:
            self._admitted(websocket, "GET")
            command = self._executing.begin(websocket)
        except StatusError as refusal:
            self._seen(websocket, refusal.code, "GET")
            await websocket.send_denial_response(answer(refusal.status, refusal.code))
            return
        self._seen(websocket, SWITCHING_PROTOCOLS, "GET")
        await self._executing.serve(websocket, command)

    def _seen(self, request: HTTPConnection, code: int, method: str) -> None:
        if self._audit is not None and (seen := event(request, code, method=method)):
            self._audit(seen)

    async def _answered(self, request: Request) -> Response:
        path = request.url.path.rstrip("/")
        steps = path.strip("/").split("/")
        if request.method == "GET" and steps[0] in HEALTH:
            return PlainTextResponse("ok")
        if request.method == "GET" and path == "/version":
            return answer(discovery.VERSION)
        user = self._admitted(request, request.method)
        if request.method == "GET" and path == STATE_METRICS:
            return Response(self._meters.state(), media_type=CONTENT_TYPE)
        if len(steps) > DISCOVERY_DEPTH.get(steps[0], len(steps)):
            return await self._handled(await Call.of(request, self._store.kinds), user)
        if request.method != "GET":
            raise method_not_allowed()
        if path == "/openapi/v2":
            return Response(b"", media_type=discovery.OPENAPI_V2)
        if steps[0] in DISCOVERY_DEPTH:
            return answer(discovery.document(self._store.kinds, path, request.url.netloc))
        raise no_such_path()

    async def _handled(self, call: Call, user: User) -> Response:
        """Answer a request on a resource."""
        kind, method = call.target.kind, call.request.method
        if kind.group in reviews.GROUPS:
            if method != "POST" or call.target.name:
                raise method_not_allowed()
            return answer(reviews.reviewed(self._authorizer, user, kind, call.json()), 201)
        if call.target.subresource == "token":
            if method != "POST":
                raise method_not_allowed()
            account = self._store.get(kind, call.target.namespace, call.target.name)
            return answer(self._accounts.requested(account, call.json()), 201)
        if kind.group == rbac.GROUP and method in ("POST", "PUT", "PATCH") and not user.is_master:
            asked = Attributes.of(call.request, method)
            if method == "PATCH":
                raise rbac.forbidden(user, asked, "only the administrator may patch roles here: replace the object")
            if isinstance(body := call.json(), dict):  # any other is refused below
                obj = {**defaults.fresh(body), "kind": kind.kind}
                schema.check(kind, obj)
                self._authorizer.require_no_more(user, obj, asked)
        return await (self._subresources if call.target.subresource else self._resources).handle(call)

    def _admitted(self, request: HTTPConnection, method: str) -> User:
        """The user of a request. Raises StatusError 401 for an unknown user, 403 for a user who may not do that."""
        user = self._accounts.user_of(request.headers.get("authorization", ""))
        self._authorizer.require(user, Attributes.of(request, "GET" if method == "HEAD" else method))
        return user
