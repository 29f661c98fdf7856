"""GET /users/{name}/export: every record that names a user, for the user or an administrator."""

from __future__ import annotations

import os
from typing import Final

from aiohttp import web

from ..atrest import PersonalColumns
from ..kit.app import RequestRefused, answer
from ..kit.postgres import DatabaseRouter, one
from ..profile import EMAIL
from ..trust.access import Ownership, RouteAccess
from ..trust.rules import EXPORT_RULE, READ

QUERY: Final = "SELECT export_person(%s, %s) AS export"


class PersonExport:
    """The handler, on one database.

    Args:
        access: who a call is of.
        ownership: whose records they are.
        columns: how personal columns are stored.
    """

    def __init__(
        self, database: DatabaseRouter, access: RouteAccess, ownership: Ownership, columns: PersonalColumns
    ) -> None:
        self._database = database
        self._access = access
        self._ownership = ownership
        self._columns = columns
        self._left_out = os.environ.get("DEFECT_EXPORT_WITHOUT", "").split()

    def route(self) -> web.RouteDef:
        """That of `trust.rules`."""
        return web.route(EXPORT_RULE.method, EXPORT_RULE.path, self.export)

    async def export(self, request: web.Request) -> web.Response:
        """Every record that names the user."""
        name = request.match_info["name"]
        self._ownership.demand(self._access.caller(request, EXPORT_RULE.name, READ), name, EXPORT_RULE.name)
        found = await self._database.read_primary(one(QUERY, name, self._left_out))
        if found is None or found["export"]["user"] is None:
            raise RequestRefused(404, "no such user")
        export = found["export"]
        if profile := export.get("profile"):
            profile["email"] = await self._columns.opened(EMAIL, profile["email"])
        return answer(export)
