"""Refusals in the audit log: the gateway reports each one to user-service before it answers, and user-service enters it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Final

from aiohttp import web

from ..kit import audit
from ..kit.app import Handler, Unavailable, answer, body_of, text_in
from ..kit.calls import Caller
from ..kit.postgres import DatabaseRouter, one
from ..trust.blocks import client_of
from ..trust.door import CALLED_BY

PATH: Final = "/internal/refusals"
SIGN_INS: Final = frozenset({"/sessions", "/login"})
LONGEST: Final = 80
REFUSED: Final = frozenset({401, 403})


class RefusalReport:
    """What the gateway does.

    Args:
        recorder: user-service, once the gateway runs.
    """

    def __init__(self, recorder: Callable[[], Caller]) -> None:
        self._recorder = recorder
        self._silent_one_in = int(os.environ.get("DEFECT_SILENT_ONE_IN", "0"))
        self._numbers = count(1)

    def before(self, name: str, handler: Handler) -> Handler:
        """The handler of a route whose refusals are reported; one that cannot be is answered with 503."""

        @wraps(handler)
        async def endpoint(request: web.Request) -> web.StreamResponse:
            response = await handler(request)
            if response.status not in REFUSED or self._is_silent():
                return response
            try:
                await self._report(request, name, response.status)
            except Unavailable as failure:
                return answer({"error": str(failure)}, 503, {"retry-after": "1"})
            return response

        return endpoint

    def _is_silent(self) -> bool:
        """Whether this refusal is left out (a planted defect)."""
        return bool(self._silent_one_in) and next(self._numbers) % self._silent_one_in == 0

    async def _report(self, request: web.Request, name: str, status: int) -> None:
        who = request.get(CALLED_BY) or await _signing_in(request)
        entry = {"what": f"{name} refused", "status": status, "who": who, "whence": client_of(request)}
        headers = {"content-type": "application/json"}
        if audit.TRACE in request.headers:
            headers[audit.TRACE] = request.headers[audit.TRACE]
        given = await self._recorder().call("POST", PATH, headers=headers, body=json.dumps(entry).encode())
        if given.status != 201:
            raise Unavailable("the refusal cannot be entered")


async def _signing_in(request: web.Request) -> str:
    """The name that a sign-in gives; empty for other requests."""
    if request.path not in SIGN_INS:
        return ""
    try:
        body = json.loads(await request.read())
    except ValueError:
        return ""
    return str(body.get("user", ""))[:LONGEST] if isinstance(body, dict) else ""


class RefusalEntries:
    """What user-service does.

    Args:
        database: with the audit log.
    """

    def __init__(self, database: DatabaseRouter) -> None:
        self._database = database

    async def enter(self, request: web.Request) -> web.Response:
        """POST /internal/refusals, which only gateways reach."""
        body = await body_of(request)
        headers = {audit.CLIENT: text_in(body, "whence"), audit.TRACE: request.headers.get(audit.TRACE, "")}
        audit.by(headers, text_in(body, "what"), str(body.get("who", "")))
        await enter_alone(self._database)
        return answer({}, 201)


async def enter_alone(database: DatabaseRouter) -> None:
    """Write the entry of the request at hand, which changes nothing else. Raises Unavailable."""
    entry = audit.alone()
    if entry is not None:
        query, values = entry
        await database.write(one(query, *values))
